"""Agent mode as a client meets it, over an agent in memory; each frame is held to the published schema."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_chat.acp.logins import Logins
from agent_chat.acp.opened.session import AcpSession
from agent_chat.chats.prompts import ChatPrompt
from agent_chat.chats.service import ChatService
from agent_chat.storage.memory_store import MemoryStore
from agent_sdk_core import (
    Account,
    AuthenticationError,
    Diagnosis,
    InitMessage,
    McpServer,
    Problem,
    ResultMessage,
    SessionOptions,
    Source,
)
from agent_sdk_core.transport.framing import OversizedLine
from agent_sdk_testing import Gate, MemoryBackend, call, failed, reasoning, text

pytestmark = pytest.mark.anyio
Client = Any
Frame = dict[str, Any]


def chosen(kind: str) -> Callable[[Frame], Frame]:
    """Return the answer of a client whose user chooses the first option of this kind."""

    def answer(params: Frame) -> Frame:
        option = next(option for option in params["options"] if option["kind"] == kind)
        return {"outcome": {"outcome": "selected", "optionId": option["optionId"]}}

    return answer


@pytest.mark.parametrize(("asked", "spoken"), [(0, 1), (1, 1), (2, 2), (7, 2)])
async def test_the_version_is_agreed_on(client: Client, asked: int, spoken: int) -> None:
    told = await client.hello(asked)
    assert told["protocolVersion"] == spoken
    assert told["_meta"]["steering"] == {"supported": True}
    assert told["agentInfo" if spoken == 1 else "info"]["name"] == "agent-sdk"


async def test_nothing_is_served_before_the_version_is_agreed_on(client: Client, tmp_path: Path) -> None:
    assert (await client.fail("session/new", cwd=str(tmp_path), mcpServers=[]))["code"] == -32600
    assert (await client.fail("initialize", protocolVersion="1"))["code"] == -32602
    await client.hello()
    error = await client.fail("session/nonsense")
    assert error["code"] == -32601


@pytest.mark.parametrize("method", ["tool_call/cancel", "terminal/cancel"])
@pytest.mark.parametrize(("version", "code"), [(1, -32601), (2, -32602)])
async def test_one_call_is_not_cancelled_by_itself(
    client: Client, tmp_path: Path, method: str, version: int, code: int
) -> None:
    await client.hello(version)
    session = (await client.call("session/new", cwd=str(tmp_path), mcpServers=[]))["sessionId"]
    error = await client.fail(method, sessionId=session, toolCallId="c", terminalId="c")
    assert error["code"] == code
    assert version == 1 or "session/cancel" in error["message"]


@pytest.mark.parametrize(("version", "terminal"), [(1, True), (2, {})])
async def test_a_client_with_a_terminal_is_told_how_to_log_in(client: Client, version: int, terminal: Any) -> None:
    assert (await client.hello(version))["authMethods"] == []
    told = await client.hello(version, auth={"terminal": terminal})
    [method] = told["authMethods"]
    assert (method["type"], method["args"]) == ("terminal", ["--login"])
    assert (told.get("agentCapabilities", {}).get("auth") == {"logout": {}}) is (version == 1)
    login = "authenticate" if version == 1 else "auth/login"
    assert "doctor" in (await client.fail(login, methodId="login"))["message"]


@pytest.mark.parametrize(("version", "method"), [(1, "logout"), (2, "auth/logout")])
async def test_a_logout_is_the_agents_own_and_new_sessions_want_a_login(
    client: Client, agent: MemoryBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, method: str
) -> None:
    stored = ["a login"]
    looked: list[bool] = []

    async def account() -> Account:
        looked.append(bool(stored))
        return Account("subscription" if stored else "none", needs_login=not stored)

    async def logout() -> None:
        stored.clear()

    async def diagnose(**_: object) -> Diagnosis:
        problem = Problem("Nobody is logged in.", "Log in with `agent login`.", code="not_logged_in")
        return Diagnosis("memory", problems=(problem,))

    monkeypatch.setattr(agent, "account", account)
    monkeypatch.setattr(agent, "logout", logout)
    monkeypatch.setattr(agent, "diagnose", diagnose)
    await client.hello(version)
    assert (await client.fail(method))["code"] == -32601, "who cannot log in again is not logged out"
    await client.hello(version, auth={"terminal": True if version == 1 else {}})
    for _ in range(2):
        await client.call("session/new", cwd=str(tmp_path), mcpServers=[])
    assert looked == [True], "an agent is asked once"
    assert await client.call(method) == {}
    error = await client.fail("session/new", cwd=str(tmp_path), mcpServers=[])
    assert error["code"] == -32000
    assert "agent login" in error["message"]
    other = "auth/logout" if version == 1 else "logout"
    assert (await client.fail(other))["code"] == -32601


async def test_an_agent_without_a_login_says_so_when_it_is_logged_out(client: Client) -> None:
    await client.hello(auth={"terminal": True})
    assert (await client.fail("logout"))["code"] == -32602


async def test_a_prompt_streams_its_answer_and_says_why_it_stopped(
    client: Client, agent: MemoryBackend, tmp_path: Path
) -> None:
    agent.reply(reasoning("Let me ", "see"), text("Hel", "lo"))
    session = await client.session(tmp_path)
    answer = await client.prompt(session, "Hi")
    assert answer["stopReason"] == "end_turn"
    assert client.said() == "Hello"
    assert client.said("agent_thought_chunk") == "Let me see"
    assert client.updates("user_message_chunk") == [], "what the client said itself is not said again"
    assert client.updates("session_info_update")[-1]["title"] == "Hi"
    assert client.frames[-1].get("result") == answer, "the answer comes after all of its turn"


async def test_the_second_version_takes_a_prompt_and_tells_the_state(
    client: Client, agent: MemoryBackend, tmp_path: Path
) -> None:
    agent.on("Bash", "listed")
    agent.reply(call("Bash", command="ls")).reply(text("Hello"))
    client.answers["session/request_permission"] = chosen("allow_once")
    session = await client.session(tmp_path, 2)
    asked = client.ask(session, "Hi")
    idle = await client.until_update("state_update", state="idle")
    assert idle["stopReason"] == "end_turn"
    taken = (await client.end_of(asked))["result"]
    [told] = client.updates("user_message")
    assert told["messageId"] == taken["messageId"]
    assert [each["state"] for each in client.updates("state_update")] == [
        "running",
        "requires_action",
        "running",
        "idle",
    ]


@pytest.mark.parametrize(
    ("kind", "status", "ran"),
    [("allow_once", "completed", True), ("allow_always", "completed", True), ("reject_once", "failed", False)],
)
async def test_a_permission_is_what_the_client_chose(
    client: Client, agent: MemoryBackend, tmp_path: Path, kind: str, status: str, ran: bool
) -> None:
    ran_with: list[object] = []
    agent.on("Bash", lambda given: ran_with.append(given) or "listed")
    agent.reply(call("Bash", command="ls -l")).reply(text("done"))

    def answer(params: Frame) -> Frame:
        kinds = [option["kind"] for option in params["options"]]
        return chosen(kind if kind in kinds else "allow_once")(params)

    client.answers["session/request_permission"] = answer
    session = await client.session(tmp_path)
    assert (await client.prompt(session, "go"))["stopReason"] == "end_turn"
    [asked] = [frame["params"] for frame in client.frames if frame.get("method") == "session/request_permission"]
    assert asked["toolCall"]["title"] == "ls -l"
    assert bool(ran_with) is ran
    [opened] = client.updates("tool_call")
    assert opened["toolCallId"] == asked["toolCall"]["toolCallId"]
    assert client.updates("tool_call_update")[-1]["status"] == status


@pytest.mark.parametrize(
    "nonsense",
    [{}, {"outcome": {"outcome": "selected", "optionId": "no such"}}, {"outcome": "selected"}, [], "allow", None],
)
async def test_what_is_no_answer_refuses(client: Client, agent: MemoryBackend, tmp_path: Path, nonsense: Any) -> None:
    agent.on("Bash", "listed")
    agent.reply(call("Bash", command="ls")).reply(text("done"))
    client.answers["session/request_permission"] = nonsense
    session = await client.session(tmp_path)
    await client.prompt(session, "go")
    assert client.updates("tool_call_update")[-1]["status"] == "failed"


async def test_a_client_that_cannot_ask_refuses(client: Client, agent: MemoryBackend, tmp_path: Path) -> None:
    agent.on("Bash", "listed")
    agent.reply(call("Bash", command="ls")).reply(text("done"))
    session = await client.session(tmp_path)
    asked = client.ask(session, "go")
    request = await client.until_asked()
    client.send({"id": request["id"], "error": {"code": -32601, "message": "Method not found"}})
    assert (await client.end_of(asked))["result"]["stopReason"] == "end_turn"
    assert client.updates("tool_call_update")[-1]["status"] == "failed"


async def test_a_cancelled_permission_ends_the_turn(client: Client, agent: MemoryBackend, tmp_path: Path) -> None:
    agent.reply(call("Bash", command="ls"))
    client.answers["session/request_permission"] = {"outcome": {"outcome": "cancelled"}}
    session = await client.session(tmp_path)
    assert (await client.prompt(session, "go"))["stopReason"] == "cancelled"


async def test_an_answer_given_elsewhere_takes_the_request_back(
    client: Client, agent: MemoryBackend, service: ChatService, tmp_path: Path
) -> None:
    agent.on("Bash", "listed")
    agent.reply(call("Bash", command="ls")).reply(text("done"))
    session = await client.session(tmp_path)
    asked = client.ask(session, "go")
    request = await client.until_asked()
    chat = await service.open(session)
    [waiting] = chat.pending
    await chat.answer(waiting["request_id"], waiting["options"][0]["id"], by="the page")
    assert (await client.end_of(asked))["result"]["stopReason"] == "end_turn"
    taken_back = [frame["params"] for frame in client.frames if frame.get("method") == "$/cancel_request"]
    assert taken_back == [{"requestId": request["id"]}]


async def test_cancelling_stops_the_turn_and_what_waits(client: Client, agent: MemoryBackend, tmp_path: Path) -> None:
    gate = Gate()
    agent.reply(text("one"), gate).otherwise(text("two"))
    session = await client.session(tmp_path)
    first = client.ask(session, "first")
    await client.until_update("agent_message_chunk")
    second = client.ask(session, "second")
    await client.quiet()
    client.notify("session/cancel", sessionId=session)
    for asked in (first, second):
        assert (await client.end_of(asked))["result"]["stopReason"] == "cancelled"
    assert (await client.prompt(session, "third"))["stopReason"] == "end_turn"


async def test_prompts_that_come_while_a_turn_runs_wait_for_it(
    client: Client, agent: MemoryBackend, tmp_path: Path
) -> None:
    gate = Gate()
    agent.reply(text("one "), gate).reply(text("two"))
    session = await client.session(tmp_path)
    first = client.ask(session, "first")
    await client.until_update("agent_message_chunk")
    second = client.ask(session, "second")
    await client.quiet()
    assert client.said() == "one "
    gate.open()
    for asked in (first, second):
        assert (await client.end_of(asked))["result"]["stopReason"] == "end_turn"
    assert client.said() == "one two"


@pytest.mark.parametrize("waits", [True, False])
async def test_a_request_that_is_given_up_stops_its_prompt_alone(
    client: Client, agent: MemoryBackend, tmp_path: Path, waits: bool
) -> None:
    gate = Gate()
    agent.reply(text("one"), gate).otherwise(text("two"))
    session = await client.session(tmp_path)
    first = client.ask(session, "first")
    await client.until_update("agent_message_chunk")
    second = client.ask(session, "second")
    await client.quiet()
    given_up, kept = (second, first) if waits else (first, second)
    client.notify("$/cancel_request", requestId=given_up)
    assert (await client.end_of(given_up))["result"]["stopReason"] == "cancelled"
    gate.open()
    assert (await client.end_of(kept))["result"]["stopReason"] == "end_turn"


async def test_a_prompt_cancelled_while_the_agent_starts_is_never_sent(
    client: Client, agent: MemoryBackend, service: ChatService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await client.session(tmp_path)
    chat = await service.open(session)
    await chat.end_session()
    opening, goes_on = asyncio.Event(), asyncio.Event()
    create = agent.create_session

    async def slow(options: SessionOptions | None = None) -> Any:
        opening.set()
        await goes_on.wait()
        return await create(options)

    monkeypatch.setattr(agent, "create_session", slow)
    asked = client.ask(session, "go")
    await opening.wait()
    client.notify("session/cancel", sessionId=session)
    await client.quiet()
    goes_on.set()
    assert (await client.end_of(asked))["result"]["stopReason"] == "cancelled"
    assert chat.snapshot()["messages"] == []


async def test_a_failed_turn_is_an_error(client: Client, agent: MemoryBackend, tmp_path: Path) -> None:
    agent.reply(text("well"), failed("server_error", "The model broke."))
    session = await client.session(tmp_path)
    error = (await client.end_of(client.ask(session, "go")))["error"]
    assert error["code"] == -32603
    assert "The model broke." in error["message"]


async def test_in_the_second_version_a_failed_turn_is_a_state(
    client: Client, agent: MemoryBackend, tmp_path: Path
) -> None:
    agent.reply(failed("server_error", "The model broke."))
    session = await client.session(tmp_path, 2)
    client.ask(session, "go")
    idle = await client.until_update("state_update", state="idle")
    assert idle["stopReason"] == "error"
    assert "The model broke." in idle["error"]["message"]


async def test_steering_joins_the_turn_and_begins_one_where_none_runs(
    client: Client, agent: MemoryBackend, tmp_path: Path
) -> None:
    gate = Gate()
    agent.reply(text("one"), gate).otherwise(text("two"))
    session = await client.session(tmp_path)
    prompt = [{"type": "text", "text": "look here"}]
    wants: Frame = {"steering": {"idleBehavior": "promptRequired"}}
    required = await client.call("_session/steering", sessionId=session, prompt=prompt, _meta=wants)
    assert required == {"outcome": "promptRequired", "reason": "noRunningTurn"}
    assert (
        await client.fail(
            "_session/steering", sessionId=session, prompt=prompt, _meta={"steering": {"idleBehavior": 1}}
        )
    )["code"] == -32602
    asked = client.ask(session, "go")
    await client.until_update("agent_message_chunk")
    assert await client.call("_session/steering", sessionId=session, prompt=prompt) == {"outcome": "injected"}
    gate.open()
    assert (await client.end_of(asked))["result"]["stopReason"] == "end_turn"
    assert await client.call("_session/steering", sessionId=session, prompt=prompt) == {"outcome": "startedNewTurn"}
    await client.until_update("agent_message_chunk")


async def test_a_loaded_session_tells_what_the_live_one_told(
    make_client: Any, agent: MemoryBackend, tmp_path: Path
) -> None:
    agent.on("Read", "the text")
    agent.reply(text("I look."), call("Read", file_path=str(tmp_path / "a"))).reply(text("It says so."))
    first = make_client()
    session = await first.session(tmp_path)
    await first.prompt(session, "What does it say?")
    second = make_client()
    await second.hello()
    loading = second.begin("session/load", sessionId=session, cwd=str(tmp_path), mcpServers=[])
    settings = (await second.end_of(loading))["result"]
    assert settings["modes"]["currentModeId"] == "default"
    assert second.said("user_message_chunk") == "What does it say?"
    assert second.said() == first.said()
    kinds = ("tool_call", "tool_call_update")
    assert second.updates(*kinds) == first.updates(*kinds)


async def test_a_resumed_session_goes_on_without_telling_anything(
    make_client: Any, agent: MemoryBackend, tmp_path: Path
) -> None:
    agent.otherwise(text("Yes."))
    first = make_client()
    session = await first.session(tmp_path)
    await first.prompt(session, "Well?")
    await first.call("session/close", sessionId=session)
    second = make_client()
    await second.hello()
    await second.call("session/resume", sessionId=session, cwd=str(tmp_path))
    assert second.said() == ""
    assert (await second.prompt(session, "Still?"))["stopReason"] == "end_turn"
    third = make_client()
    await third.hello(2)
    start = {"type": "start"}
    await third.call("session/resume", sessionId=session, cwd=str(tmp_path), mcpServers=[], replayFrom=start)
    assert [update["content"][0]["text"] for update in third.updates("user_message")] == ["Well?", "Still?"]
    odd = {"type": "_middle"}
    error = await third.fail("session/resume", sessionId=session, cwd=str(tmp_path), replayFrom=odd)
    assert error["code"] == -32602


async def test_a_turn_that_the_agent_begins_by_itself_is_one_that_runs(
    client: Client, service: ChatService, tmp_path: Path
) -> None:
    session = await client.session(tmp_path, 2)
    chat, source = await service.open(session), Source("memory", turn_id="turn")
    chat.take(InitMessage.synthesize(source, session_id=session))
    chat.take(ResultMessage.synthesize(source, session_id=session, subtype="success", is_error=False, num_turns=1))
    await client.until_update("state_update", state="idle")
    assert [update["state"] for update in client.updates("state_update")] == ["running", "idle"]


@pytest.mark.parametrize("replays", [False, True])
async def test_a_resumed_session_says_what_it_does_before_it_is_answered_for(
    make_client: Any, agent: MemoryBackend, tmp_path: Path, replays: bool
) -> None:
    gate = Gate()
    agent.on("Bash", "listed")
    agent.reply(text("one "), gate, call("Bash", command="ls")).reply(text("two"))
    first = make_client()
    session = await first.session(tmp_path)
    opening: Frame = {"sessionId": session, "cwd": str(tmp_path), "mcpServers": []}
    if replays:
        opening["replayFrom"] = {"type": "start"}

    async def states() -> tuple[Any, list[str]]:
        client = make_client()
        await client.hello(2)
        await client.call("session/resume", **opening)
        return client, [update["state"] for update in client.updates("state_update")]

    assert (await states())[1] == ["idle"]
    asked = first.ask(session, "go")
    await first.until_update("agent_message_chunk")
    second, told = await states()
    assert told == ["running"]
    gate.open()
    await first.until_asked()
    third, told = await states()
    assert told == ["requires_action"]
    await third.until_asked()
    first.send({"id": first.frames[-1]["id"], "result": chosen("allow_once")(first.frames[-1]["params"])})
    await first.end_of(asked)
    for client, seen in ((second, ["running", "requires_action"]), (third, ["requires_action"])):
        await client.until_update("state_update", state="idle")
        assert [update["state"] for update in client.updates("state_update")] == [*seen, "running", "idle"]


async def test_what_comes_while_a_running_session_is_loaded_is_told_once(
    make_client: Any, agent: MemoryBackend, tmp_path: Path
) -> None:
    gate = Gate()
    agent.reply(text("one "), gate, text("two"))
    first = make_client()
    session = await first.session(tmp_path)
    asked = first.ask(session, "go")
    await first.until_update("agent_message_chunk")
    second = make_client()
    await second.hello()
    await second.call("session/load", sessionId=session, cwd=str(tmp_path), mcpServers=[])
    gate.open()
    assert (await first.end_of(asked))["result"]["stopReason"] == "end_turn"
    await second.quiet()
    assert second.said() == first.said() == "one two"
    assert second.said("user_message_chunk") == "go"


async def test_sessions_are_listed_renamed_archived_and_deleted(
    client: Client, agent: MemoryBackend, tmp_path: Path
) -> None:
    agent.otherwise(text("ok"))
    empty = await client.session(tmp_path)
    session = (await client.call("session/new", cwd=str(tmp_path), mcpServers=[]))["sessionId"]
    await client.prompt(session, "Hi there")
    [listed] = (await client.call("session/list"))["sessions"]
    assert (listed["sessionId"], listed["title"], listed["cwd"]) == (session, "Hi there", str(tmp_path))
    assert (await client.call("session/list", cwd="/elsewhere"))["sessions"] == []
    assert await client.call("session/status", sessionId=empty) == {"status": "open"}
    assert await client.call("session/set_title", sessionId=session, title=" Better ") == {"title": "Better"}
    await client.call("session/archive", sessionId=session)
    assert (await client.call("session/list"))["sessions"] == []
    assert len((await client.call("session/list", archived="only"))["sessions"]) == 1
    await client.call("session/unarchive", sessionId=session)
    await client.call("session/delete", sessionId=session)
    await client.call("session/delete", sessionId=session)
    assert (await client.call("session/list"))["sessions"] == []
    assert (await client.fail("session/load", sessionId=session, cwd=str(tmp_path), mcpServers=[]))["code"] == -32002


@pytest.mark.parametrize("method", ["session/load", "session/resume", "session/fork"])
async def test_a_session_whose_opening_is_given_up_is_not_open(
    make_client: Any,
    agent: MemoryBackend,
    store: MemoryStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    agent.otherwise(text("ok"))
    client = make_client()
    session = await client.session(tmp_path)
    await client.prompt(session, "Hi")
    await client.call("session/close", sessionId=session)
    opening, create = asyncio.Event(), agent.create_session

    async def slow(options: SessionOptions | None = None) -> Any:
        opening.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(agent, "create_session", slow)
    asked = client.begin(method, sessionId=session, cwd=str(tmp_path), mcpServers=[])
    await opening.wait()
    client.notify("$/cancel_request", requestId=asked)
    assert (await client.end_of(asked))["error"]["code"] == -32800
    prompt = [{"type": "text", "text": "x"}]
    assert (await client.fail("session/prompt", sessionId=session, prompt=prompt))["code"] == -32002
    assert [meta.id for meta in await store.list_chats()] == [session], "no copy is left that nobody opened"
    monkeypatch.setattr(agent, "create_session", create)
    await client.call("session/load", sessionId=session, cwd=str(tmp_path), mcpServers=[])
    assert (await client.prompt(session, "Again"))["stopReason"] == "end_turn"


async def test_a_session_that_is_closed_before_its_opening_is_answered_is_followed_by_nobody(
    client: Client, service: ChatService, tmp_path: Path
) -> None:
    session = await client.session(tmp_path)
    opened = AcpSession(await service.open(session), service, client.agent, Logins(service, None))
    await opened.detach()
    before = asyncio.all_tasks()
    opened.follow()
    assert asyncio.all_tasks() == before


async def test_what_is_given_up_in_vain_changes_nothing(client: Client, agent: MemoryBackend, tmp_path: Path) -> None:
    agent.otherwise(text("ok"))
    session = await client.session(tmp_path)
    nonsense: Any
    for nonsense in (99, "99", None, 1.5, [1], {"a": 1}, True, -1):
        client.notify("$/cancel_request", requestId=nonsense)
    for nonsense in ("nobody", None, 3, [session], {"id": session}):
        client.notify("session/cancel", sessionId=nonsense)
    client.notify("$/cancel_request")
    client.notify("session/cancel")
    assert (await client.prompt(session, "Hi"))["stopReason"] == "end_turn"


async def test_a_client_that_begins_again_is_served_in_the_version_that_it_asks_for_last(
    client: Client, agent: MemoryBackend, tmp_path: Path
) -> None:
    agent.otherwise(text("ok"))
    for version in (7, 2, 1):
        assert (await client.hello(version))["protocolVersion"] == min(version, 2)
    for wrong in ("1", 1.0, None, True, -1, [1]):
        assert (await client.fail("initialize", protocolVersion=wrong))["code"] == -32602
    session = (await client.call("session/new", cwd=str(tmp_path), mcpServers=[]))["sessionId"]
    assert (await client.prompt(session, "Hi"))["stopReason"] == "end_turn"


async def test_a_fork_knows_all_and_leaves_the_original(make_client: Any, agent: MemoryBackend, tmp_path: Path) -> None:
    agent.otherwise(text("ok"))
    client = make_client()
    session = await client.session(tmp_path)
    await client.prompt(session, "Hi")
    fork = (await client.call("session/fork", sessionId=session, cwd=str(tmp_path), mcpServers=[]))["sessionId"]
    assert fork != session
    await client.prompt(fork, "and now?")
    second = make_client()
    await second.hello()
    await second.call("session/load", sessionId=session, cwd=str(tmp_path), mcpServers=[])
    assert second.said("user_message_chunk") == "Hi"
    third = make_client()
    await third.hello()
    await third.call("session/load", sessionId=fork, cwd=str(tmp_path), mcpServers=[])
    assert third.said("user_message_chunk") == "Hiand now?"
    assert (await client.fail("session/fork", sessionId="none", cwd=str(tmp_path)))["code"] == -32002


async def test_nothing_is_told_after_a_session_is_closed(client: Client, agent: MemoryBackend, tmp_path: Path) -> None:
    agent.reply(text("one"), Gate())
    session = await client.session(tmp_path)
    asked = client.ask(session, "go")
    await client.until_update("agent_message_chunk")
    await client.call("session/close", sessionId=session)
    assert (await client.end_of(asked))["result"]["stopReason"] == "cancelled"
    assert not [frame for frame in await client.quiet() if frame.get("method") == "session/update"]
    assert (await client.fail("session/prompt", sessionId=session, prompt=[{"type": "text", "text": "x"}]))[
        "code"
    ] == -32002


async def test_in_the_second_version_a_session_that_is_closed_in_a_turn_is_told_its_end_first(
    client: Client, agent: MemoryBackend, tmp_path: Path
) -> None:
    gate = Gate()
    agent.reply(text("one"), gate, text("two"))
    session = await client.session(tmp_path, 2)
    asked = client.ask(session, "go")
    await client.until_update("agent_message_chunk")
    assert "messageId" in (await client.end_of(asked))["result"]
    queued = client.ask(session, "and then")
    await client.quiet()
    await client.call("session/close", sessionId=session)
    [idle] = [update for update in client.updates("state_update") if update["state"] == "idle"]
    assert idle["stopReason"] == "cancelled"
    assert (await client.end_of(queued))["error"]["code"] == -32800
    gate.open()
    assert [frame for frame in await client.quiet() if "method" in frame] == []


async def test_in_the_second_version_a_queued_prompt_that_is_taken_back_ends_no_turn(
    client: Client, agent: MemoryBackend, tmp_path: Path
) -> None:
    gate = Gate()
    agent.reply(text("one"), gate, text("two"))
    session = await client.session(tmp_path, 2)
    asked = client.ask(session, "go")
    await client.until_update("agent_message_chunk")
    await client.end_of(asked)
    queued = client.ask(session, "and then")
    await client.quiet()
    client.notify("$/cancel_request", requestId=queued)
    assert (await client.end_of(queued))["error"]["code"] == -32800
    await client.quiet()
    assert [update["state"] for update in client.updates("state_update")][-1] == "running"
    gate.open()
    idle = await client.until_update("state_update", state="idle")
    assert idle["stopReason"] == "end_turn"


async def test_a_request_open_at_the_close_is_taken_back(client: Client, agent: MemoryBackend, tmp_path: Path) -> None:
    agent.reply(call("Bash", command="ls"))
    session = await client.session(tmp_path)
    client.ask(session, "go")
    request = await client.until_asked()
    await client.call("session/close", sessionId=session)
    taken_back = [frame["params"]["requestId"] for frame in client.frames if frame.get("method") == "$/cancel_request"]
    assert taken_back == [request["id"]]


async def test_a_client_that_is_gone_leaves_no_turn_running(
    make_client: Any, agent: MemoryBackend, service: ChatService, tmp_path: Path
) -> None:
    agent.reply(text("one"), Gate())
    client = make_client()
    session = await client.session(tmp_path)
    client.ask(session, "go")
    await client.until_update("agent_message_chunk")
    await client.aclose()
    chat = await service.open(session)
    assert chat.session is None
    assert chat.state == "closed"


async def test_settings_are_told_chosen_and_told_again(
    client: Client, agent: MemoryBackend, service: ChatService, tmp_path: Path
) -> None:
    session = await client.session(tmp_path)
    error = await client.fail("session/set_config_option", sessionId=session, configId="mode", value="wild")
    assert error["code"] == -32602
    assert (await client.fail("session/set_mode", sessionId=session, modeId="wild"))["code"] == -32602
    told = await client.call("session/set_config_option", sessionId=session, configId="sandbox", value="read-only")
    assert {option["id"]: option["currentValue"] for option in told["configOptions"]}["sandbox"] == "read-only"
    chat = await service.open(session)
    assert chat.meta.sandbox == "read-only"
    await client.call("session/set_config_option", sessionId=session, configId="sandbox", value="default")
    assert chat.meta.sandbox is None
    await client.quiet()
    await chat.change(model="another")
    update = await client.until_update("config_option_update")
    assert {option["id"]: option["currentValue"] for option in update["configOptions"]}["model"] == "another"
    await chat.change(permission_mode="plan")
    assert (await client.until_update("current_mode_update"))["currentModeId"] == "plan"


async def test_what_a_client_brings_reaches_the_agent(
    client: Client, agent: MemoryBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[SessionOptions] = []
    create = agent.create_session

    def noted(options: SessionOptions | None = None) -> Any:
        assert options is not None
        opened.append(options)
        return create(options)

    monkeypatch.setattr(agent, "create_session", noted)
    await client.hello()
    servers: list[Frame] = [
        {"name": "files", "command": "/bin/server", "args": ["-x"], "env": [{"name": "KEY", "value": "hidden-1"}]},
        {"type": "http", "name": "web", "url": "http://127.0.0.1:1/mcp", "headers": [{"name": "A", "value": "b"}]},
    ]
    prompt = {"mode": "append", "content": [{"type": "text", "text": "Be brief."}]}
    await client.call(
        "session/new",
        cwd=str(tmp_path),
        mcpServers=servers,
        additionalDirectories=[str(tmp_path.parent)],
        systemPrompt=prompt,
    )
    [options] = opened
    files, web = options.mcp_servers["files"], options.mcp_servers["web"]
    assert isinstance(files, McpServer)
    assert isinstance(web, McpServer)
    assert (files.env, web.url) == ({"KEY": "hidden-1"}, "http://127.0.0.1:1/mcp")
    assert options.add_dirs == (str(tmp_path.parent),)
    assert options.append_system_prompt == "Be brief."
    for wrong in (
        [{"name": "x", "type": "acp", "serverId": "1"}],
        [{**servers[0], "env": {"KEY": "value"}}],
        [{**servers[1], "headers": {"KEY": "value"}}],
        [{"command": "nameless"}],
        [{"name": "x"}],
        [servers[0], servers[0]],
        "none",
    ):
        assert (await client.fail("session/new", cwd=str(tmp_path), mcpServers=wrong))["code"] == -32602
    assert (await client.fail("session/new", cwd="relative", mcpServers=[]))["code"] == -32602
    assert (await client.fail("session/new", cwd="/a\0b", mcpServers=[]))["code"] == -32602
    wrong = str(tmp_path)
    assert (await client.fail("session/new", cwd=wrong, mcpServers=[], additionalDirectories=wrong))["code"] == -32602
    assert (await client.fail("session/new", cwd=str(tmp_path / "none"), mcpServers=[]))["code"] == -32602
    assert len((await client.call("session/list"))["sessions"]) == 0


async def test_nobody_logged_in_is_told_as_such(
    client: Client, agent: MemoryBackend, store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(options: SessionOptions | None = None) -> Any:
        raise AuthenticationError("Nobody is logged in. Log in with `agent login`.")

    monkeypatch.setattr(agent, "create_session", refuse)
    await client.hello()
    error = await client.fail("session/new", cwd=str(tmp_path), mcpServers=[])
    assert error["code"] == -32000
    assert "agent login" in error["message"]
    assert not list(await store.list_chats()), "a session that could not be opened leaves no chat"


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("replays", [True, False])
async def test_a_turn_that_ends_while_its_session_is_opened_again_answers_its_prompt(
    client: Client,
    agent: MemoryBackend,
    service: ChatService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: int,
    replays: bool,
) -> None:
    gate, replayed, opening = Gate(), asyncio.Event(), asyncio.Event()
    agent.reply(text("Half "), gate, text("of it"))
    session = await client.session(tmp_path, version)
    asked = client.ask(session, "Hi")
    await client.until_update("agent_message_chunk")
    models = service.models

    async def slowly(backend: str, *, fresh: bool = False) -> Any:
        replayed.set()
        await opening.wait()
        return await models(backend, fresh=fresh)

    monkeypatch.setattr(service, "models", slowly)
    params: Frame = {"sessionId": session, "cwd": str(tmp_path), "mcpServers": []}
    if version == 2 and replays:
        params["replayFrom"] = {"type": "start"}
    opened = client.begin("session/load" if version == 1 and replays else "session/resume", **params)
    await replayed.wait()
    gate.open()
    chat = await service.open(session)
    while chat.state != "idle":
        await asyncio.sleep(0)
    opening.set()
    assert "error" not in await client.end_of(opened)
    if version == 1:
        assert (await client.end_of(asked))["result"]["stopReason"] == "end_turn"
    else:
        assert "error" not in await client.end_of(asked)
        assert (await client.until_update("state_update", state="idle"))["stopReason"] == "end_turn"
    assert client.said().endswith("of it")


async def test_a_prompt_of_the_second_version_is_answered_before_its_turn_is_told_on(
    client: Client, agent: MemoryBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await client.session(tmp_path, 2)
    agent.reply(text("Here."))
    respond = client.agent.peer.respond

    async def late(request_id: Any, result: object) -> bool:
        for _ in range(100):
            await asyncio.sleep(0)
        return await respond(request_id, result)

    monkeypatch.setattr(client.agent.peer, "respond", late)
    asked = client.ask(session, "Hi")
    await client.until_update("state_update", state="idle")
    answered = next(place for place, frame in enumerate(client.frames) if frame.get("id") == asked)
    told = [frame["params"]["update"]["sessionUpdate"] for frame in client.frames[answered + 1 :]]
    assert told == ["agent_message_chunk", "state_update"]


async def test_a_question_is_a_form_where_there_are_forms(client: Client, agent: MemoryBackend, tmp_path: Path) -> None:
    options = [{"label": "Red", "description": "warm"}, {"label": "Blue"}]
    question = {"question": "Which colour?", "header": "Colour", "options": options}
    agent.otherwise(call("AskUserQuestion", questions=[question]))
    agent.reply(call("AskUserQuestion", questions=[question])).reply(text("ok"))
    client.answers["elicitation/create"] = {"action": "accept", "content": {"question_0": "Blue"}}
    session = await client.session(tmp_path, elicitation={"form": {}})
    await client.prompt(session, "go")
    [form] = [frame["params"] for frame in client.frames if frame.get("method") == "elicitation/create"]
    assert form["message"] == "Which colour?"
    assert [each["const"] for each in form["requestedSchema"]["properties"]["question_0"]["oneOf"]] == ["Red", "Blue"]
    assert "Which colour?: Blue" in str(client.updates("tool_call_update")[-1])


async def test_a_question_is_options_where_there_are_no_forms(
    client: Client, agent: MemoryBackend, tmp_path: Path
) -> None:
    question = {"question": "Which colour?", "options": [{"label": "Red"}, {"label": "Blue"}]}
    agent.reply(call("AskUserQuestion", questions=[question])).reply(text("ok"))
    client.answers["session/request_permission"] = {"outcome": {"outcome": "selected", "optionId": "choice_1"}}
    session = await client.session(tmp_path)
    await client.prompt(session, "go")
    assert "Which colour?: Blue" in str(client.updates("tool_call_update")[-1])


@pytest.mark.parametrize("forms", [True, False])
async def test_a_plan_is_approved_or_not(client: Client, agent: MemoryBackend, tmp_path: Path, forms: bool) -> None:
    agent.on("ExitPlanMode", "approved")
    agent.reply(call("ExitPlanMode", plan="# First\nthis")).reply(text("ok"))

    def form(params: Frame) -> Frame:
        assert "# First" in params["message"]
        options = params["requestedSchema"]["properties"]["decision"]["oneOf"]
        return {"action": "accept", "content": {"decision": options[0]["const"]}}

    client.answers["elicitation/create"] = form
    client.answers["session/request_permission"] = chosen("allow_once")
    session = await client.session(tmp_path, **({"elicitation": {"form": {}}} if forms else {}))
    await client.prompt(session, "go")
    asked = {frame["method"] for frame in client.frames if "id" in frame and "method" in frame}
    assert asked == {"elicitation/create" if forms else "session/request_permission"}
    [opened] = client.updates("tool_call")
    assert opened["kind"] == "switch_mode"
    assert client.updates("tool_call_update")[-1]["status"] == "completed"


async def test_what_others_do_in_the_same_chat_is_told(
    client: Client, agent: MemoryBackend, service: ChatService, tmp_path: Path
) -> None:
    agent.reply(text("for the page"))
    session = await client.session(tmp_path)
    chat = await service.open(session)
    await chat.send(ChatPrompt("from the page"))
    await client.until_update("agent_message_chunk")
    assert client.said("user_message_chunk") == "from the page"


async def test_what_is_no_message_is_told_and_forgotten(client: Client) -> None:
    client.pipe.chunks.put_nowait(b"nonsense\n[1]\n" + b'{"id":7,"method":"x","params":[]}\n{"id":1.5,"method":"x"}\n')
    errors = [(await client.next()) for _ in range(4)]
    assert sorted(error["error"]["code"] for error in errors) == [-32700, -32600, -32600, -32600]
    assert [error["id"] for error in errors if error["id"] is not None] == [7]
    assert (await client.hello())["protocolVersion"] == 1


async def test_a_request_that_is_too_long_is_refused_by_its_id(client: Client) -> None:
    await client.hello()
    for head, answered in (
        (b'{"jsonrpc":"2.0","id":7,"method":"session/prompt","params":{"sessionId":"s","prompt":[{"ty', 7),
        (b'{"method":"session/prompt","id":"x","params":{"sess', "x"),
        (b'{"method":"session/prompt","params":{"sess', None),
        (b'{"id":12', None),
    ):
        client.agent.peer.drop(OversizedLine(2**30, head))
        frame = await client.next()
        assert (frame["id"], frame["error"]["code"]) == (answered, -32600)
        assert "exceeds the limit" in frame["error"]["message"]


async def test_a_link_that_is_no_address_is_said_as_it_is(client: Client, agent: MemoryBackend, tmp_path: Path) -> None:
    agent.reply(text("ok"))
    session = await client.session(tmp_path)
    links = [
        {"type": "resource_link", "uri": "http://[a", "name": "one"},
        {"type": "resource_link", "uri": "//[", "name": ""},
    ]
    answer = await client.end_of(client.begin("session/prompt", sessionId=session, prompt=links))
    assert answer["result"]["stopReason"] == "end_turn"


async def test_a_chat_of_another_process_is_shown_and_not_written(
    client: Client, agent: MemoryBackend, store: MemoryStore, service: ChatService, tmp_path: Path
) -> None:
    agent.reply(text("ok"))
    session = await client.session(tmp_path)
    await client.prompt(session, "Hi")
    await client.call("session/close", sessionId=session)
    await store.acquire(session, name="another")
    await client.call("session/load", sessionId=session, cwd=str(tmp_path), mcpServers=[])
    assert client.said("user_message_chunk") == "Hi"
    error = (await client.end_of(client.ask(session, "more")))["error"]
    assert "another" in error["message"]


LARGE = 20_000_000
RESOURCES: dict[str, tuple[Frame, str]] = {
    "text": ({"mimeType": "text/plain", "text": "x" * LARGE}, "at most 1000000 characters; put more into a file"),
    "bytes": (
        {"mimeType": "application/octet-stream", "blob": base64.b64encode(b"\xff" * LARGE).decode()},
        "cannot take file:///large: it is neither text nor an image",
    ),
    "image": ({"mimeType": "image/png", "blob": base64.b64encode(b"\xff" * LARGE).decode()}, "image"),
}


@pytest.mark.parametrize("kind", RESOURCES)
@pytest.mark.parametrize("version", [1, 2])
async def test_a_resource_of_twenty_megabytes_is_refused_in_a_sentence_and_the_session_goes_on(
    client: Client, agent: MemoryBackend, tmp_path: Path, version: int, kind: str
) -> None:
    agent.otherwise(text("Here."))
    session = await client.session(tmp_path, version)
    content, words = RESOURCES[kind]
    prompt = [
        {"type": "text", "text": "Read it."},
        {"type": "resource", "resource": {"uri": "file:///large", **content}},
    ]
    error = await client.fail("session/prompt", sessionId=session, prompt=prompt)
    assert error["code"] == -32602
    assert words in error["message"]
    assert len(error["message"]) < 200
    await client.prompt(session, "And now?")
    await client.quiet()
    assert client.said() == "Here."
