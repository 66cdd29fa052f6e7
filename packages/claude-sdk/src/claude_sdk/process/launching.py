"""Session options as the start of a claude process: its arguments, its environment, its `initialize`. Pure.

Everything that may be long or secret goes through `initialize`, for arguments are limited to 128 KiB each and can be
read by every user of the machine. What is absent is left out, so that Claude's own configuration decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Final, cast
from uuid import UUID

from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.names import nearest
from agent_sdk_core.option_values import revealed
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import existing_folder, working_folder
from agent_sdk_core.records import dataclass
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.wire.reading import Json
from claude_sdk.modes import DEFAULT_SOURCES, MODES, UNSUPPORTED_OPTIONS
from claude_sdk.process.answer_schema import answer_form
from claude_sdk.process.mcp_servers import server_configs, startup_limit
from claude_sdk.process.typed_options import typed_fields, typed_flags

_BASE: Final = (
    "--output-format=stream-json",
    "--input-format=stream-json",
    "--verbose",
    "--permission-prompt-tool=stdio",
)
_ESSENTIAL: Final = frozenset(
    {
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "TERM",
        "TMPDIR",
        "TZ",
        "XDG_CONFIG_HOME",
        "XDG_RUNTIME_DIR",
        "IS_SANDBOX",
    }
)
_ESSENTIAL_PREFIXES: Final = ("ANTHROPIC", "CLAUDE", "LC_", "AWS_", "GOOGLE_", "CLOUD_ML_", "VERTEX", "NODE_", "SSL_")
_INITIALIZE: Final = frozenset(
    {
        *("agent", "agentProgressSummaries", "agents", "appendSubagentSystemPrompt", "appendSystemPrompt"),
        *("codeRunningMcpTools", "excludeDynamicSections", "sdkMcpServerManifestsOrigin"),
        *("forwardSubagentText", "jsonSchema", "managedSettings", "mcpServers", "perTaskStopAffordance"),
        *("planModeInstructions", "plugins", "promptSuggestions", "sdkMcpServerConfigs", "sdkMcpServerManifests"),
        *("sdkMcpServers", "skills", "supportedDialogKinds", "systemPrompt", "systemPromptSnapshot", "title"),
        "toolAliases",
    }
)
"""Fields of `initialize` (2.1.329); claude passes over others in silence."""

_PROXIES: Final = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"})


@dataclass(frozen=True, slots=True)
class Launch:
    """How a claude process is started.

    Attributes:
        arguments: What follows the executable.
        env: Its whole environment.
        cwd: Folder that it works in.
        initialize: Fields of its `initialize` request.
        session_id: The id that the session will have.
        stored: Whether the session is stored from the start.
        answers: What its answers have to be, where it has an output schema.
        flags: The names of claude's own flags that the caller gave.
        unknown: The fields of `native` that this SDK does not know.
    """

    arguments: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    initialize: Json = field(repr=False)
    session_id: str
    stored: bool
    answers: AnswerForm | None = None
    flags: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def ephemeral(self) -> bool:
        """Whether the session is never stored."""
        return "--no-session-persistence" in self.arguments


def launch_plan(
    options: SessionOptions,
    *,
    env: Mapping[str, str],
    session_id: str,
    cwd: str | Path | None = None,
    resume_at: str | None = None,
    announced: Mapping[str, object] | None = None,
    mirrored: bool = False,
) -> Launch:
    """Return how to start the process of a session.

    Args:
        options: The session's options.
        env: Environment of the backend.
        session_id: Id for a new or forked session; a resumed one keeps its own.
        cwd: Folder of a stored session, for options that name none.
        resume_at: Uuid of the last message to take over, for a fork.
        mirrored: Whether claude tells of each line that it writes into the session's file.
        announced: Fields of `initialize` that announce what claude may ask us: the application's tools, our hooks.

    Raises:
        InvalidRequestError: A folder, an id or the output schema cannot be used, or `fork` has nothing to fork.
        UnsupportedOptionError: An option cannot be honoured.
    """
    options.require_supported("claude", UNSUPPORTED_OPTIONS)
    if options.session_id is not None and not _is_uuid(options.session_id):
        raise InvalidRequestError(
            f"SessionOptions(session_id={options.session_id!r}): Claude takes nothing but a UUID, such as "
            f"str(uuid.uuid4()).",
            backend="claude",
        )
    answers = None if options.output_schema is None else answer_form(options.output_schema)
    folder = working_folder(options.cwd if options.cwd is not None else cwd or ".", backend="claude")
    native = dict(options.native)
    flags = _native_flags(native.pop("flags", {}))
    if "hooks" in native:
        raise UnsupportedOptionError(
            "The claude backend cannot take hooks in SessionOptions.native: nobody would answer them, which "
            "claude takes for consent. Use can_use_tool, or hooks in a settings file.",
            backend="claude",
            details={"option": "native"},
        )
    keeps_id = options.resume is not None and not options.fork
    environment = _environment(options, env)
    mirror = ("--session-mirror",) if mirrored else ()
    return Launch(
        arguments=(*_arguments(options, None if keeps_id else session_id, resume_at), *mirror, *flags.values()),
        env=environment,
        cwd=folder,
        initialize={**_initialize(options, answers, environment), **(announced or {}), **native},
        session_id=options.resume if keeps_id and options.resume is not None else session_id,
        stored=keeps_id,
        answers=answers,
        flags=tuple(flags),
        unknown=tuple(name for name in native if name not in _INITIALIZE),
    )


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _arguments(options: SessionOptions, session_id: str | None, resume_at: str | None) -> list[str]:
    arguments = [*_BASE]
    if options.include_partial_messages:
        arguments.append("--include-partial-messages")
    if options.resume is not None:
        arguments.append(f"--resume={options.resume}")
        if options.fork:
            arguments.append("--fork-session")
        if resume_at is not None:
            arguments.append(f"--resume-session-at={resume_at}")
    if session_id is not None:
        arguments.append(f"--session-id={session_id}")
    sources = DEFAULT_SOURCES if options.setting_sources is None else options.setting_sources
    arguments.append(f"--setting-sources={','.join(sources)}")
    named = {
        "--model": options.model,
        "--effort": options.reasoning_effort,
        "--max-turns": options.max_turns,
        "--max-budget-usd": options.budget_usd,
    }
    arguments += [f"{flag}={value}" for flag, value in named.items() if value is not None]
    if options.permission_mode is not None:
        arguments.append(f"--permission-mode={MODES[options.permission_mode]}")
    if options.permission_mode == "bypass":
        arguments.append("--allow-dangerously-skip-permissions")
    arguments += typed_flags(options)
    arguments += [f"--add-dir={existing_folder('add_dirs', path, backend='claude')}" for path in options.add_dirs]
    if options.allowed_tools:
        arguments.append(f"--allowedTools={','.join(options.allowed_tools)}")
    if options.disallowed_tools:
        arguments.append(f"--disallowedTools={','.join(options.disallowed_tools)}")
    if options.mcp_servers:
        arguments.append("--await-initialize")
    return arguments


def _native_flags(flags: object) -> dict[str, str]:
    """Return arguments of the caller's own, by the flag's name; the last of several that set the same thing holds."""
    if not isinstance(flags, Mapping):
        raise InvalidRequestError(
            'SessionOptions.native["flags"] holds flags of claude by name, such as {"fallback-model": "…"}.',
            backend="claude",
        )
    arguments: dict[str, str] = {}
    for written, value in cast("Mapping[str, object]", flags).items():
        name = written.removeprefix("--")
        if not name or (value is not True and (isinstance(value, bool) or not isinstance(value, str | int | float))):
            raise InvalidRequestError(
                f'SessionOptions.native["flags"][{written!r}] is text, a number, or True for a flag without a value, '
                f"not {value!r}; leave out what is not wanted.",
                backend="claude",
            )
        if "\0" in (argument := f"--{name}" if value is True else f"--{name}={value}"):
            raise InvalidRequestError(
                f'SessionOptions.native["flags"][{written!r}] holds a NUL character.', backend="claude"
            )
        arguments[name] = argument
    return arguments


def meant_by(name: str) -> str:
    """Return which field of `native` is meant by one that there is not, as the end of a sentence."""
    meant = nearest(name, ("flags", *_INITIALIZE))
    return f"; did you mean {meant!r}?" if meant else "."


def _initialize(options: SessionOptions, answers: AnswerForm | None, env: Mapping[str, str]) -> Json:
    fields: Json = {"forwardSubagentText": True, **typed_fields(options)}
    if options.system_prompt is not None:
        fields["systemPrompt"] = options.system_prompt
    if options.append_system_prompt is not None:
        fields["appendSystemPrompt"] = options.append_system_prompt
    if options.resume is not None and {"systemPrompt", "appendSystemPrompt"} & fields.keys():
        # Else what the conversation began with is sent, as claude has recorded it (2.1.332).
        fields.setdefault("systemPromptSnapshot", False)
    if answers is not None:
        fields["jsonSchema"] = answers.sent
    if options.mcp_servers:
        fields["mcpServers"] = server_configs(options.servers, env)
    return fields


def _environment(options: SessionOptions, env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the process, which its tools share."""
    kept = {name: value for name, value in env.items() if _inherits(options.inherit_env, name)}
    kept.pop("CLAUDECODE", None)  # It says that we run inside of Claude, which then behaves as a nested one.
    return {
        **kept,
        **startup_limit(options.servers.values()),
        **revealed(options.env),
        "CLAUDE_CODE_ENTRYPOINT": "sdk-py",
        "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS": "1",
        "CLAUDE_CODE_ENABLE_SDK_FILE_CHECKPOINTING": "true",
    }


def _inherits(inherit: bool | tuple[str, ...] | None, name: str) -> bool:
    if inherit is None or inherit is True:
        return True
    essential = name in _ESSENTIAL or name.upper() in _PROXIES or name.startswith(_ESSENTIAL_PREFIXES)
    return essential or (inherit is not False and name in inherit)
