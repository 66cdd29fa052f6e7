# pyright: reportPrivateUsage=false
from __future__ import annotations

import math
from typing import Any

import anyio
import pytest

from agent_sdk_core.errors import (
    AgentError,
    FrameTooLargeError,
    ProcessExitedError,
    ProtocolError,
    RequestTimeoutError,
    SessionClosedError,
)
from agent_sdk_core.rpc.jsonrpc import CANCEL_REQUEST, MAX_IN_FLIGHT, OVERLOADED, Peer
from agent_sdk_core.rpc.receiver import JsonObject, ProtocolIssue, ServerRequest
from agent_sdk_core.transport.framing import OversizedLine

pytestmark = pytest.mark.anyio


def echo(message: JsonObject) -> object:
    return {"id": message["id"], "result": message.get("params")} if "id" in message else None


def overloaded(message: JsonObject) -> object:
    return {"id": message["id"], "error": {"code": OVERLOADED, "message": "Server overloaded; retry later."}}


async def test_a_request_is_sent_with_an_id_and_gets_its_own_answer(wire: Any) -> None:
    peer: Peer = wire.make()
    results: dict[str, object] = {}

    async def ask(method: str) -> None:
        results[method] = await peer.request(method, {"name": method})

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, "one")
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(ask, "two")
            await anyio.wait_all_tasks_blocked()
            assert wire.sent == [
                {"method": "one", "id": 1, "params": {"name": "one"}},
                {"method": "two", "id": 2, "params": {"name": "two"}},
            ]
            assert peer.in_flight == 2
            peer.receive([{"id": 2, "result": {"of": 2}}, {"id": 1, "result": None}])
    assert results == {"one": None, "two": {"of": 2}}
    assert peer.in_flight == 0
    assert wire.issues == []


async def test_params_that_are_none_are_left_out(wire: Any) -> None:
    peer: Peer = wire.make()
    wire.reply = echo
    with anyio.fail_after(30):
        await peer.notify("initialized")
        await peer.notify("changed", {})
        assert await peer.request("model/list") is None
    assert wire.sent == [
        {"method": "initialized"},
        {"method": "changed", "params": {}},
        {"method": "model/list", "id": 1},
    ]


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (
            {"code": -32600, "message": "thread not found", "data": {"a": 1}},
            -32600,
            "refused thread/read: thread not f",
        ),
        ("nonsense", None, "nonsense"),
        ({"code": "odd"}, None, "odd"),
        (None, None, "None"),
    ],
)
async def test_a_refusal_is_a_protocol_error(wire: Any, error: object, code: int | None, text: str) -> None:
    peer: Peer = wire.make()

    def refuse(message: JsonObject) -> object:
        return {"id": message["id"], "error": error}

    wire.reply = refuse
    with anyio.fail_after(30), pytest.raises(ProtocolError, match=text) as caught:
        await peer.request("thread/read")
    assert caught.value.rpc_code == code
    assert caught.value.rpc_data == ({"a": 1} if code else None)
    assert caught.value.details == {"method": "thread/read", "error": error}
    assert not caught.value.retryable


async def test_a_request_without_answer_ends_at_its_deadline_and_a_late_answer_is_counted(wire: Any) -> None:
    peer: Peer = wire.make()
    with anyio.fail_after(30):
        with pytest.raises(RequestTimeoutError, match=r"codex did not answer turn/start within 0\.1 s") as caught:
            await peer.request("turn/start", timeout=0.1)
        assert not caught.value.retryable
        assert peer.in_flight == 0
        with pytest.raises(RequestTimeoutError) as caught:
            await peer.request("model/list", timeout=0.1, idempotent=True)
        assert caught.value.retryable
    peer.receive([{"id": 1, "result": {}}, {"id": 2, "error": {"code": 1, "message": ""}}])
    assert peer.late_responses == 2
    assert wire.issues == []


async def test_the_deadline_covers_a_write_that_hangs(wire: Any) -> None:
    peer: Peer = wire.make()
    peer._write = hang
    with anyio.fail_after(30), pytest.raises(RequestTimeoutError):
        await peer.request("turn/start", timeout=0.01)
    assert peer.in_flight == 0


async def hang(line: bytes) -> None:
    await anyio.sleep(math.inf)


async def test_a_cancelled_caller_leaves_no_entry(wire: Any) -> None:
    peer: Peer = wire.make()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(peer.request, "turn/start")
            await anyio.wait_all_tasks_blocked()
            assert peer.in_flight == 1
            tasks.cancel_scope.cancel()
    assert peer.in_flight == 0
    peer.receive([{"id": 1, "result": {}}])
    assert peer.late_responses == 1


async def test_no_more_than_64_are_in_flight_but_what_is_not_counted_goes_ahead(wire: Any) -> None:
    peer: Peer = wire.make()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for _ in range(MAX_IN_FLIGHT + 1):
                tasks.start_soon(peer.request, "model/list")
            await anyio.wait_all_tasks_blocked()
            assert len(wire.sent) == MAX_IN_FLIGHT == 64

            async def interrupt() -> None:
                await peer.request("turn/interrupt", counted=False)

            tasks.start_soon(interrupt)
            await anyio.wait_all_tasks_blocked()
            assert wire.sent[-1]["method"] == "turn/interrupt"

            peer.receive([{"id": 1, "result": {}}])
            await anyio.wait_all_tasks_blocked()
            assert len(wire.sent) == MAX_IN_FLIGHT + 2
            peer.receive([{"id": number, "result": {}} for number in range(2, MAX_IN_FLIGHT + 3)])
    assert peer.in_flight == 0


async def test_an_overload_is_tried_again_with_jitter_if_the_request_is_idempotent(wire: Any) -> None:
    delays: list[float] = []

    async def sleep(seconds: float) -> None:
        delays.append(seconds)

    peer: Peer = wire.make(jitter=lambda: 0.5, sleep=sleep)

    def recover(message: JsonObject) -> object:
        return overloaded(message) if len(wire.sent) < 4 else echo(message)

    wire.reply = recover
    with anyio.fail_after(30):
        assert await peer.request("model/list", {"limit": 1}, idempotent=True) == {"limit": 1}
        assert delays == [0.05, 0.1, 0.2]
        assert [message["id"] for message in wire.sent] == [1, 2, 3, 4]
        assert all(message["params"] == {"limit": 1} for message in wire.sent)

        wire.reply = overloaded
        with pytest.raises(ProtocolError, match="overloaded") as caught:
            await peer.request("model/list", idempotent=True)
    assert caught.value.code == "overloaded"
    assert caught.value.retryable
    assert delays[3:] == [0.05, 0.1, 0.2, 0.4, 0.8]


async def test_what_may_have_an_effect_is_never_sent_twice(wire: Any) -> None:
    peer: Peer = wire.make()
    wire.reply = overloaded
    with anyio.fail_after(30), pytest.raises(ProtocolError):
        await peer.request("turn/start")
    assert len(wire.sent) == 1


async def test_the_deadline_covers_the_attempts_as_well(wire: Any) -> None:
    peer: Peer = wire.make(jitter=lambda: 1000.0)
    wire.reply = overloaded
    with anyio.fail_after(30), pytest.raises(RequestTimeoutError):
        await peer.request("model/list", idempotent=True, timeout=0.05)


async def test_when_the_other_side_is_gone_all_that_waits_and_all_that_follows_gets_its_own_error(wire: Any) -> None:
    peer: Peer = wire.make(max_in_flight=2)
    peer.receive([{"id": 0, "method": "item/tool/call", "params": {}}])
    errors: list[AgentError] = []

    async def ask() -> None:
        with pytest.raises(ProcessExitedError) as caught:
            await peer.request("turn/start")
        errors.append(caught.value)

    original = ProcessExitedError("codex was ended by SIGKILL", signal=9, stderr_tail="tail", backend="codex")
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            assert not peer.failed
            peer.fail(original)
            peer.fail(SessionClosedError("second"))
        await ask()
        with pytest.raises(ProcessExitedError) as caught:
            await peer.notify("initialized")
        errors.append(caught.value)
        assert await peer.respond(0, {}) is False
        peer.receive([{"id": 1, "method": "late/request"}])
        assert await peer.respond(1, {}) is False
    assert peer.failed
    assert len({id(error) for error in [*errors, original]}) == 7
    assert original.__traceback__ is None
    for error in errors:
        assert isinstance(error, ProcessExitedError)
        assert (error.message, error.signal, error.stderr_tail) == (original.message, 9, "tail")
    assert len(wire.sent) == 2


async def test_requests_of_the_other_side_are_answered_once_whatever_their_id_is(wire: Any) -> None:
    peer: Peer = wire.make()
    peer.receive([{"id": key, "method": "item/tool/call", "params": {"n": key}} for key in (0, 7, "7", "abc")])
    assert [request.id for request in wire.requests] == [0, 7, "7", "abc"]
    assert wire.requests[0] == ServerRequest(
        0, "item/tool/call", {"n": 0}, {"id": 0, "method": "item/tool/call", "params": {"n": 0}}
    )
    with anyio.fail_after(30):
        assert await peer.respond(0, {"ok": True})
        assert await peer.refuse("7", "unknown method")
        assert await peer.respond(7, None)
        assert [await peer.respond(0, {}), await peer.refuse("7", ""), await peer.respond(99, {})] == [False] * 3
        assert peer.withdraw("abc")
        assert not peer.withdraw("abc")
        assert not await peer.respond("abc", {})
    assert wire.sent == [
        {"id": 0, "result": {"ok": True}},
        {"id": "7", "error": {"code": -32601, "message": "unknown method"}},
        {"id": 7, "result": None},
    ]
    peer.receive([{"id": 0, "method": "again"}])
    assert await peer.respond(0, 1)


async def test_both_directions_may_use_the_same_ids(wire: Any) -> None:
    peer: Peer = wire.make()
    results: list[object] = []

    async def ask() -> None:
        results.append(await peer.request("one"))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            peer.receive([{"id": 1, "method": "item/tool/call", "params": {}}, {"id": 1, "result": "mine"}])
    assert results == ["mine"]
    assert await peer.respond(1, "theirs")


async def test_an_answer_that_cannot_be_delivered_is_not_an_error(wire: Any) -> None:
    async def broken(line: bytes) -> None:
        raise ProcessExitedError("gone")

    peer: Peer = wire.make()
    peer._write = broken
    peer.receive([{"id": 0, "method": "ask"}])
    assert await peer.respond(0, {}) is False
    assert wire.sent == []


async def test_an_answer_that_is_no_json_can_be_replaced(wire: Any) -> None:
    peer: Peer = wire.make()
    peer.receive([{"id": 0, "method": "ask"}])
    with pytest.raises(ValueError, match="NaN"):
        await peer.respond(0, math.nan)
    assert await peer.refuse(0, "not a number")


async def test_messages_are_handled_in_order(wire: Any) -> None:
    order: list[object] = []

    def on_message(method: str, params: JsonObject, raw: JsonObject) -> None:
        order.append((method, params, raw))

    def on_request(request: ServerRequest) -> None:
        order.append(request.id)

    peer: Peer = wire.make(on_message=on_message, on_request=on_request)
    bare: JsonObject = {"method": "b"}
    stamped: JsonObject = {"method": "c", "params": {"x": 1}, "emittedAtMs": 5}
    peer.receive([{"method": "a", "params": {}}, {"id": 0, "method": "r"}, bare, {"id": "s", "method": "r"}, stamped])
    assert order[1:] == [0, ("b", {}, bare), "s", ("c", {"x": 1}, stamped)]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ([], "not_an_object"),
        ([{"method": "a"}], "not_an_object"),
        (None, "not_an_object"),
        ("text", "not_an_object"),
        (7, "not_an_object"),
        ({}, "unknown_shape"),
        ({"id": 1}, "unknown_shape"),
        ({"method": 1}, "unknown_shape"),
        ({"method": None, "id": 1}, "unknown_shape"),
        ({"method": "a", "params": [1]}, "unknown_shape"),
        ({"method": "a", "id": None}, "unknown_shape"),
        ({"method": "a", "id": True}, "unknown_shape"),
        ({"method": "a", "id": 1.5}, "unknown_shape"),
        ({"id": 1, "result": {}}, "unknown_response"),
        ({"id": 0, "result": {}}, "unknown_response"),
        ({"id": "1", "result": {}}, "unknown_response"),
        ({"id": True, "result": {}}, "unknown_response"),
        ({"id": [], "result": {}}, "unknown_response"),
        ({"error": {"code": -32700}}, "unknown_response"),
    ],
)
async def test_what_is_no_message_is_reported_and_the_next_one_is_handled(wire: Any, value: object, kind: str) -> None:
    peer: Peer = wire.make()
    peer.receive([value, {"method": "next", "params": {}}])
    [issue] = wire.issues
    assert issue.kind == kind
    assert issue.raw is value
    assert issue.detail
    assert [method for method, _, _ in wire.notifications] == ["next"]
    assert peer.protocol_issues == 1


async def test_a_request_id_that_is_in_use_is_reported(wire: Any) -> None:
    peer: Peer = wire.make()
    peer.receive([{"id": 0, "method": "a"}, {"id": 0, "method": "b"}])
    assert [request.method for request in wire.requests] == ["a"]
    assert wire.issues[0].kind == "duplicate_request"


async def test_callbacks_that_raise_do_not_end_the_stream(wire: Any) -> None:
    failure = RuntimeError("mine")
    seen: list[str] = []

    def on_message(method: str, params: JsonObject, raw: JsonObject) -> None:
        seen.append(method)
        raise failure

    def on_request(request: ServerRequest) -> None:
        seen.append(request.method)
        raise failure

    def on_issue(issue: ProtocolIssue) -> None:
        wire.issues.append(issue)
        raise failure

    def tap(direction: str, message: JsonObject) -> None:
        raise failure

    peer: Peer = wire.make(on_message=on_message, on_request=on_request, on_issue=on_issue, tap=tap)
    peer.receive([{"method": "a", "params": {}}, {"method": "b"}, {"id": 0, "method": "c"}, 5])
    assert seen == ["a", "b", "c"]
    assert [issue.kind for issue in wire.issues] == ["callback_failed"] * 3 + ["not_an_object"]
    assert all(issue.error is failure for issue in wire.issues[:3])
    with anyio.fail_after(30):
        assert await peer.respond(0, "still open")


async def test_a_lone_surrogate_cannot_hang_a_request(wire: Any) -> None:
    peer: Peer = wire.make()
    wire.reply = echo
    with anyio.fail_after(30):
        assert await peer.request("turn/start", {"text": "a\udcff"}) == {"text": "a\ufffd"}


async def test_what_cannot_be_sent_is_refused_before_it_is(wire: Any) -> None:
    peer: Peer = wire.make(max_line=100)
    with anyio.fail_after(30):
        with pytest.raises(FrameTooLargeError, match="turn/start has"):
            await peer.request("turn/start", {"text": "x" * 100})
        with pytest.raises(ValueError, match="NaN"):
            await peer.request("turn/start", {"n": math.inf})
        with pytest.raises(FrameTooLargeError):
            await peer.notify("note", "x" * 100)
        peer.receive([{"id": 0, "method": "ask"}])
        with pytest.raises(FrameTooLargeError, match="answer has"):
            await peer.respond(0, "x" * 100)
    assert wire.sent == []
    assert peer.in_flight == 0


async def test_the_tap_sees_both_directions(wire: Any) -> None:
    seen: list[tuple[str, JsonObject]] = []

    def tap(direction: str, message: JsonObject) -> None:
        seen.append((direction, message))

    peer: Peer = wire.make(tap=tap)
    wire.reply = echo
    with anyio.fail_after(30):
        await peer.request("one", {})
    assert seen == [("out", {"method": "one", "id": 1, "params": {}}), ("in", {"id": 1, "result": {}})]


async def test_a_protocol_with_a_version_gets_it_in_every_message(wire: Any) -> None:
    peer: Peer = wire.make(version="2.0")
    wire.reply = echo
    with anyio.fail_after(30):
        await peer.notify("initialized")
        await peer.request("initialize", {})
        peer.receive([{"id": 5, "method": "a"}, {"id": 6, "method": "b"}])
        await peer.respond(5, {})
        await peer.refuse(6, "Not so.", code=-32602, data={"why": "shape"})
        await peer.complain("This is no JSON.", code=-32700)
    assert all(message["jsonrpc"] == "2.0" for message in wire.sent)
    assert wire.sent[-2:] == [
        {"jsonrpc": "2.0", "id": 6, "error": {"code": -32602, "message": "Not so.", "data": {"why": "shape"}}},
        {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "This is no JSON."}},
    ]


@pytest.mark.parametrize("cancels", [True, False])
async def test_a_request_that_is_given_up_is_told_to_a_peer_that_wants_to_know(wire: Any, cancels: bool) -> None:
    peer: Peer = wire.make(cancels=cancels)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: peer.request("session/request_permission", {}, timeout=None))
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
    told = [message for message in wire.sent if message["method"] == CANCEL_REQUEST]
    assert told == ([{"method": CANCEL_REQUEST, "params": {"requestId": 1}}] if cancels else [])


async def test_a_request_that_its_peer_did_not_outlive_is_not_told_to_be_given_up(wire: Any) -> None:
    peer: Peer = wire.make(cancels=True)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: peer.request("session/request_permission", {}))
            await anyio.wait_all_tasks_blocked()
            peer._failure = SessionClosedError("Gone.")
            tasks.cancel_scope.cancel()
    assert [message["method"] for message in wire.sent] == ["session/request_permission"]


@pytest.mark.parametrize(
    "head", [b'{"id":1,"result":{"data":[', b'{ "jsonrpc" : "2.0", "id": 1, "error": {"message":"']
)
async def test_an_answer_that_is_too_long_fails_its_request_at_once_and_no_other(wire: Any, head: bytes) -> None:
    peer: Peer = wire.make()
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                with pytest.raises(FrameTooLargeError, match="answered with 70000000 bytes"):
                    await peer.request("thread/turns/list", timeout=None)

            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(peer.request, "model/list")
            await anyio.wait_all_tasks_blocked()
            peer.drop(OversizedLine(70_000_000, head))
            await anyio.wait_all_tasks_blocked()
            assert peer.in_flight == 1
            peer.receive([{"id": 2, "result": None}])
    assert [issue.kind for issue in wire.issues] == ["oversized_line"]


@pytest.mark.parametrize(
    "head",
    [
        b'{"method":"item/completed","params":{"id":1,"result":"',
        b'{"id":1,"method":"ask","params":{"text":"',
        b'{"id":99,"result":{',
        b'{"params":{"x":{"id":1,"result":',
        b"xxxxxxxx",
    ],
)
async def test_another_line_that_is_too_long_fails_no_request(wire: Any, head: bytes) -> None:
    peer: Peer = wire.make()
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(peer.request, "model/list")
            await anyio.wait_all_tasks_blocked()
            peer.drop(OversizedLine(70_000_000, head))
            await anyio.wait_all_tasks_blocked()
            assert peer.in_flight == 1
            peer.receive([{"id": 1, "result": None}])
    assert [issue.kind for issue in wire.issues] == ["oversized_line"]
