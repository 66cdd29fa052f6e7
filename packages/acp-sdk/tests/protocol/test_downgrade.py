"""What is told in the shape of version 2, written as version 1 and held to its published schema."""

from __future__ import annotations

from typing import Any, cast

import pytest

from acp_sdk.protocol import methods
from acp_sdk.protocol.asking import CommandSubject, PermissionOption, PermissionRequest, ToolCallSubject
from acp_sdk.protocol.content import TextContent
from acp_sdk.protocol.downgrade import (
    SessionDowngrade,
    downgrade_request,
    downgraded_agent,
    downgraded_client,
    downgraded_opening,
    downgraded_permission,
)
from acp_sdk.protocol.initialization import (
    AgentCapabilities,
    AgentLogin,
    ClientCapabilities,
    Implementation,
    InitializeRequest,
    InitializeResponse,
    McpCapabilities,
    PromptCapabilities,
    SessionCapabilities,
    TerminalLogin,
)
from acp_sdk.protocol.sessions import McpServerHttp, McpServerStdio, NewSession, OpenedSession, ResumeSession
from acp_sdk.protocol.settings import BooleanConfig, SelectConfig, SelectGroup, SelectOption
from acp_sdk.protocol.tool_calls import (
    ContentItem,
    DiffChange,
    DiffItem,
    DiffPatch,
    TerminalItem,
    TerminalUpdate,
    ToolCall,
    ToolCallContentChunk,
    ToolCallUpdate,
)
from acp_sdk.protocol.updates import (
    AgentMessage,
    AgentMessageChunk,
    AvailableCommand,
    AvailableCommandsUpdate,
    ConfigOptionUpdate,
    PlanEntry,
    PlanFile,
    PlanItems,
    PlanUpdate,
    SessionUpdate,
    StateUpdate,
    UnknownUpdate,
    UsageUpdate,
    read_update,
)
from acp_sdk.protocol.upgrade import SessionUpgrade, upgrade_permission, upgrade_request, upgrade_result

MODE = SelectConfig(
    config_id="permission_mode",
    name="Mode",
    category="mode",
    current_value="default",
    options=[SelectOption(value="default", name="Ask"), SelectOption(value="plan", name="Plan", description="d")],
)
MODEL = SelectConfig(
    config_id="model",
    name="Model",
    category="model",
    current_value="a",
    options=[SelectGroup(group_id="g", name="G", options=[SelectOption(value="a", name="A")])],
)


def test_what_an_agent_can_do_goes_there_and_back(published: Any) -> None:
    response = InitializeResponse(
        protocol_version=2,
        info=Implementation(name="a", version="1"),
        capabilities=AgentCapabilities(
            session=SessionCapabilities(
                prompt=PromptCapabilities(image={}, embedded_context={}),
                mcp=McpCapabilities(stdio={}, http={}),
                list_sessions={},
                load={},
                fork={},
            ),
            auth={"logout": {}},
        ),
        auth_methods=[
            AgentLogin(method_id="k", name="Key"),
            TerminalLogin(method_id="t", name="T", args=["x"], env=[{"name": "A", "value": "b"}]),
        ],
    )
    wire = downgraded_agent(response)
    published.check(1, "InitializeResponse", wire)
    back = InitializeResponse.read(upgrade_result(methods.INITIALIZE, wire))
    assert back is not None
    assert back.model_copy(update={"protocol_version": 2}) == response


def test_what_a_client_can_do_goes_there_and_back(published: Any) -> None:
    request = InitializeRequest(
        protocol_version=1,
        info=Implementation(name="c", version="1"),
        capabilities=ClientCapabilities(elicitation={"form": {}}, session={"notices": {}}),
    )
    wire = downgraded_client(request)
    published.check(1, "InitializeRequest", wire)
    assert InitializeRequest.read(upgrade_request(methods.INITIALIZE, wire)[1]) == request


@pytest.mark.parametrize("version", [1, 2])
def test_opening_a_session(published: Any, version: int) -> None:
    servers = [McpServerStdio(name="m", command="/x"), McpServerHttp(name="h", url="http://localhost:1")]
    request = NewSession(cwd="/w", additional_directories=["/a"], mcp_servers=servers)
    wire = request.to_wire() if version == 2 else downgrade_request(methods.NEW, request.to_wire())[1]
    published.check(version, "NewSessionRequest", wire)
    back = NewSession.read(wire if version == 2 else upgrade_request(methods.NEW, wire)[1])
    assert back is not None
    assert [each.to_wire()["name"] for each in back.mcp_servers] == ["m", "h"]
    opened = OpenedSession(
        session_id="s",
        config_options=[MODE, MODEL, BooleanConfig(config_id="b", name="B", current_value=True)],
        available_commands=[AvailableCommand(name="go", description="d")],
    )
    answer = opened.to_wire() if version == 2 else downgraded_opening(opened)
    published.check(version, "NewSessionResponse", answer)
    if version == 1:
        assert answer["modes"]["currentModeId"] == "default"
        assert "modes" not in downgraded_opening(OpenedSession(session_id="s"))


def test_a_session_is_loaded_where_version_2_resumes_with_a_replay(published: Any) -> None:
    request = ResumeSession(session_id="s", cwd="/w", replay_from={"type": "start"})
    published.check(2, "ResumeSessionRequest", request.to_wire())
    method, wire = downgrade_request(methods.RESUME, request.to_wire())
    assert method == methods.LOAD
    published.check(1, "LoadSessionRequest", wire)
    method, wire = downgrade_request(methods.RESUME, ResumeSession(session_id="s", cwd="/w").to_wire())
    assert method == methods.RESUME
    published.check(1, "ResumeSessionRequest", wire)


def test_settings_and_logins() -> None:
    chosen = {"sessionId": "s", "configId": "mode", "type": "id", "value": "plan"}
    assert downgrade_request(methods.SET_CONFIG_OPTION, chosen, has_modes=True) == (
        methods.SET_MODE,
        {"sessionId": "s", "modeId": "plan"},
    )
    assert downgrade_request(methods.SET_CONFIG_OPTION, chosen)[1] == {
        "sessionId": "s",
        "configId": "mode",
        "value": "plan",
    }
    on = {"sessionId": "s", "configId": "b", "type": "boolean", "value": True}
    assert downgrade_request(methods.SET_CONFIG_OPTION, on) == (methods.SET_CONFIG_OPTION, on)
    assert downgrade_request(methods.LOGIN, {"methodId": "k"}) == (methods.V1_LOGIN, {"methodId": "k"})


def update_of_1(published: Any, told: SessionDowngrade, update: SessionUpdate) -> list[dict[str, Any]]:
    published.check(2, "SessionUpdate", update.to_wire())
    wires = told.updates(update)
    for wire in wires:
        published.check(1, "SessionUpdate", wire)
    return wires


def text(value: str) -> TextContent:
    return TextContent(text=value)


def test_messages(published: Any) -> None:
    told = SessionDowngrade()
    chunk = AgentMessageChunk(message_id="m", content=text("hel"))
    assert update_of_1(published, told, chunk) == [chunk.to_wire()]
    whole = AgentMessage(message_id="m", content=[text("hello")])
    (rest,) = update_of_1(published, told, whole)
    assert rest["content"]["text"] == "lo"
    assert update_of_1(published, told, whole) == []
    assert update_of_1(published, told, AgentMessage(message_id="m", content=[text("other")])) == []
    (new,) = update_of_1(published, told, AgentMessage(message_id="n", content=[text("all")]))
    assert (new["sessionUpdate"], new["content"]["text"]) == ("agent_message_chunk", "all")
    assert update_of_1(published, told, AgentMessage(message_id="o")) == []


def test_calls(published: Any) -> None:
    told = SessionDowngrade()
    started = ToolCallUpdate(tool_call_id="c", title="Edit", kind="edit", status="paused")
    (wire,) = update_of_1(published, told, started)
    assert (wire["sessionUpdate"], wire["status"]) == ("tool_call", "in_progress")
    chunk = ToolCallContentChunk(tool_call_id="c", content=ContentItem(content=text("one")))
    assert len(update_of_1(published, told, chunk)[0]["content"]) == 1
    assert len(update_of_1(published, told, chunk)[0]["content"]) == 2
    items = [
        DiffItem(changes=[DiffChange(operation="modify", path="/a")], path="/a", old_text="x", new_text="y"),
        DiffItem(changes=[DiffChange(operation="delete", path="/b")], patch=DiffPatch(format="git_patch", text="-b")),
        DiffItem(changes=[DiffChange(operation="delete", path="/c")]),
        TerminalItem(terminal_id="t"),
    ]
    (wire,) = update_of_1(published, told, ToolCallUpdate(tool_call_id="c", status="cancelled", content=items))
    assert (wire["sessionUpdate"], wire["status"]) == ("tool_call_update", "failed")
    assert [each["type"] for each in wire["content"]] == ["diff", "content", "content"]
    assert [each["content"]["text"] for each in wire["content"][1:]] == ["-b", "/c"]
    assert update_of_1(published, told, TerminalUpdate(terminal_id="t", command="ls")) == []


def test_plans_settings_and_the_rest(published: Any) -> None:
    told = SessionDowngrade()
    plan = PlanUpdate(plan=PlanItems(plan_id="p", entries=[PlanEntry(content="a", status="cancelled")]))
    wire = plan.to_wire()
    wire["plan"]["entries"][0]["priority"] = "medium"
    (down,) = update_of_1(published, told, read_update(wire))
    assert down["entries"] == [{"content": "a", "status": "completed", "priority": "medium"}]
    file = PlanUpdate(plan=PlanFile(plan_id="p", uri="file:///p"))
    assert update_of_1(published, told, file) == [file.to_wire()]
    options, mode = update_of_1(published, told, ConfigOptionUpdate(config_options=[MODE, MODEL]))
    assert (options["configOptions"][0]["id"], mode["currentModeId"]) == ("permission_mode", "default")
    assert len(update_of_1(published, told, ConfigOptionUpdate(config_options=[MODEL]))) == 1
    assert update_of_1(published, told, StateUpdate(state="idle", stop_reason="end_turn")) == []
    usage = UsageUpdate(used=1, size=2)
    assert update_of_1(published, told, usage) == [usage.to_wire()]
    commands = AvailableCommandsUpdate(available_commands=[AvailableCommand(name="go", description="d")])
    assert told.updates(commands)[0]["availableCommands"][0]["name"] == "go"
    unknown = cast("UnknownUpdate", read_update({"sessionUpdate": "_mine", "x": 1}))
    assert told.updates(unknown) == [{"sessionUpdate": "_mine", "x": 1}]


OPTIONS = [PermissionOption(option_id="o", name="Yes", kind="allow_once")]


def test_permissions(published: Any) -> None:
    call = ToolCall(tool_call_id="c", raw_input={"command": "ls"}, status="pending")
    request = PermissionRequest(session_id="s", title="Run", subject=ToolCallSubject(tool_call=call), options=OPTIONS)
    published.check(2, "RequestPermissionRequest", request.to_wire())
    wire = downgraded_permission(request)
    published.check(1, "RequestPermissionRequest", wire)
    back = PermissionRequest.read(upgrade_permission(wire))
    assert back is not None
    assert (back.title, back.options) == ("Run", OPTIONS)
    command = CommandSubject(command="ls", cwd="/w")
    wire = downgraded_permission(PermissionRequest(session_id="s", title="Run", subject=command, options=OPTIONS))
    published.check(1, "RequestPermissionRequest", wire)
    assert wire["toolCall"]["rawInput"] == {"command": "ls", "cwd": "/w"}
    wire = downgraded_permission(PermissionRequest(session_id="s", title="May I?", options=OPTIONS))
    published.check(1, "RequestPermissionRequest", wire)


def test_what_version_1_tells_comes_back_the_same() -> None:
    updates: list[SessionUpdate] = [
        AgentMessageChunk(message_id="m", content=text("a")),
        UsageUpdate(used=1, size=2),
    ]
    down, up = SessionDowngrade(), SessionUpgrade()
    again = [up.update({"update": wire}) for update in updates for wire in down.updates(update)]
    assert again == updates
