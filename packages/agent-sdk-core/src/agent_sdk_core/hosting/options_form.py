"""Wire forms of the options of sessions and turns: values as they are, functions by the names that a host imports.

Callbacks stay with the client, which the host asks. Secrets cross in plain text: the way to a host is as safe as what
carries it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from pydantic import BaseModel

from agent_sdk_core.asking.permissions import DEFER
from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.hosting.forms import Json, plain
from agent_sdk_core.hosting.importable import imported, name_of
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.secret import Secret
from agent_sdk_core.turn_options import TurnOptions

CALLBACKS: Final = ("can_use_tool", "on_question", "on_elicitation")
"""Options that are answered by the client."""

HERE: Final = frozenset({*CALLBACKS, "request_timeout"})
"""Options that the client itself keeps, and does not send."""


def options_to_wire(options: SessionOptions) -> Json:
    """Return the options of a session as JSON-compatible data, all but those of `HERE`.

    Raises:
        UnsupportedOptionError: A tool or a hook cannot be imported by name; details["option"] names the option.
    """
    wire: Json = {}
    for name in sorted(options.model_fields_set - HERE):
        value = getattr(options, name)
        try:
            wire[name] = _WRITERS[name](options) if name in _WRITERS and value is not None else _value(value)
        except InvalidRequestError as error:
            raise UnsupportedOptionError(
                f"SessionOptions.{name} cannot be sent to a host: {error.message}", details={"option": name}
            ) from None
    return wire


def options_from_wire(data: Mapping[str, Any]) -> SessionOptions:
    """Return the options whose `options_to_wire` this is; each callback is `DEFER`.

    Raises:
        InvalidRequestError: They are none, or what they name cannot be imported here.
    """
    given: Json = dict.fromkeys(CALLBACKS, DEFER)
    for name, value in data.items():
        given[name] = _READERS[name](value) if name in _READERS and value is not None else value
    return SessionOptions.model_validate(given)


def turn_options_to_wire(options: TurnOptions | None) -> Json | None:
    """Return the options of a turn as JSON-compatible data."""
    return None if options is None else {name: _value(value) for name, value in options.chosen.items()}


def turn_options_from_wire(data: Mapping[str, Any] | None) -> TurnOptions | None:
    """Return the options whose `turn_options_to_wire` this is."""
    return None if data is None else TurnOptions.model_validate(dict(data))


def _value(value: object) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, BaseModel):
        return {name: _value(getattr(value, name)) for name in sorted(value.model_fields_set)}
    if isinstance(value, Mapping):
        return {str(key): _value(member) for key, member in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(member) for member in cast("tuple[object, ...]", value)]
    return plain(value)


def _tools_to_wire(options: SessionOptions) -> list[Json]:
    registries: list[Json] = []
    for registry in options.registries:
        what = f"The tool mcp__{registry.name}__"
        tools = [name_of(entry, what=f"{what}{entry.name}", option="tools") for entry in registry]
        registries.append({"name": registry.name, "tools": tools})
    return registries


def _tools_from_wire(data: Any) -> Any:
    from agent_sdk_core.tools.registry import ToolRegistry
    from agent_sdk_core.tools.tool import Tool

    made: list[ToolRegistry] = []
    for entry in data:
        tools = [imported(name) for name in entry["tools"]]
        if wrong := [name for name, found in zip(entry["tools"], tools, strict=True) if not isinstance(found, Tool)]:
            raise InvalidRequestError(f"{wrong[0]} is no tool on the host: put @tool above the function.")
        made.append(ToolRegistry(entry["name"], tools))
    return made


def _hooks_to_wire(options: SessionOptions) -> Json:
    hooks = options.hooks
    assert hooks is not None
    return {
        name: [
            {
                "run": name_of(hook.run, what=f"The {name} hook {hook.name}", option="hooks"),
                "matcher": hook.matcher,
                "timeout": hook.timeout,
            }
            for hook in hooks.of(name)
        ]
        for name in hooks.names
    }


def _hooks_from_wire(data: Any) -> Any:
    from agent_sdk_core.hooks.table import Hook, Hooks

    table = {
        name: [Hook(imported(entry["run"]), entry["matcher"], entry["timeout"]) for entry in entries]
        for name, entries in data.items()
    }
    return Hooks(**table)


def _policy_to_wire(options: SessionOptions) -> Json:
    policy = options.policy
    assert policy is not None
    rules: Json = {"deny": [], "ask": [], "allow": []}
    for rule in policy.rules:
        rules[rule.verdict].append([rule.text, rule.source])
    return {**rules, "limits": _value(policy.limits)}


def _policy_from_wire(data: Any) -> Any:
    from agent_sdk_core.policy.guard import PolicyGuard
    from agent_sdk_core.policy.limits import PolicyLimits

    guard = PolicyGuard(limits=PolicyLimits.model_validate(data["limits"]))
    for verdict in ("deny", "ask", "allow"):
        for text, source in data[verdict]:
            given: Json = {verdict: [text], "source": source}
            guard |= PolicyGuard(**given)
    return guard


_WRITERS: Final[Mapping[str, Callable[[SessionOptions], Any]]] = {
    "tools": _tools_to_wire,
    "hooks": _hooks_to_wire,
    "policy": _policy_to_wire,
}
_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "tools": _tools_from_wire,
    "hooks": _hooks_from_wire,
    "policy": _policy_from_wire,
}
