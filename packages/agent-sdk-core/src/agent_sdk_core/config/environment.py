"""The environment as a layer, such as `AGENT_SDK_MODEL`, `AGENT_SDK_CODEX_PATH`, `AGENT_SDK_STORE_URL`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from agent_sdk_core.config.sources import ValueSource, invalid
from agent_sdk_core.names import nearest

PREFIX: Final = "AGENT_SDK_"
_NESTED: Final = "__"
_PATH: Final = "_PATH"
_RESERVED: Final = ("CONFIG", "LOG", "LOG_FORMAT", "SESSION")
"""Variables that are no settings: the user file's place, how the command logs, and the tag of the agents' processes."""

_STORE: Final = "STORE_URL"
_TABLES: Final = ("BACKENDS", "FLAGS", "RETENTION", "SANDBOX")
_ALIKE: Final = 0.8
"""A variable that is this much like one of ours is meant for us; another one belongs to somebody else."""


def path_variable(backend: str) -> str:
    """Return the variable that names the executable of a backend, such as `AGENT_SDK_CODEX_PATH`."""
    return f"{PREFIX}{backend.upper().replace('-', '_')}{_PATH}"


def variable_name(path: Sequence[str]) -> str:
    """Return the variable of a setting, such as `AGENT_SDK_BACKENDS__CODEX__MODEL`, by the names that lead to it."""
    return PREFIX + _NESTED.join(path).upper().replace("-", "_")


def settings(env: Mapping[str, str], names: Sequence[str], backends: Sequence[str] = ()) -> dict[str, Any]:
    """Return the settings that the environment holds, as a configuration file would have them, in texts.

    Args:
        env: The environment; empty variables count as absent.
        names: The settings that exist.
        backends: The backends that are registered, whose executables have a variable each.

    Raises:
        InvalidRequestError: A variable cannot be read, or looks like a mistyped one.
    """
    ours = {name[len(PREFIX) :]: value for name, value in env.items() if value and name.startswith(PREFIX)}
    paths = {name: value for name, value in ours.items() if name.endswith(_PATH) and _NESTED not in name}
    rest = {
        name: value
        for name, value in ours.items()
        if name not in paths and name != _STORE and _is_setting(name, names, backends)
    }
    found: dict[str, Any] = _decoded(rest) if rest else {}
    for name, value in paths.items():
        if backend := name[: -len(_PATH)].lower():
            tables = found.setdefault("backends", {})
            tables.setdefault(backend, {})["executable"] = value
    if _STORE in ours:
        found.setdefault("store", {})["url"] = ours[_STORE]
    return found


def unknown_variables(env: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...]:
    """Return the variables that begin as ours do and mean nothing to us; they are left alone."""
    ours = (name[len(PREFIX) :] for name, value in env.items() if value and name.startswith(PREFIX))
    known = {*(name.upper() for name in names), *_RESERVED, _STORE}
    return tuple(
        sorted(PREFIX + name for name in ours if not name.endswith(_PATH) and name.partition(_NESTED)[0] not in known)
    )


def variable(env: Mapping[str, str], path: Iterable[str]) -> str:
    """Return the variable that a setting came from, by the names that lead to the setting."""
    match tuple(path):
        case ("backends", backend, "executable") if env.get(path_variable(backend)):
            return path_variable(backend)
        case ("store", "url") if env.get(PREFIX + _STORE):
            return PREFIX + _STORE
        case names:
            for length in range(len(names), 0, -1):
                if env.get(name := variable_name(names[:length])):
                    return name
            return variable_name(names)


def _is_setting(name: str, names: Sequence[str], backends: Sequence[str]) -> bool:
    full_name = PREFIX + name
    every = [known.upper() for known in names]
    top, *rest = name.split(_NESTED)
    if top in _RESERVED:
        return False
    if top == "STORE":
        raise _wrong(full_name, f"is not a setting; did you mean {PREFIX}{_STORE}?")
    if top == "POLICY":
        raise _wrong(full_name, "is not a setting: the rules of a policy stand in a file.")
    if top not in (_TABLES if rest else every):
        alike = _TABLES if rest else (*every, _STORE, *(path_variable(each).removeprefix(PREFIX) for each in backends))
        meant = _NESTED.join([near, *rest]) if (near := nearest(top, alike, alike=_ALIKE)) else top
        if near is None and top not in every:
            return False
        raise _wrong(full_name, f"is not a setting; did you mean {PREFIX}{meant}?")
    if top == "TRUSTED_FOLDERS":
        raise _wrong(full_name, "is not a setting: only your own file says which folders are trusted.")
    if top == "TOOLS":
        raise _wrong(full_name, "is not a setting: only your own file names tools to be loaded.")
    if top == "BACKENDS" and rest[1:] and rest[1] == "ENV":
        raise _wrong(full_name, "is not a setting: the agent sees this environment anyway, set its variables here.")
    return True


def _decoded(ours: Mapping[str, str]) -> dict[str, Any]:
    # 80 ms of CPU, which only those pay who configure by variables.
    from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError

    class Variables(BaseSettings):
        """The shapes of the settings, as far as a variable may hold JSON or a part of a table."""

        backend: str | None = None
        model: str | None = None
        reasoning_effort: str | None = None
        permission_mode: str | None = None
        sandbox: dict[str, Any] | str | None = None
        request_timeout: str | None = None
        retention: dict[str, str] = {}
        flags: dict[str, str] = {}
        backends: dict[str, dict[str, str]] = {}

    source = EnvSettingsSource(Variables, env_prefix=PREFIX, env_nested_delimiter=_NESTED)
    source.env_vars = {f"{PREFIX}{name}".lower(): value for name, value in ours.items()}
    try:
        return source()
    except SettingsError as error:  # Of its text, only the field is of use; a table is the only thing that can fail.
        field = next((name for name in ("flags", "retention") if f'"{name}"' in str(error)), "backends")
        raise _wrong(f"{PREFIX}{field.upper()}", "is not a table in JSON.") from None


def _wrong(name: str, sentence: str) -> Exception:
    return invalid(f"{name} {sentence}", ValueSource("environment", variable=name))
