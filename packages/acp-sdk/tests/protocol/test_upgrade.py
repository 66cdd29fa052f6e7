"""Version 1 on the wire, read as version 2."""

from __future__ import annotations

from typing import Any

from acp_sdk.protocol import methods
from acp_sdk.protocol.asking import PermissionRequest, ToolCallSubject
from acp_sdk.protocol.initialization import AgentLogin, InitializeRequest, InitializeResponse, TerminalLogin
from acp_sdk.protocol.sessions import McpServerStdio, NewSession, OpenedSession, ResumeSession
from acp_sdk.protocol.settings import SelectConfig
from acp_sdk.protocol.tool_calls import DiffItem, ToolCallUpdate
from acp_sdk.protocol.updates import (
    AgentMessageChunk,
    AvailableCommandsUpdate,
    ConfigOptionUpdate,
    PlanItems,
    PlanUpdate,
    UnknownUpdate,
)
from acp_sdk.protocol.upgrade import SessionUpgrade, upgrade_permission, upgrade_request, upgrade_result

MODES = {"currentModeId": "ask", "availableModes": [{"id": "ask", "name": "Ask"}, {"id": "yolo", "name": "All"}]}


def told(session: SessionUpgrade, **update: Any) -> Any:
    return session.update({"sessionId": "s", "update": update})


def test_what_an_agent_can_do() -> None:
    answer = upgrade_result(
        methods.INITIALIZE,
        {
            "protocolVersion": 1,
            "agentInfo": {"name": "a", "version": "1"},
            "agentCapabilities": {
                "loadSession": True,
                "promptCapabilities": {"image": True, "audio": False},
                "mcpCapabilities": {"http": True},
                "sessionCapabilities": {"list": {}, "fork": {}},
                "auth": {"logout": {}},
            },
            "authMethods": [
                {"id": "key", "name": "API key"},
                {"id": "tty", "name": "Terminal", "type": "terminal", "args": ["login"], "env": {"A": "b"}},
            ],
        },
    )
    response = InitializeResponse.read(answer)
    assert response is not None
    session = response.capabilities.session
    assert session is not None
    assert session.prompt is not None
    assert session.mcp is not None
    assert (session.prompt.image, session.prompt.audio, session.mcp.stdio, session.mcp.http) == ({}, None, {}, {})
    assert (session.load, session.list_sessions, session.fork, session.resume) == ({}, {}, {}, None)
    key, terminal = response.auth_methods
    assert isinstance(key, AgentLogin)
    assert isinstance(terminal, TerminalLogin)
    assert (key.method_id, terminal.args, terminal.env) == ("key", ["login"], [{"name": "A", "value": "b"}])
    assert InitializeResponse.read(upgrade_result(methods.INITIALIZE, {"protocolVersion": 1})) is not None


def test_what_a_client_asks() -> None:
    method, params = upgrade_request(
        methods.INITIALIZE,
        {"protocolVersion": 1, "clientInfo": {"name": "c"}, "clientCapabilities": {"fs": {}, "terminal": True}},
    )
    request = InitializeRequest.read(params)
    assert request is not None
    assert request.info is not None
    assert (method, request.info.name, request.capabilities.terminal) == (methods.INITIALIZE, "c", True)
    server: dict[str, Any] = {"name": "m", "command": "x", "args": [], "env": []}
    method, params = upgrade_request(methods.NEW, {"cwd": "/", "mcpServers": [server]})
    opening = NewSession.read(params)
    assert opening is not None
    assert isinstance(opening.mcp_servers[0], McpServerStdio)
    method, params = upgrade_request(methods.LOAD, {"sessionId": "s", "cwd": "/", "mcpServers": []})
    resumed = ResumeSession.read(params)
    assert resumed is not None
    assert (method, resumed.replay_from) == (methods.RESUME, {"type": "start"})
    assert upgrade_request(methods.V1_LOGIN, {"methodId": "k"}) == (methods.LOGIN, {"methodId": "k"})
    assert upgrade_request(methods.SET_MODE, {"sessionId": "s", "modeId": "ask"}) == (
        methods.SET_CONFIG_OPTION,
        {"sessionId": "s", "configId": "mode", "value": "ask", "type": "id"},
    )
    assert upgrade_request(methods.SET_CONFIG_OPTION, {"configId": "m", "value": "x"})[1]["type"] == "id"
    assert upgrade_request("_mine", {"a": 1}) == ("_mine", {"a": 1})


def test_modes_are_an_option_until_the_agent_has_one_of_its_own() -> None:
    session = SessionUpgrade()
    opened = OpenedSession.read(session.opened({"sessionId": "s", "modes": MODES}))
    assert opened is not None
    (mode,) = opened.config_options
    assert isinstance(mode, SelectConfig)
    assert (mode.config_id, mode.category, mode.current_value) == ("mode", "mode", "ask")
    assert [each.value for each in mode.values()] == ["ask", "yolo"]
    assert session.has_modes
    changed = told(session, sessionUpdate="current_mode_update", currentModeId="yolo")
    assert isinstance(changed, ConfigOptionUpdate)
    assert isinstance(changed.config_options[0], SelectConfig)
    assert changed.config_options[0].current_value == "yolo"
    choice = {"sessionId": "s", "configId": "mode", "type": "id", "value": "ask"}
    assert session.choice(choice) == (methods.SET_MODE, {"sessionId": "s", "modeId": "ask"})
    back = session.chosen(choice, {})
    assert isinstance(back, ConfigOptionUpdate)
    assert back.to_wire()["configOptions"][0]["currentValue"] == "ask"
    own: dict[str, Any] = {
        "id": "m",
        "name": "M",
        "type": "select",
        "category": "mode",
        "currentValue": "a",
        "options": [],
    }
    session = SessionUpgrade()
    assert [each["configId"] for each in session.opened({"modes": MODES, "configOptions": [own]})["configOptions"]] == [
        "m"
    ]
    assert not session.has_modes
    assert isinstance(told(session, sessionUpdate="current_mode_update", currentModeId="x"), UnknownUpdate)


def test_options_that_change_keep_the_modes() -> None:
    session = SessionUpgrade()
    session.opened({"modes": MODES})
    option = {"id": "model", "name": "M", "type": "select", "currentValue": "a", "options": [{"group": "g"}]}
    update = told(session, sessionUpdate="config_option_update", configOptions=[option])
    assert isinstance(update, ConfigOptionUpdate)
    assert [each.to_wire()["configId"] for each in update.config_options] == ["model", "mode"]
    answer = upgrade_result(methods.SET_CONFIG_OPTION, {"configOptions": [option]})
    assert answer["configOptions"][0]["configId"] == "model"
    chosen = session.chosen({"configId": "model", "value": "a"}, {"configOptions": [option]})
    assert chosen.to_wire()["configOptions"][1]["currentValue"] == "ask"
    assert session.choice({"sessionId": "s", "configId": "model", "type": "id", "value": "a"})[0] == (
        methods.SET_CONFIG_OPTION
    )


def test_models_of_older_agents_are_an_option_too() -> None:
    session = SessionUpgrade()
    models = {"currentModelId": "m", "availableModels": [{"modelId": "m", "name": "M"}, {"modelId": "n", "name": "N"}]}
    opened = OpenedSession.read(session.opened({"sessionId": "s", "models": models}))
    assert opened is not None
    assert isinstance(opened.config_options[0], SelectConfig)
    assert opened.config_options[0].category == "model"
    choice = {"sessionId": "s", "configId": "model", "type": "id", "value": "n"}
    assert session.choice(choice) == ("session/set_model", {"sessionId": "s", "modelId": "n"})
    assert session.chosen(choice, {}).to_wire()["configOptions"][0]["currentValue"] == "n"


def test_chunks_without_an_id_are_one_message_until_something_else_comes() -> None:
    session = SessionUpgrade()

    def chunk(kind: str, **more: Any) -> str:
        update = told(session, sessionUpdate=kind, content={"type": "text", "text": "x"}, **more)
        return update.message_id

    first = chunk("agent_message_chunk")
    assert chunk("agent_message_chunk") == first
    assert chunk("agent_thought_chunk") != first
    second = chunk("agent_message_chunk")
    assert second != first
    told(session, sessionUpdate="tool_call", toolCallId="c", title="t")
    third = chunk("agent_message_chunk")
    session.ended({"stopReason": "end_turn"})
    session.accepted()
    assert len({first, second, third, chunk("agent_message_chunk"), chunk("agent_message_chunk", messageId="own")}) == 5
    assert isinstance(
        told(session, sessionUpdate="agent_message_chunk", content={"type": "text", "text": "x"}), AgentMessageChunk
    )


def test_calls_plans_and_commands() -> None:
    session = SessionUpgrade()
    diff = {"type": "diff", "path": "/a", "oldText": "x", "newText": "y"}
    call = told(session, sessionUpdate="tool_call", toolCallId="c", title="T", content=[diff, 3], locations=None)
    assert isinstance(call, ToolCallUpdate)
    assert call.locations is None
    assert "locations" not in call.model_fields_set
    item = (call.content or [])[0]
    assert isinstance(item, DiffItem)
    assert (item.changes[0].operation, item.changes[0].path, item.new_text) == ("modify", "/a", "y")
    plan = told(session, sessionUpdate="plan", entries=[{"content": "a", "priority": "low", "status": "pending"}])
    assert isinstance(plan, PlanUpdate)
    assert isinstance(plan.plan, PlanItems)
    commands = told(
        session,
        sessionUpdate="available_commands_update",
        availableCommands=[{"name": "go", "description": "d", "input": {"hint": "where"}}],
    )
    assert isinstance(commands, AvailableCommandsUpdate)
    assert commands.available_commands[0].input == {"type": "text", "hint": "where"}


def test_the_end_of_a_turn_and_a_permission() -> None:
    ended = SessionUpgrade().ended({"stopReason": "surprise", "usage": {"inputTokens": 1}})
    assert (ended.state, ended.stop_reason, ended.usage) == ("idle", "surprise", {"inputTokens": 1})
    assert SessionUpgrade().ended({"stopReason": 4}).stop_reason is None
    request = PermissionRequest.read(
        upgrade_permission({"sessionId": "s", "toolCall": {"toolCallId": "c", "title": "T"}, "options": []})
    )
    assert request is not None
    assert isinstance(request.subject, ToolCallSubject)
    assert (request.title, request.subject.tool_call.tool_call_id) == ("T", "c")
    assert upgrade_permission({"toolCall": 3}) == {"toolCall": 3}
