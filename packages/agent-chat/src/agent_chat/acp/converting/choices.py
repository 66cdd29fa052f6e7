"""Settings of a session that a client can choose: permission mode, model, effort and sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from agent_chat.chats.settings import DEFAULT_MODE, SANDBOXES
from agent_chat.storage.records import ChatMeta
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.session import SessionInfo
from agent_sdk_core.models import ChatModel

MODE: Final = "mode"
MODEL: Final = "model"
EFFORT: Final = "effort"
SANDBOX: Final = "sandbox"
DEFAULT: Final = "default"
"""Value that leaves a setting to the agent."""

_MODES: Final[Mapping[str, tuple[str, str]]] = {
    "default": ("Ask first", "Reads freely, asks before it changes or runs anything."),
    "accept_edits": ("Accept edits", "Edits files in the folder unasked, asks before it does anything else."),
    "plan": ("Plan", "Looks and thinks, and changes nothing until its plan is approved."),
    "auto": ("Auto", "The agent itself judges what needs no question."),
    "dont_ask": ("Do not ask", "Refuses whatever it would have to ask about."),
    "bypass": ("Bypass", "Asks about nothing at all."),
}
_SANDBOX_NAMES: Final[Mapping[str, str]] = {
    "read-only": "Read only",
    "workspace-write": "Write in the folder",
    "danger-full-access": "No sandbox",
}


def modes(meta: ChatMeta, info: SessionInfo | None, can: BackendCapabilities, configured: str | None) -> dict[str, Any]:
    """Return the permission modes, and which holds; one that asks about nothing is only there where it holds."""
    current = (info.permission_mode if info is not None else None) or meta.permission_mode or configured or DEFAULT_MODE
    names = [mode for mode in can.permission_modes if mode != "bypass" or mode == current]
    if current not in names:
        names.append(current)
    offered = [{"id": name, "name": _mode(name)[0], "description": _mode(name)[1]} for name in names]
    return {"currentModeId": current, "availableModes": offered}


def config_options(
    meta: ChatMeta,
    info: SessionInfo | None,
    can: BackendCapabilities,
    models: Sequence[ChatModel],
    configured: str | None,
) -> list[dict[str, Any]]:
    """Return the settings with their values, in the words of the second version.

    Args:
        meta: What is chosen in the chat.
        info: What the agent confirmed.
        can: What the agent can do.
        models: The models that it offers; empty: it did not say.
        configured: The permission mode that is configured.
    """
    told = modes(meta, info, can, configured)
    options = [
        _select(
            MODE,
            "Mode",
            told["currentModeId"],
            [(mode["id"], mode["name"], mode["description"]) for mode in told["availableModes"]],
            category="mode",
        )
    ]
    model = _model(meta, info, models)
    if model is not None:
        offered = [(each.id, each.label, each.description) for each in models]
        if model not in [each.id for each in models]:
            offered.append((model, model, ""))
        options.append(_select(MODEL, "Model", model, offered, category="model"))
    chosen = next((each for each in models if each.id == model), None)
    if chosen is not None and chosen.efforts:
        effort = (
            meta.effort or (info.reasoning_effort if info is not None else None) or chosen.default_effort or DEFAULT
        )
        efforts = [(each, each.replace("_", " ").capitalize(), "") for each in chosen.efforts]
        if effort not in chosen.efforts:
            efforts.insert(0, (effort, "The model's own" if effort == DEFAULT else effort, ""))
        options.append(_select(EFFORT, "Effort", effort, efforts, category="thought_level"))
    if "sandbox" not in can.unsupported_options:
        sandboxes = [(DEFAULT, "As the mode has it", ""), *((name, _SANDBOX_NAMES[name], "") for name in SANDBOXES)]
        options.append(_select(SANDBOX, "Sandbox", meta.sandbox or DEFAULT, sandboxes))
    return options


def checked_choice(options: Iterable[Mapping[str, Any]], config_id: object, value: object) -> str:
    """Return a value that one of the settings takes.

    Raises:
        InvalidRequestError: There is no such setting, or it takes no such value.
    """
    for option in options:
        if option["configId"] == config_id:
            values = [each["value"] for each in option["options"]]
            if value not in values:
                raise InvalidRequestError(f"{config_id} cannot be {value!r}; choose one of {', '.join(values)}.")
            return str(value)
    named = ", ".join(option["configId"] for option in options)
    raise InvalidRequestError(f"There is no setting {config_id!r} here; there are: {named}.")


def _model(meta: ChatMeta, info: SessionInfo | None, models: Sequence[ChatModel]) -> str | None:
    if meta.model is not None:
        return meta.model
    known = {each.id for each in models}
    if info is not None and info.model is not None and (info.model in known or not known):
        return info.model
    return next((each.id for each in models if each.is_default), next(iter(each.id for each in models), None))


def _select(
    config_id: str, name: str, current: str, values: Iterable[tuple[str, str, str]], *, category: str | None = None
) -> dict[str, Any]:
    option: dict[str, Any] = {"configId": config_id, "name": name, "type": "select", "currentValue": current}
    if category is not None:
        option["category"] = category
    option["options"] = [
        {"value": value, "name": label or value, **({"description": about} if about else {})}
        for value, label, about in values
    ]
    return option


def _mode(name: str) -> tuple[str, str]:
    return _MODES.get(name, (name, ""))
