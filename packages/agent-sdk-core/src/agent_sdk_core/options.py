"""How a session behaves. An absent field means "inherit from the agent's own configuration" and is not sent."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, SkipValidation, StrictBool, ValidationError
from pydantic_core import from_json

from agent_sdk_core.asking.permissions import CanUseTool, Defer, PermissionMode
from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.mcp_servers import McpServer, Servers
from agent_sdk_core.option_values import (
    Inherited,
    Names,
    Options,
    PathText,
    PathTexts,
    Seconds,
    Table,
    Text,
    Variables,
    complaint,
    is_async,
    path_problem,
    table_value,
    takes_one,
    wrong,
)
from agent_sdk_core.redaction import REDACTED, learn_from
from agent_sdk_core.sub_agents import AgentDefinition, checked_mode

if TYPE_CHECKING:
    from agent_sdk_core.asking.questions import OnElicitation, OnQuestion
    from agent_sdk_core.hooks.table import Hooks
    from agent_sdk_core.policy.guard import PolicyGuard
    from agent_sdk_core.tools.registry import ToolRegistry
    from agent_sdk_core.tools.tool import Tool
else:
    # Not validated by pydantic, and not loaded by those who use none.
    Hooks = OnElicitation = OnQuestion = PolicyGuard = Tool = ToolRegistry = object


def require_async(callback: Any) -> Any:
    """Return a callback that is async, or none; refuse another one."""
    if callback is None or isinstance(callback, Defer):
        return callback
    if not is_async(callback):
        raise wrong("must be an async function (async def): a sync one would block every session")
    if not takes_one(callback):
        raise wrong(
            "must take one argument, the request, with all that claude-agent-sdk passes beside each other: "
            "request.tool_name, request.input, and what else is known"
        )
    return callback


def _prompt(value: Any) -> Any:
    if isinstance(value, Mapping):
        raise wrong(
            "must be text, not a table: the agent's own prompt, which claude-agent-sdk calls a preset, is there where "
            "this is left out, and append_system_prompt adds to it"
        )
    return value


def _registries(value: Any) -> Any:
    if value is None:
        return None
    from agent_sdk_core.tools.registry import ToolRegistry
    from agent_sdk_core.tools.tool import Tool

    if isinstance(value, ToolRegistry):
        return value
    if isinstance(value, Mapping):
        raise wrong("takes tools of yours, not a table; the agent's own tools are chosen by builtin_tools")
    single = isinstance(value, Tool | str) or not isinstance(value, Iterable)
    given = tuple(_installed(cast("Any", (value,) if single else value)))
    for entry in given:
        if not isinstance(entry, Tool | ToolRegistry):
            raise wrong(f"takes registries and tools, not {entry!r}; put @tool above a function")
    registries = [entry for entry in given if isinstance(entry, ToolRegistry)]
    try:
        if tools := [entry for entry in given if isinstance(entry, Tool)]:
            registries.append(ToolRegistry(tools=tools))
    except InvalidRequestError as error:
        raise wrong(error.message.rstrip(".")) from None
    names = [registry.name for registry in registries]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise wrong(f"has two registries called {twice[0]!r}")
    return registries[0] if len(registries) == 1 else tuple(registries)


def _installed(given: Iterable[object]) -> Iterator[object]:
    """Return tools with those that are given by name."""
    for entry in given:
        if not isinstance(entry, str):
            yield entry
            continue
        from agent_sdk_core.tools.plugins import load_tools  # Only where one is named.

        try:
            yield from load_tools(entry)
        except InvalidRequestError as error:
            own = "; the agent's own tools are chosen by builtin_tools" if entry[:1].isupper() else ""
            raise wrong(f"names what cannot be used: {error.message.rstrip('.')}{own}") from None


def _agents(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise wrong(f"must be a table of AgentDefinition by name, not {type(value).__name__}")
    agents: dict[str, AgentDefinition] = {}
    for name, given in cast("Mapping[object, object]", value).items():
        if not isinstance(name, str) or not name.strip():
            raise wrong(f"has {name!r}, which is no name of a sub-agent")
        try:
            agents[name] = given if isinstance(given, AgentDefinition) else AgentDefinition.model_validate(given)
        except ValidationError as error:
            raise wrong(f"[{name!r}] {complaint(error.errors(include_url=False)[0])}") from None
    return agents


def _settings(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = from_json(value)
        except ValueError as error:
            raise wrong(f"is no JSON: {error}") from None
    if value is None or isinstance(value, Mapping):
        return table_value(value)
    if (problem := path_problem(value)) is not None:
        raise wrong(f"{problem}; give a table, or name a file")
    return value


def _guard(value: Any) -> Any:
    if value is None:
        return None
    from agent_sdk_core.policy.guard import PolicyGuard

    if not isinstance(value, PolicyGuard):
        raise wrong(f"takes a PolicyGuard, such as PolicyGuard(allow=['Read(**)']), not {type(value).__name__}")
    return value


def _hooks(value: Any) -> Any:
    if value is None:
        return None
    from agent_sdk_core.hooks.table import Hooks

    if not isinstance(value, Hooks):
        kind = type(cast("object", value)).__name__
        raise wrong(f"takes Hooks, such as Hooks(pre_tool_use=[Hook(check, matcher='Bash')]), not {kind}")
    return value


def as_policy(value: Any) -> Any:
    """Return a sandbox as a `SandboxPolicy`, for options that take one; a table of its fields will do."""
    if value is None or isinstance(value, SandboxPolicy):
        return value
    if not isinstance(value, Mapping):
        raise wrong(f"takes a SandboxPolicy, such as SandboxPolicy(mode='read-only'), not {type(value).__name__}")
    return SandboxPolicy.model_validate(value)


Personality = Literal["none", "friendly", "pragmatic"]
"""How Codex speaks."""

ReasoningSummary = Literal["none", "auto", "concise", "detailed"]
"""How much Codex tells of what the model thinks."""

SettingSource = Literal["user", "project", "local"]
"""Whose settings: the user's, the project's as it is shared, or the user's own for this project."""


class SandboxPolicy(Options):
    """What the agent's tools may touch without asking.

    Attributes:
        mode: Nothing but reading, writing in the workspace, or everything.
        network: Whether tools may use the network; absent inherits.
        writable_roots: Further folders that tools may write to, in "workspace-write".
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    mode: Literal["read-only", "workspace-write", "danger-full-access"]
    network: StrictBool | None = None
    writable_roots: PathTexts = ()


class SessionOptions(Options):
    """Options of one session; frozen, so that one object can serve many sessions.

    Every value is checked when the options are made, and when a copy is made with `model_copy`: what no agent can be
    sent is an `InvalidRequestError` that names the option.

    Attributes:
        cwd: Folder the agent works in; absent: the current one, or with `resume` the stored session's.
        model: Model id as the agent knows it.
        reasoning_effort: How much the model reasons.
        permission_mode: How much the agent may do unasked; Claude's own spellings, such as "acceptEdits", are taken.
        system_prompt: Replaces the agent's own system prompt.
        append_system_prompt: Is added to it.
        resume: Id of a session to go on with.
        fork: With `resume`: go on in a copy, the original stays as it is.
        fork_at: With `fork`: uuid of a stored message, or of a turn, whose turn is the last that is copied.
        session_id: Id for the new session, where the agent lets callers choose.
        can_use_tool: Async callback that answers permission requests; absent: all are denied.
        on_question: Async callback that answers the agent's questions; absent: all are declined.
        on_elicitation: Async callback that answers MCP servers; absent: all are declined.
        tools: Python functions that the agent can call: a `ToolRegistry`, or a list of tools, registries, and names of
            installed ones, such as "shell".
        add_dirs: Further folders that the agent may work in.
        sandbox: What tools may touch; beats the sandbox of `permission_mode`.
        env: Environment variables for the agent's tools; values may be `Secret`.
        inherit_env: Whether tools see this process's environment: all of it, none, or the named variables.
        mcp_servers: MCP servers by name: `McpServer`, or tables in the spelling of claude-agent-sdk or of Codex.
        allowed_tools: Tools, or rules in the agent's own spelling such as "Bash(git log *)", that run unasked.
        disallowed_tools: Tools, or rules, that are refused unasked.
        setting_sources: Whose settings files the agent reads, their hooks and instructions included; absent: the
            user's own, and on Codex those of a project that the user trusts, for a stranger's run code.
        max_turns: Model calls that a turn may take; the turn that wants more ends with "error_max_turns".
        max_budget_usd: What a session may cost, in US dollars, from when it is opened; then its turn, and every
            further one, ends with "error_max_budget_usd". Codex needs the `prices` of its backend for it.
        output_schema: JSON Schema that the final answer must fit.
        agents: Sub-agents that the agent can start, by name; see `AgentDefinition`.
        builtin_tools: Names of the agent's own tools that there are at all, such as ("Read", "Grep"); empty: none;
            absent: all. Claude only.
        skills: Names of the skills that the model is told of; empty: none; absent: all that are installed.
        plugins: Folders of Claude Code plugins to load for this session. Claude only.
        fallback_model: Model that takes over while `model` is busy, or several in order, separated by commas. Claude
            only.
        betas: Beta features of the provider, as it names them; for accounts with an API key. Claude only.
        max_thinking_tokens: Tokens that a model may think before it answers, 0: none; a model that decides itself how
            much it thinks passes it over, see `reasoning_effort`. Claude only.
        reasoning_summary: How much is told of what the model thinks. Codex only.
        personality: How the agent speaks, on models that can choose. Codex only.
        service_tier: How the provider serves the requests, such as "priority" or "flex". Codex only.
        settings: The agent's own settings for this session, in its own words: keys of Claude's settings.json, of
            Codex's config.toml; or such a file. Every other option beats them.
        strict_mcp_servers: Whether only the servers of `mcp_servers` run, and none that is configured elsewhere.
        ephemeral: Whether the session is never stored; it cannot be resumed.
        include_partial_messages: Whether deltas are delivered; without them long answers cost less.
        policy: Rules that decide about tool calls before anyone is asked, see `PolicyGuard`.
        policy_scope: "asked_only" accepts that a refusal of `policy` binds only what the agent asks about, where the
            backend's `policy_scope` is no more; without it such a session is not built.
        hooks: Functions of yours that are told what the agent is about to do, and may refuse or change it; see `Hooks`.
        request_timeout: Seconds after which an unanswered request of the agent is denied; None waits.
        turn_timeout: Seconds that a turn may take; it is then interrupted, and its outcome is "limit". None: any.
        retry_timeout: Seconds that a turn may go on trying to reach its model in vain, each try told by an `ApiRetry`;
            it then fails with the reason. None: as long as the agent itself tries, which Codex does for ever.
        stall_timeout: Seconds without any message of the agent after which a turn is warned of (an `Informational`); as
            many later it is ended, by force if need be. Choose more than a tool may take that prints nothing. Waiting
            for somebody's answer does not count. None: it may be silent.
        idle_timeout: Seconds without work after which a session is parked: its process is ended, or its thread
            unloaded, until its next prompt. Background work keeps it from that. None: never.
        native: Passed to the agent untouched, for what has no field here; beats every other field. On Claude fields of
            `initialize`, and `{"flags": {…}}` for its command line; on Codex parameters of `thread/start`. A name that
            the agent does not know raises when the session is opened.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)

    cwd: PathText | None = None
    model: Text | None = None
    reasoning_effort: Text | None = None
    permission_mode: Annotated[PermissionMode | None, BeforeValidator(checked_mode)] = None
    system_prompt: Annotated[str | None, BeforeValidator(_prompt)] = None
    append_system_prompt: str | None = None
    resume: Text | None = None
    fork: StrictBool = False
    fork_at: Text | None = None
    session_id: Text | None = None
    can_use_tool: Annotated[SkipValidation[CanUseTool | Defer | None], AfterValidator(require_async)] = None
    on_question: Annotated[SkipValidation[OnQuestion | Defer | None], AfterValidator(require_async)] = None
    on_elicitation: Annotated[SkipValidation[OnElicitation | Defer | None], AfterValidator(require_async)] = None
    tools: Annotated[
        SkipValidation[ToolRegistry | Iterable[Tool | ToolRegistry | str] | None], AfterValidator(_registries)
    ] = None
    add_dirs: PathTexts = ()
    sandbox: Annotated[SandboxPolicy | None, BeforeValidator(as_policy)] = None
    env: Variables = Field(default_factory=dict)
    inherit_env: Inherited = None
    mcp_servers: Servers = Field(default_factory=dict)
    allowed_tools: Names = ()
    disallowed_tools: Names = ()
    setting_sources: tuple[SettingSource, ...] | None = None
    max_turns: Annotated[int, Field(gt=0, strict=True)] | None = None
    max_budget_usd: Seconds | None = None
    output_schema: Table | None = None
    agents: Annotated[SkipValidation[Mapping[str, AgentDefinition]], AfterValidator(_agents)] = Field(
        default_factory=dict[str, AgentDefinition]
    )
    builtin_tools: Names | None = None
    skills: Names | None = None
    plugins: PathTexts = ()
    fallback_model: Text | None = None
    betas: Names = ()
    max_thinking_tokens: Annotated[int, Field(ge=0, strict=True)] | None = None
    reasoning_summary: ReasoningSummary | None = None
    personality: Personality | None = None
    service_tier: Text | None = None
    settings: Annotated[
        SkipValidation[Mapping[str, object] | str | os.PathLike[str] | None], AfterValidator(_settings)
    ] = None
    strict_mcp_servers: StrictBool = False
    ephemeral: StrictBool = False
    include_partial_messages: StrictBool = True
    policy: Annotated[SkipValidation[PolicyGuard | None], AfterValidator(_guard)] = None
    policy_scope: Literal["every_call", "asked_only"] | None = None
    hooks: Annotated[SkipValidation[Hooks | None], AfterValidator(_hooks)] = None
    request_timeout: Seconds | None = None
    turn_timeout: Seconds | None = None
    retry_timeout: Seconds | None = 120.0
    stall_timeout: Seconds | None = None
    idle_timeout: Seconds | None = None
    native: Table = Field(default_factory=dict)

    def model_post_init(self, context: object, /) -> None:
        """Remember the secrets of the environment and of settings, so that no error, log or `repr` shows them."""
        for settings in (self.env, self.native, self.settings):
            if isinstance(settings, Mapping):
                learn_from(settings)
        self._require_one_session()

    def _require_one_session(self) -> None:
        """Refuse options that name no session to go on with, or two."""
        if self.fork and self.resume is None:
            raise wrong(
                "has fork=True and nothing to fork; add resume with the id of a stored session, or call session.fork()"
            )
        if self.fork_at is not None and not self.fork:
            raise wrong("has fork_at, which says where a fork begins; add fork=True and resume")
        if self.resume is not None and self.session_id is not None and not self.fork:
            raise wrong(
                "has resume and session_id, and a session that goes on keeps its id; leave out session_id, "
                "or add fork=True to go on in a copy of that id"
            )

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Show of the environment and of MCP servers the names alone."""
        for name, value in super().__repr_args__():
            if name in ("env", "mcp_servers") and isinstance(value, Mapping):
                yield name, dict.fromkeys(cast("Mapping[str, object]", value), REDACTED)
            else:
                yield name, value

    @property
    def registries(self) -> tuple[ToolRegistry, ...]:
        """The registries of `tools`."""
        if self.tools is None:
            return ()
        given = cast("ToolRegistry | tuple[ToolRegistry, ...]", self.tools)
        return given if isinstance(given, tuple) else (given,)

    @property
    def budget_usd(self) -> float | None:
        """What the session may cost by `max_budget_usd` and by its policy, in US dollars; None: as much as it likes."""
        limit = self.policy.limits.cost_usd if self.policy is not None else None
        return min((each for each in (self.max_budget_usd, limit) if each is not None), default=None)

    @property
    def servers(self) -> Mapping[str, McpServer]:
        """The servers of `mcp_servers`."""
        return cast("Mapping[str, McpServer]", self.mcp_servers)

    @property
    def asks_always(self) -> bool:
        """Whether something is asked about whatever is allowed: by `ask="always"` of a tool, or a rule of a policy.

        What a refusal with a pattern may mean is asked about as well.
        """
        if any(tool.ask == "always" for registry in self.registries for tool in registry):
            return True
        rules = () if self.policy is None else self.policy.rules
        return any(rule.verdict == "ask" or (rule.verdict == "deny" and rule.pattern is not None) for rule in rules)

    def warnings(self) -> tuple[str, ...]:
        """Return what is allowed and yet hardly meant, as sentences."""
        never = None
        always = self.asks_always
        if self.permission_mode == "dont_ask" or (self.permission_mode == "bypass" and not always):
            never = f"in permission_mode={self.permission_mode!r} nobody is asked"
        elif "*" in self.allowed_tools and not always:
            never = "allowed_tools allows every tool"
        uncalled = (f"SessionOptions.can_use_tool is never called: {never}.",) if never and self.can_use_tool else ()
        if self.policy is None:
            return uncalled
        own = {tool.name: shown for tools in self.registries for tool, shown in zip(tools, tools.names, strict=True)}
        return (*uncalled, *self.policy.warnings(own))

    @property
    def binds_every_call(self) -> bool:
        """Whether each call is judged, for the sake of its policy, or of rules that answers may add."""
        if self.policy_scope == "asked_only":
            return False
        return self.policy_scope == "every_call" or (self.policy is not None and self.policy.refuses)

    def require_enforceable(self, backend: str, scope: str) -> None:
        """Refuse a policy that a backend cannot enforce on every call, unless that was accepted.

        Args:
            backend: Name of the backend, for the message.
            scope: Its `BackendCapabilities.policy_scope`.

        Raises:
            UnsupportedOptionError: The policy refuses, asks or limits calls, or `policy_scope` wants every call, and
                the agent does some of them without asking.
        """
        if scope == "every_call" or self.policy_scope == "asked_only":
            return
        if self.policy_scope == "every_call" or (self.policy is not None and self.policy.refuses):
            raise UnsupportedOptionError(
                f"The {backend} backend asks about some tool calls only, so that a deny or ask rule, or a limit "
                'of calls, of SessionOptions.policy would not bind the others; pass policy_scope="asked_only" to '
                'accept that, or write scope = "asked_only" below [policy] in your configuration.',
                backend=backend,
                details={"option": "policy"},
            )

    def require_supported(self, backend: str, unsupported: Collection[str]) -> None:
        """Refuse the fields that a backend cannot honour.

        Args:
            backend: Name of the backend, for the message.
            unsupported: Names of the fields it cannot honour: `BackendCapabilities.unsupported_options`.

        Raises:
            UnsupportedOptionError: One of them is set.
        """
        for name, field in type(self).model_fields.items():
            if name not in unsupported or name not in self.model_fields_set:
                continue
            if getattr(self, name) != field.get_default(call_default_factory=True):
                raise UnsupportedOptionError(
                    f"The {backend} backend cannot honour SessionOptions.{name}; leave it unset or choose a "
                    "backend that can.",
                    backend=backend,
                    details={"option": name},
                )
