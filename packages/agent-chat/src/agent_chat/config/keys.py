"""Settings as they are named: which exist, what each takes, who may set it, and its value in force. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast, get_args

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.asking.mode_names import MODES
from agent_sdk_core.config.flags import FLAGS
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.config.sources import SourceKind, ValueSource
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import canonical_name, nearest, parse_backend_type
from agent_sdk_core.options import SandboxPolicy
from agent_sdk_core.policy.limits import PolicyLimits
from agent_sdk_core.redaction import REDACTED
from agent_sdk_core.secret import Secret
from agent_sdk_core.wire.forms import WireForm

Scope = Literal["user", "workspace"]
"""The file that a setting is written to: the user's own, or `.agent-sdk.toml` of the workspace."""

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

SettingKind = Literal["text", "number", "integer", "boolean", "list", "table", "path", "duration", "secret"]
WorkspaceRight = Literal["choose", "tighten", "trusted", "never"]
"""What a workspace file may do with a setting: choose it, only make it stricter, set it where the folder is trusted."""

ANY: Final = "*"
"""Stands in a setting's name for a name that is yours, such as that of a backend."""


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class SettingSpec(WireForm):
    """A setting that exists.

    Attributes:
        key: Its dotted name; "*" stands for the name of a backend, or of a variable.
        kind: What it takes.
        text: What it decides, in one sentence.
        choices: The values that there are; () where it is open.
        workspace: What a workspace file may do with it.
        default: What holds when nobody sets it, where that is known.
    """

    key: str
    kind: SettingKind
    text: str
    choices: tuple[str, ...] = ()
    workspace: WorkspaceRight = "trusted"
    default: object = None


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class SettingView(WireForm):
    """A setting and its value in force.

    Attributes:
        key: Its dotted name.
        spec: What it takes.
        value: The value as JSON has it, None where nobody set one; a secret is a row of asterisks.
        source: The layer that the value comes from.
        place: The file and line, or the variable, that says it; "" for a default.
        is_set: Whether somebody set it.
    """

    key: str
    spec: SettingSpec
    value: object
    source: SourceKind
    place: str
    is_set: bool


_SANDBOXES: Final = ("read-only", "workspace-write", "danger-full-access")
_LIMITS: Final = {
    name: "number" if "cost" in name else "integer"  # dollars come in parts
    for name in PolicyLimits.model_fields
}

SPECS: Final[tuple[SettingSpec, ...]] = (
    SettingSpec("backend", "text", "The agent of new chats and runs.", workspace="choose"),
    SettingSpec("model", "text", "The model, whichever agent runs; `backends.*.model` beats it.", workspace="choose"),
    SettingSpec("reasoning_effort", "text", "How much the model reasons.", workspace="choose"),
    SettingSpec("permission_mode", "text", "How much the agent may do unasked.", MODES, "tighten"),
    SettingSpec("sandbox", "table", "What its tools may touch: a mode, or a table.", _SANDBOXES, "tighten"),
    SettingSpec("sandbox.mode", "text", "What its tools may touch.", _SANDBOXES, "tighten"),
    SettingSpec("sandbox.network", "boolean", "Whether its tools may use the network.", workspace="tighten"),
    SettingSpec("sandbox.writable_roots", "list", "Further folders that tools may write to.", workspace="tighten"),
    SettingSpec("request_timeout", "number", "Seconds after which an unanswered request is denied."),
    SettingSpec("trusted_folders", "list", "Folders whose workspace file may say everything.", workspace="never"),
    SettingSpec("tools", "list", "Installed tools that sessions without tools of their own have.", workspace="never"),
    SettingSpec("store.url", "secret", "Where chats are stored: a path, or postgresql://…."),
    SettingSpec("retention.max_age", "duration", "Time after which an unused chat is removed.", workspace="never"),
    SettingSpec("retention.max_chats", "integer", "Chats that stay, those used last.", workspace="never"),
    SettingSpec("retention.max_bytes", "integer", "Bytes of messages that stay.", workspace="never"),
    SettingSpec(
        "retention.archived_only",
        "boolean",
        "Whether only archived chats are removed.",
        workspace="never",
        default=False,
    ),
    SettingSpec("policy.deny", "list", "Rules for what never happens.", workspace="tighten"),
    SettingSpec("policy.ask", "list", "Rules for what a person decides.", workspace="tighten"),
    SettingSpec("policy.allow", "list", "Rules for what happens unasked.", workspace="never"),
    SettingSpec("policy.scope", "text", "What a refusal has to bind.", ("every_call", "asked_only"), workspace="never"),
    *(
        SettingSpec(
            f"policy.limits.{name}", cast("SettingKind", kind), "How much a session may do.", workspace="tighten"
        )
        for name, kind in _LIMITS.items()
    ),
    *(
        SettingSpec(
            f"flags.{flag.name}",
            "boolean",
            flag.text,
            workspace="trusted" if flag.stricter is None else "tighten",
            default=flag.default,
        )
        for flag in FLAGS.values()
    ),
    SettingSpec("backends.*.model", "text", "The model of this agent.", workspace="choose"),
    SettingSpec("backends.*.reasoning_effort", "text", "How much this agent's model reasons.", workspace="choose"),
    SettingSpec("backends.*.type", "text", 'What kind of agent a name of yours is: "acp", or "codex" with an address.'),
    SettingSpec("backends.*.command", "list", 'The program of an agent of the kind "acp", and its arguments.'),
    SettingSpec("backends.*.executable", "path", "The agent's executable."),
    SettingSpec("backends.*.url", "text", "Address of an agent that somebody else started."),
    SettingSpec("backends.*.token", "secret", "The token that it wants; its value is never shown."),
    SettingSpec("backends.*.env.*", "secret", "A variable of the agent's environment; its value is never shown."),
)


def parsed_key(key: str) -> tuple[str, ...]:
    """Return the names that lead to a setting; a backend by its canonical name.

    Raises:
        InvalidRequestError: It is no name of a setting.
    """
    parts = tuple(key.split("."))
    if len(parts) > 1 and parts[0] == "backends" and parts[1]:
        parts = ("backends", canonical_name(parts[1]), *parts[2:])
    return parts


def spec_of(key: str) -> SettingSpec:
    """Return the setting of a dotted name.

    Raises:
        InvalidRequestError: There is none; the message names the nearest.
    """
    parts = parsed_key(key)
    for spec in SPECS:
        wanted = spec.key.split(".")
        if len(wanted) == len(parts) and all(
            part == name or (name == ANY and part) for part, name in zip(parts, wanted, strict=True)
        ):
            return spec
    meant = nearest(key, tuple(_with_names(spec.key, parts) for spec in SPECS))
    tables = tuple(dict.fromkeys(spec.key for spec in SPECS if spec.key.startswith(f"{key}.")))
    hint = f"set one of {', '.join(tables)}." if tables else f"did you mean {meant!r}?" if meant else _all()
    raise InvalidRequestError(
        f"There is no setting {key!r}; {hint}", code="invalid_configuration", details={"key": key}
    )


def storable(key: str, value: object, config: RuntimeConfig) -> object:
    """Return a value as a file holds it: a backend by its registered name, or by the one that it has in `config`.

    Raises:
        InvalidRequestError: There is no backend of this name; the message names the nearest.
    """
    if key != "backend" or not isinstance(value, str):
        return value
    return canonical_name(value) if config.kind_of(value) is not None else parse_backend_type(value)


def view_of(key: str, config: RuntimeConfig) -> SettingView:
    """Return a setting with its value in force; raises what `spec_of` raises."""
    spec = spec_of(key)
    path = parsed_key(key)
    value, source = _value(path, config)
    if source.kind == "default":
        value = spec.default if path != ("backend",) else _default_backend(config)
    shown = REDACTED if spec.kind == "secret" and value is not None else as_json(value)
    kind = source.kind
    return SettingView(".".join(path), spec, shown, kind, "" if kind == "default" else str(source), kind != "default")


def keys_of(config: RuntimeConfig, backends: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of all settings, those of each backend too, and of variables that are set."""
    names = tuple(dict.fromkeys((*map(canonical_name, backends), *map(canonical_name, config.backends))))
    found: list[str] = []
    for spec in SPECS:
        match spec.key.split("."):
            case ["backends", _, "env", _]:
                found += sorted(key for key in config.values() if key.startswith("backends.") and ".env." in key)
            case ["backends", _, name]:
                found += [f"backends.{backend}.{name}" for backend in names]
            case _:
                found.append(spec.key)
    return tuple(found)


def as_json(value: object) -> object:
    """Return a value as JSON has it; a secret is a row of asterisks."""
    match value:
        case Path() | Secret():
            return str(value)
        case SandboxPolicy():
            return value.model_dump(mode="json", exclude_unset=True)
        case tuple() | list():
            return [as_json(each) for each in cast("tuple[object, ...]", value)]
        case _:
            return value


def _value(path: tuple[str, ...], config: RuntimeConfig) -> tuple[object, ValueSource]:
    match path:
        case ("sandbox", name):
            sandbox = config.sandbox
            value = getattr(sandbox, name) if sandbox is not None and name in sandbox.model_fields_set else None
            return value, config.source("sandbox") if value is not None else ValueSource("default")
        case _:
            key = ".".join(path)
            return config.values().get(key), config.source(key)


def _default_backend(config: RuntimeConfig) -> str | None:
    try:
        return config.chosen_type()
    except InvalidRequestError:  # Nothing is installed that could be the default.
        return None


def _with_names(key: str, parts: tuple[str, ...]) -> str:
    """Return the name of a setting with the caller's own names in it, so that the nearest can be told."""
    wanted = key.split(".")
    own: Mapping[int, str] = dict(enumerate(parts))
    return ".".join(own.get(index, name) if name == ANY else name for index, name in enumerate(wanted))


def _all() -> str:
    return f"there are: {', '.join(spec.key for spec in SPECS)}."
