"""What is told in the shape of version 2, written as version 1: requests, answers, and the updates of a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

from acp_sdk.protocol import methods
from acp_sdk.protocol.asking import CommandSubject, PermissionRequest, ToolCallSubject
from acp_sdk.protocol.content import text_of_blocks
from acp_sdk.protocol.initialization import InitializeRequest, InitializeResponse
from acp_sdk.protocol.sessions import OpenedSession
from acp_sdk.protocol.settings import ConfigOption, SelectConfig
from acp_sdk.protocol.tool_calls import (
    TerminalOutputChunk,
    TerminalUpdate,
    ToolCallContent,
    ToolCallContentChunk,
    ToolCallUpdate,
)
from acp_sdk.protocol.updates import (
    AgentMessage,
    AgentMessageChunk,
    AgentThought,
    AgentThoughtChunk,
    AvailableCommandsUpdate,
    CompactionSummaryChunk,
    CompactionUpdate,
    ConfigOptionUpdate,
    Notice,
    PlanItems,
    PlanRemoved,
    PlanUpdate,
    SessionInfoUpdate,
    SessionMessage,
    SessionMessageChunk,
    SessionUpdate,
    StateUpdate,
    SubagentUpdate,
    UnknownUpdate,
    UsageUpdate,
    UserMessage,
    UserMessageChunk,
)
from agent_sdk_core.wire.reading import Json, as_record, record_at, records_at

_METHODS: Final = {methods.LOGIN: methods.V1_LOGIN, methods.LOGOUT: methods.V1_LOGOUT}
_OPENING: Final = frozenset({methods.NEW, methods.RESUME, methods.FORK})
_STATUSES: Final = {"paused": "in_progress", "cancelled": "failed"}
_PLAN_STATUSES: Final = {"cancelled": "completed"}


def downgrade_request(method: str, params: Json, *, has_modes: bool = False) -> tuple[str, Json]:
    """Return a client's request of version 2 as one of version 1.

    Args:
        method: Its name in version 2.
        params: What it says, in the shape of version 2.
        has_modes: Whether the session's modes are those of version 1, see `SessionUpgrade.has_modes`.
    """
    if method == methods.INITIALIZE:
        return method, _renamed(params, {"info": "clientInfo", "capabilities": "clientCapabilities"})
    if method == methods.SET_CONFIG_OPTION:
        if has_modes and params.get("configId") == "mode":
            return methods.SET_MODE, {"sessionId": params.get("sessionId"), "modeId": params.get("value")}
        return method, {key: value for key, value in params.items() if key != "type" or value != "id"}
    if method in _OPENING:
        params = {**params, "mcpServers": [_downgraded_server(each) for each in records_at(params, "mcpServers")]}
    if method == methods.RESUME and as_record(params.get("replayFrom")) is not None:
        return methods.LOAD, {key: value for key, value in params.items() if key != "replayFrom"}
    return _METHODS.get(method, method), params


def downgraded_client(request: InitializeRequest) -> Json:
    """Return `initialize` as a client of version 1 says it."""
    return downgrade_request(methods.INITIALIZE, request.to_wire())[1]


def downgraded_agent(response: InitializeResponse) -> Json:
    """Return the answer to `initialize` as an agent of version 1 gives it."""
    wire = _renamed(response.to_wire(), {"info": "agentInfo", "capabilities": "agentCapabilities"})
    stated = record_at(wire, "agentCapabilities")
    session = dict(record_at(stated, "session"))
    prompt, mcp, load = (session.pop(key, None) for key in ("prompt", "mcp", "load"))
    rest = {key: value for key, value in stated.items() if key != "session"}
    wire["protocolVersion"] = 1
    wire["agentCapabilities"] = {
        "loadSession": load is not None,
        "promptCapabilities": _flags(as_record(prompt) or {}, ("image", "audio", "embeddedContext")),
        "mcpCapabilities": _flags(as_record(mcp) or {}, ("http", "sse")),
        "sessionCapabilities": session,
        **rest,
    }
    wire["authMethods"] = [_downgraded_login(each) for each in records_at(wire, "authMethods")]
    return wire


def downgraded_opening(opened: OpenedSession) -> Json:
    """Return the answer that opens a session as version 1 gives it; commands follow as an update there."""
    wire = opened.to_wire()
    wire.pop("availableCommands", None)
    wire["configOptions"] = downgraded_options(opened.config_options)
    modes = downgraded_modes(opened.config_options)
    return wire if modes is None else {**wire, "modes": modes}


def downgraded_options(options: Sequence[ConfigOption]) -> list[Json]:
    """Return configuration options in the words of version 1."""
    wires: list[Json] = []
    for option in options:
        wire = _renamed(option.to_wire(), {"configId": "id"})
        if isinstance(wire.get("options"), list):
            wire["options"] = [_renamed(each, {"groupId": "group"}) for each in records_at(wire, "options")]
        wires.append(wire)
    return wires


def downgraded_modes(options: Sequence[ConfigOption]) -> Json | None:
    """Return the option of the category `mode` as the modes of version 1; None: there is none."""
    option = _mode_option(options)
    if option is None:
        return None
    modes = [_renamed(each.to_wire(), {"value": "id"}) for each in option.values()]
    return {"currentModeId": option.current_value, "availableModes": modes}


def downgraded_permission(request: PermissionRequest) -> Json:
    """Return a permission request as version 1 asks it: about a call, which a command is told as."""
    wire = request.to_wire()
    subject = request.subject
    call: Json
    if isinstance(subject, ToolCallSubject):
        call = _downgraded_call(subject.tool_call.to_wire())
    elif isinstance(subject, CommandSubject):
        call = {
            "toolCallId": subject.tool_call_id or f"{request.session_id}-command",
            "kind": "execute",
            "rawInput": {"command": subject.command, "cwd": subject.cwd},
        }
    else:
        call = {"toolCallId": f"{request.session_id}-request"}
    kept = {key: value for key, value in wire.items() if key not in ("title", "description", "subject")}
    return {**kept, "toolCall": {"title": request.title, **call}}


class SessionDowngrade:
    """What has to be remembered of a session to tell its updates as version 1 does.

    Version 1 has no states (the answer to the prompt ends its turn), no whole messages and no terminals of the agent.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._calls: dict[str, list[ToolCallContent]] = {}

    def updates(self, update: SessionUpdate) -> list[Json]:
        """Return what version 1 tells for an update; empty where it has no word for it."""
        match update:
            case UserMessageChunk() | AgentMessageChunk() | AgentThoughtChunk():
                self._texts[update.message_id] = self._texts.get(update.message_id, "") + text_of_blocks(
                    [update.content]
                )
                return [update.to_wire()]
            case UserMessage() | AgentMessage() | AgentThought():
                return self._rest_of(update)
            case ToolCallUpdate():
                return [self._call(update)]
            case ToolCallContentChunk():
                content = self._calls.setdefault(update.tool_call_id, [])
                content.append(update.content)
                return [self._call(ToolCallUpdate(tool_call_id=update.tool_call_id, content=list(content)), known=True)]
            case PlanUpdate():
                return _downgraded_plan(update)
            case ConfigOptionUpdate():
                return _downgraded_settings(update)
            case StateUpdate() | TerminalUpdate() | TerminalOutputChunk():
                return []
            case (
                AvailableCommandsUpdate()
                | SessionInfoUpdate()
                | UsageUpdate()
                | Notice()
                | CompactionUpdate()
                | CompactionSummaryChunk()
                | PlanRemoved()
                | SubagentUpdate()
                | SessionMessage()
                | SessionMessageChunk()
                | UnknownUpdate()
            ):
                return [update.to_wire()]
            case _:  # pragma: no cover  # pyright knows better
                assert_never(update)

    def _rest_of(self, update: UserMessage | AgentMessage | AgentThought) -> list[Json]:
        """Tell of a whole message what its chunks have not told; what they told cannot be taken back."""
        blocks = update.content or []
        told = self._texts.get(update.message_id)
        self._texts[update.message_id] = text_of_blocks(blocks)
        chunk = {"sessionUpdate": f"{update.session_update}_chunk", "messageId": update.message_id}
        if told is None:
            return [{**chunk, "content": block.to_wire()} for block in blocks]
        whole = text_of_blocks(blocks)
        rest = whole[len(told) :] if whole.startswith(told) else ""
        return [{**chunk, "content": {"type": "text", "text": rest}}] if rest else []

    def _call(self, update: ToolCallUpdate, *, known: bool = False) -> Json:
        first = update.tool_call_id not in self._calls and not known
        if update.content is not None or first:
            self._calls[update.tool_call_id] = list(update.content or [])
        wire = _downgraded_call(update.to_wire())
        if first:
            return {"title": "", "kind": "other", "status": "pending", **wire, "sessionUpdate": "tool_call"}
        return wire


def _downgraded_call(wire: Json) -> Json:
    wire.pop("capabilities", None)
    status = wire.get("status")
    if isinstance(status, str) and status in _STATUSES:
        wire["status"] = _STATUSES[status]
    if isinstance(wire.get("content"), list):
        wire["content"] = [each for item in records_at(wire, "content") for each in _downgraded_item(item)]
    return wire


def _downgraded_item(item: Json) -> list[Json]:
    """A diff becomes one with both texts; one that has only its patch becomes text, for version 1 has no patches."""
    if item.get("type") == "terminal":
        return []
    if item.get("type") != "diff":
        return [item]
    if isinstance(item.get("path"), str) and isinstance(item.get("newText"), str):
        return [{key: value for key, value in item.items() if key not in ("changes", "patch")}]
    patch = record_at(item, "patch").get("text")
    text = patch if isinstance(patch, str) else "\n".join(str(each.get("path")) for each in records_at(item, "changes"))
    return [{"type": "content", "content": {"type": "text", "text": text}}]


def _downgraded_plan(update: PlanUpdate) -> list[Json]:
    plan = update.plan
    if not isinstance(plan, PlanItems):
        return [update.to_wire()]
    entries = [entry.to_wire() for entry in plan.entries]
    for entry in entries:
        entry.setdefault("priority", "medium")
        entry.setdefault("status", "pending")
        entry["status"] = _PLAN_STATUSES.get(entry["status"], entry["status"])
    return [{"sessionUpdate": "plan", "entries": entries}]


def _downgraded_settings(update: ConfigOptionUpdate) -> list[Json]:
    told = [{"sessionUpdate": "config_option_update", "configOptions": downgraded_options(update.config_options)}]
    mode = _mode_option(update.config_options)
    if mode is not None:
        told.append({"sessionUpdate": "current_mode_update", "currentModeId": mode.current_value})
    return told


def _mode_option(options: Sequence[ConfigOption]) -> SelectConfig | None:
    return next((each for each in options if isinstance(each, SelectConfig) and each.category == "mode"), None)


def _downgraded_server(server: Json) -> Json:
    if server.get("type") == "stdio":
        rest = {key: value for key, value in server.items() if key != "type"}
        return {"args": [], "env": [], **rest}
    return {"headers": [], **server}


def _downgraded_login(method: Json) -> Json:
    wire = _renamed(method, {"methodId": "id"})
    if wire.get("type") == "agent":
        del wire["type"]
    if isinstance(wire.get("env"), list):
        wire["env"] = {str(each.get("name")): each.get("value") for each in records_at(wire, "env")}
    return wire


def _flags(markers: Json, names: tuple[str, ...]) -> Json:
    known = {name: markers.get(name) is not None for name in names}
    return {**{key: value for key, value in markers.items() if key not in (*names, "stdio")}, **known}


def _renamed(fields: Json, names: dict[str, str]) -> Json:
    return {names.get(key, key): value for key, value in fields.items()}
