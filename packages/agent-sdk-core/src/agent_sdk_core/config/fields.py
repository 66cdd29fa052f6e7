"""The settings: their names, their types, and how each may be written."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast
from urllib.parse import quote, unquote

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationInfo

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.config.flags import FLAGS
from agent_sdk_core.models import ReasoningEffort
from agent_sdk_core.names import nearest
from agent_sdk_core.option_values import Options
from agent_sdk_core.options import SandboxPolicy
from agent_sdk_core.policy.limits import NO_LIMITS, PolicyLimits
from agent_sdk_core.secret import Secret
from agent_sdk_core.sub_agents import checked_mode

_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION: Final = re.compile(r"(?P<number>\d{1,9}(?:\.\d{1,6})?)\s?(?P<unit>[smhdw]?)", re.ASCII)


_RELATIVE_URL: Final = re.compile(r"(sqlite(?:\+pysqlite)?:///)([^/?#][^?#]*)(.*)", re.DOTALL)
"""A URL of SQLite that names a relative path; four slashes begin an absolute one."""


def _absolute(path: Path, info: ValidationInfo) -> Path:
    context: Mapping[str, Path | None] = info.context or {}
    base = context.get("folder")
    expanded = os.path.expanduser(path)  # never raises, unlike Path.expanduser()
    return Path(os.path.abspath(os.path.join(base or "", expanded)))  # likewise


def _store_url(url: object, info: ValidationInfo) -> object:
    """Return where chats are stored, a relative path as one from the folder of the file that names it."""
    if not isinstance(url, str) or not url or "\0" in url:
        return url
    context: Mapping[str, Path | None] = info.context or {}
    if context.get("folder") is None:
        return url
    scheme, separator, _ = url.partition(":")
    if not separator or "/" in scheme or len(scheme) == 1:
        return str(_absolute(Path(url), info))
    if (relative := _RELATIVE_URL.match(url)) is not None:
        return f"{relative[1]}{quote(str(_absolute(Path(unquote(relative[2])), info)))}{relative[3]}"
    return url


def _sandbox(value: Any) -> Any:
    return {"mode": value} if isinstance(value, str) else value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; leave it out")
    return value


def _public(url: str) -> str:
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise ValueError("holds credentials, and would be shown; give them as `token`")
    return url


def _writable_roots(policy: SandboxPolicy, info: ValidationInfo) -> SandboxPolicy:
    roots = tuple(str(_absolute(Path(root), info)) for root in policy.writable_roots)
    return policy.model_copy(update={"writable_roots": roots}) if roots else policy


def _rules(texts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    from agent_sdk_core.policy.rules import problem  # Only where there are rules.

    for text in texts:
        if (reason := problem(text, str(info.field_name))) is not None:
            raise ValueError(f"has the rule {text!r}: {reason}")
    return texts


def _duration(value: Any) -> Any:
    """Return the seconds of a text such as "90d"; what is none is left to the check of the type."""
    if not isinstance(value, str):
        return value
    if (found := _DURATION.fullmatch(value.strip())) is None:
        raise ValueError("must be seconds, or a number of s, m, h, d or w, such as '90d'")
    return float(found["number"]) * _UNITS[found["unit"]]


def _flags(flags: Mapping[str, bool]) -> Mapping[str, bool]:
    for name in flags:
        if name not in FLAGS:
            meant = nearest(name, tuple(FLAGS))
            hint = f"did you mean {meant!r}?" if meant else f"there are: {', '.join(FLAGS)}."
            raise ValueError(f"has no flag {name!r}; {hint}".removesuffix("."))
    return flags


def _variables(env: Mapping[str, Secret]) -> Mapping[str, Secret]:
    for name, value in env.items():
        if not name or "=" in name or "\0" in name:
            raise ValueError(f"{name!r} is no name of an environment variable")
        if "\0" in value.reveal():
            raise ValueError(f"the value of {name!r} holds a NUL character")
    return env


def _parts(command: Any) -> Any:
    if isinstance(command, str):
        raise ValueError(f"must be a list, the program and each argument by itself: {command.split()!r}")  # noqa: TRY004  # pydantic's
    if isinstance(command, list | tuple) and not command:
        raise ValueError("is empty; name a program")
    return cast("object", command)


def _installed(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        return names
    from agent_sdk_core.tools.plugins import missing, tool_names  # Only where tools are named.

    installed = tool_names()
    for name in names:
        if name not in installed:
            raise ValueError(f"names what cannot be used: {missing(name, installed).rstrip('.')}")
    return names


RuleTexts = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_rules)]
Text = Annotated[str, AfterValidator(_not_blank)]
AbsolutePath = Annotated[Path, Field(strict=False), AfterValidator(_absolute)]
"""A path; a relative one is relative to the folder of the file that names it, "~" is the user's home."""


class BackendConfig(Options):
    """Settings of one backend; they beat the general ones of the same file.

    Attributes:
        type: What kind of backend it is, where its name is none that is registered: "acp", or "codex" with `url`.
        command: The program of an agent of the kind "acp", and its arguments.
        executable: The agent's executable.
        url: Address of an agent that somebody else started, as the backend takes it; it holds no credentials.
        token: What that one wants to be shown; never shown here.
        env: Environment variables for the agent, beside those of this process; their values are never shown.
        model: Model id, as this agent knows it.
        reasoning_effort: How much its model reasons.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    type: Text | None = None
    command: Annotated[tuple[Text, ...], Field(strict=False), BeforeValidator(_parts)] | None = None
    executable: AbsolutePath | None = None
    url: Annotated[Text, AfterValidator(_public)] | None = None
    token: Secret | None = None
    env: Annotated[Mapping[str, Secret], Field(strict=False), AfterValidator(_variables)] = Field(default_factory=dict)
    model: Text | None = None
    reasoning_effort: Text | None = None


class PolicyRules(Options):
    """The rules of one file, or of all of them together.

    Attributes:
        deny: What never happens.
        ask: What a person decides.
        allow: What happens unasked; a workspace file may not say it.
        scope: "asked_only" accepts that a refusal binds only what the agent asks about, see
            `SessionOptions.policy_scope`; only the user's own file says it.
        limits: How much a session may do; the tightest of all files counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    deny: RuleTexts = ()
    ask: RuleTexts = ()
    allow: RuleTexts = ()
    scope: Literal["every_call", "asked_only"] | None = None
    limits: PolicyLimits = NO_LIMITS


class StoreConfig(Options):
    """Where chats are stored.

    Attributes:
        url: A path, "sqlite:///…" or "postgresql://…"; never shown, for it may hold a password.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    url: Annotated[Secret | None, BeforeValidator(_store_url)] = None


class RetentionConfig(Options):
    """Which chats stay in the store; a limit that is absent does not apply.

    Attributes:
        max_age: Time after its last message at which a chat goes: seconds, or text such as "12h", "90d".
        max_chats: Chats that stay, those used last.
        max_bytes: Bytes of messages that stay; the chats used longest ago go first.
        archived_only: Whether only archived chats go.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    max_age: Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(_duration)] | None = None
    max_chats: Annotated[int, Field(gt=0)] | None = None
    max_bytes: Annotated[int, Field(gt=0)] | None = None
    archived_only: bool | None = None

    def __bool__(self) -> bool:
        """Tell whether anything is limited."""
        return any(limit is not None for limit in (self.max_age, self.max_chats, self.max_bytes))


class Fields(Options):
    """What can be configured, see `RuntimeConfig`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    backend: Text | None = None
    model: Text | None = None
    reasoning_effort: Annotated[ReasoningEffort, AfterValidator(_not_blank)] | None = None
    permission_mode: Annotated[PermissionMode, BeforeValidator(checked_mode)] | None = None
    sandbox: Annotated[SandboxPolicy, BeforeValidator(_sandbox), AfterValidator(_writable_roots)] | None = None
    request_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    trusted_folders: Annotated[tuple[AbsolutePath, ...], Field(strict=False)] = ()
    policy: PolicyRules = PolicyRules()
    store: StoreConfig = StoreConfig()
    retention: RetentionConfig = RetentionConfig()
    flags: Annotated[Mapping[str, bool], AfterValidator(_flags)] = Field(default_factory=dict)
    tools: Annotated[tuple[Text, ...], Field(strict=False), AfterValidator(_installed)] = ()
    backends: Annotated[Mapping[str, BackendConfig], Field(strict=False)] = Field(default_factory=dict)
