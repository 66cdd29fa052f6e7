# pyright: reportPrivateUsage=false
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_sdk_core.errors import (
    FrameTooLargeError,
    ProcessExitedError,
    ProtocolError,
    RequestTimeoutError,
    SessionClosedError,
)
from agent_sdk_core.rpc.receiver import ProtocolIssue, Receiver, RequestId, ServerRequest
from agent_sdk_core.transport.framing import OversizedLine
from claude_sdk.process.control_peer import ControlPeer

Json = dict[str, Any]


class Wire(Receiver):
    """The other side of a peer, in memory: what was sent, and what the owner was told."""

    def __init__(self) -> None:
        self.sent: list[Json] = []
        self.frames: list[Json] = []
        self.requests: list[ServerRequest] = []
        self.cancelled: list[str] = []
        self.issues: list[ProtocolIssue] = []
        self.reply: Callable[[Json], object] | None = None

    async def write(self, line: bytes) -> None:
        assert line.endswith(b"\n")
        message = cast("Json", json.loads(line))
        self.sent.append(message)
        await anyio.lowlevel.checkpoint()
        if self.reply is not None:
            self.peer.receive([self.reply(message)])

    def make(self, **options: Any) -> ControlPeer:
        for name in [name for name in options if name.startswith("on_")]:
            setattr(self, name, options.pop(name))
        self.peer = ControlPeer(options.pop("write", self.write), self, **options)
        return self.peer

    def on_message(self, name: str, body: Json, raw: Json, /) -> None:
        assert body is raw
        self.frames.append(body)

    def on_request(self, request: ServerRequest, /) -> None:
        self.requests.append(request)

    def on_withdrawn(self, request_id: RequestId, /) -> None:
        self.cancelled.append(str(request_id))

    def on_issue(self, issue: ProtocolIssue, /) -> None:
        self.issues.append(issue)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def success(request_id: str, payload: object = None) -> Json:
    body: Json = {"subtype": "success", "request_id": request_id}
    return {"type": "control_response", "response": body if payload is None else {**body, "response": payload}}


def asking(request_id: str, subtype: str = "can_use_tool", **fields: object) -> Json:
    return {"type": "control_request", "request_id": request_id, "request": {"subtype": subtype, **fields}}


@pytest.mark.anyio
class TestRequests:
    async def test_a_request_is_sent_in_its_envelope_and_gets_its_own_answer(self, wire: Wire) -> None:
        peer = wire.make()
        answers: dict[str, object] = {}

        async def ask(subtype: str, **fields: object) -> None:
            answers[subtype] = await peer.request(subtype, fields)

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask, "interrupt")
                await anyio.wait_all_tasks_blocked()
                tasks.start_soon(lambda: ask("set_model", model=None))
                await anyio.wait_all_tasks_blocked()
                assert wire.sent == [asking("1", "interrupt"), asking("2", "set_model", model=None)]
                assert peer.in_flight == 2
                peer.receive([success("2", {"model": "m"}), success("1")])
        assert answers == {"interrupt": {}, "set_model": {"model": "m"}}
        assert (peer.in_flight, wire.issues, wire.frames) == (0, [], [])

    @pytest.mark.parametrize("payload", [None, [], "text", 7])
    async def test_an_answer_without_an_object_is_an_empty_one(self, wire: Wire, payload: object) -> None:
        peer = wire.make()
        wire.reply = lambda message: success(message["request_id"], payload)
        with anyio.fail_after(30):
            assert await peer.request("get_settings") == {}

    async def test_a_refusal_is_a_protocol_error_with_claudes_code(self, wire: Wire) -> None:
        peer = wire.make()
        body = {"subtype": "error", "request_id": "1", "error": "Model 'x' not found", "error_code": "not_found"}
        wire.reply = lambda message: {"type": "control_response", "response": body}
        with anyio.fail_after(30), pytest.raises(ProtocolError, match=r"claude refused set_model: Model 'x'") as caught:
            await peer.request("set_model", {"model": "x"})
        assert caught.value.backend == "claude"
        assert caught.value.details == {
            "subtype": "set_model", "error": "Model 'x' not found", "error_code": "not_found", "response": body
        }  # fmt: skip

    async def test_an_answer_of_a_strange_kind_is_a_refusal(self, wire: Wire) -> None:
        peer = wire.make()
        wire.reply = lambda message: {"type": "control_response", "response": {"request_id": "1"}}
        with anyio.fail_after(30), pytest.raises(ProtocolError, match=r"refused interrupt: None"):
            await peer.request("interrupt")

    async def test_without_an_answer_it_ends_at_its_deadline_and_a_late_answer_is_counted(self, wire: Wire) -> None:
        peer = wire.make()
        with pytest.raises(RequestTimeoutError, match=r"claude did not answer interrupt within 0\.01 s") as caught:
            await peer.request("interrupt", timeout=0.01)
        assert caught.value.backend == "claude"
        assert caught.value.details == {"subtype": "interrupt", "timeout": 0.01}
        assert peer.in_flight == 0
        peer.receive([success("1")])
        assert (peer.late_responses, wire.issues) == (1, [])

    async def test_the_deadline_covers_a_write_that_hangs(self, wire: Wire) -> None:
        async def never(line: bytes) -> None:
            await anyio.sleep_forever()

        with anyio.fail_after(30), pytest.raises(RequestTimeoutError):
            await wire.make(write=never).request("interrupt", timeout=0.01)

    async def test_a_cancelled_caller_leaves_no_entry(self, wire: Wire) -> None:
        peer = wire.make()
        with anyio.move_on_after(0.01):
            await peer.request("interrupt")
        assert peer.in_flight == 0

    async def test_what_is_not_counted_goes_ahead_of_what_waits_for_a_place(self, wire: Wire) -> None:
        peer = wire.make()
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for _ in range(65):
                    tasks.start_soon(peer.request, "get_settings")
                await anyio.wait_all_tasks_blocked()
                assert peer.in_flight == 64
                tasks.start_soon(lambda: peer.request("interrupt", counted=False))
                await anyio.wait_all_tasks_blocked()
                assert wire.sent[-1]["request"] == {"subtype": "interrupt"}
                peer.receive([success(str(number)) for number in range(1, 66)])
                await anyio.wait_all_tasks_blocked()
                peer.receive([success("66")])
        assert peer.in_flight == 0

    async def test_what_cannot_be_sent_is_refused_and_leaves_no_entry(self, wire: Wire) -> None:
        peer = wire.make()
        peer._max_line = 100
        with pytest.raises(FrameTooLargeError, match=r"control_request has .* bytes"):
            await peer.request("initialize", {"systemPrompt": "x" * 100})
        with pytest.raises(TypeError):
            await peer.request("initialize", {"systemPrompt": object()})
        with pytest.raises(FrameTooLargeError, match="user has"):
            await peer.send({"type": "user", "message": "x" * 100})
        assert (peer.in_flight, wire.sent) == (0, [])

    async def test_an_answer_that_is_too_long_fails_its_request_at_once_and_no_other(self, wire: Wire) -> None:
        peer = wire.make()
        head = b'{"type":"control_response","response":{"subtype":"success","request_id":"1","response":{"'

        async def ask() -> None:
            with pytest.raises(FrameTooLargeError, match="answered with 70000000 bytes"):
                await peer.request("initialize")

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                await anyio.wait_all_tasks_blocked()
                tasks.start_soon(peer.request, "get_usage")
                await anyio.wait_all_tasks_blocked()
                peer.drop(OversizedLine(70_000_000, b'{"type":"user","request_id":"2","message":{"'))
                peer.drop(OversizedLine(70_000_000, head))
                await anyio.wait_all_tasks_blocked()
                assert peer.in_flight == 1
                peer.receive([success("2")])
        assert [issue.kind for issue in wire.issues] == ["oversized_line", "oversized_line"]


@pytest.mark.anyio
class TestFailure:
    async def test_all_that_waits_and_all_that_follows_gets_its_own_error(self, wire: Wire) -> None:
        peer = wire.make()
        errors: list[ProcessExitedError] = []

        async def ask() -> None:
            with pytest.raises(ProcessExitedError) as caught:
                await peer.request("interrupt")
            errors.append(caught.value)

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                tasks.start_soon(ask)
                await anyio.wait_all_tasks_blocked()
                peer.receive([asking("a")])
                peer.fail(ProcessExitedError("gone", exit_code=1))
            await ask()
        assert len({id(error) for error in errors}) == 3
        assert {error.exit_code for error in errors} == {1}
        with pytest.raises(ProcessExitedError):
            await peer.send({"type": "user"})
        assert not await peer.respond("a", {})
        assert peer.failed

    async def test_the_first_failure_stays(self, wire: Wire) -> None:
        peer = wire.make()
        peer.fail(SessionClosedError("first"))
        peer.fail(ProcessExitedError("second"))
        with pytest.raises(SessionClosedError, match="first"):
            await peer.send({})

    async def test_a_request_that_comes_after_the_end_waits_for_nothing(self, wire: Wire) -> None:
        peer = wire.make()
        peer.fail(SessionClosedError("closed"))
        peer.receive([asking("a")])
        assert not peer.awaits("a")


@pytest.mark.anyio
class TestAnswers:
    async def test_a_request_of_claudes_is_answered_once(self, wire: Wire) -> None:
        peer = wire.make()
        peer.receive([asking("a", tool_name="Bash"), asking("b", "surprise")])
        assert wire.requests[0] == ServerRequest(
            "a", "can_use_tool", {"subtype": "can_use_tool", "tool_name": "Bash"}, asking("a", tool_name="Bash")
        )
        assert peer.awaits("a")
        assert await peer.respond("a", {"behavior": "deny"})
        assert not await peer.respond("a", {"behavior": "allow"})
        assert await peer.refuse("b", "This client does not answer surprise.")
        assert not await peer.refuse("c", "never asked")
        assert wire.sent == [
            success("a", {"behavior": "deny"}),
            {
                "type": "control_response",
                "response": {
                    "subtype": "error", "request_id": "b", "error": "This client does not answer surprise."
                },
            },
        ]  # fmt: skip

    async def test_an_answer_that_is_no_json_can_be_replaced(self, wire: Wire) -> None:
        peer = wire.make()
        peer.receive([asking("a")])
        with pytest.raises(ValueError, match="JSON"):
            await peer.respond("a", {"updatedInput": float("nan")})
        assert await peer.respond("a", {"behavior": "deny"})

    @pytest.mark.parametrize("error", [ProcessExitedError("gone"), SessionClosedError("closed")])
    async def test_an_answer_that_reaches_nobody_is_no_error(self, wire: Wire, error: Exception) -> None:
        async def fails(line: bytes) -> None:
            raise error

        peer = wire.make(write=fails)
        peer.receive([asking("a")])
        assert not await peer.respond("a", {})

    async def test_what_claude_withdraws_needs_no_answer(self, wire: Wire) -> None:
        peer = wire.make()
        peer.receive([asking("a"), {"type": "control_cancel_request", "request_id": "a"}])
        peer.receive([{"type": "control_cancel_request", "request_id": "never asked"}])
        assert wire.cancelled == ["a", "never asked"]
        assert not peer.awaits("a")
        assert not await peer.respond("a", {})
        assert wire.sent == []

    async def test_an_id_that_waits_is_not_taken_twice_but_may_be_used_again(self, wire: Wire) -> None:
        peer = wire.make()
        peer.receive([asking("a"), asking("a", "again")])
        assert [issue.kind for issue in wire.issues] == ["duplicate_request"]
        assert await peer.respond("a", {})
        peer.receive([asking("a", "again")])
        assert [request.method for request in wire.requests] == ["can_use_tool", "again"]


class TestReceiving:
    def test_frames_are_handled_in_order(self, wire: Wire) -> None:
        order: list[object] = []

        def on_frame(name: str, frame: Json, raw: Json) -> None:
            order.append((name, frame["n"]))

        def on_request(request: ServerRequest) -> None:
            order.append(request.id)

        peer = wire.make(on_message=on_frame, on_request=on_request, on_withdrawn=order.append)
        cancel = {"type": "control_cancel_request", "request_id": "b"}
        peer.receive([{"type": "system", "n": 1}, asking("a"), {"n": 2}, cancel, {"type": None, "n": 3}])
        assert order == [("system", 1), "a", ("", 2), "b", ("", 3)]

    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            (None, "not_an_object"),
            ([], "not_an_object"),
            ("text", "not_an_object"),
            ({"type": "control_request"}, "unknown_shape"),
            ({"type": "control_request", "request_id": 7, "request": {"subtype": "x"}}, "unknown_shape"),
            ({"type": "control_request", "request_id": "a"}, "unknown_shape"),
            ({"type": "control_request", "request_id": "a", "request": []}, "unknown_shape"),
            ({"type": "control_request", "request_id": "a", "request": {"subtype": None}}, "unknown_shape"),
            ({"type": "control_cancel_request", "request_id": None}, "unknown_shape"),
            ({"type": "control_response"}, "unknown_shape"),
            ({"type": "control_response", "response": "x"}, "unknown_shape"),
            ({"type": "control_response", "response": {"request_id": 1}}, "unknown_shape"),
            ({"type": "control_response", "response": {"request_id": "1"}}, "unknown_response"),
            ({"type": "control_response", "response": {"request_id": "0"}}, "unknown_response"),
            ({"type": "control_response", "response": {"request_id": "x"}}, "unknown_response"),
            ({"type": "control_response", "response": {"request_id": "²"}}, "unknown_response"),
            ({"type": "control_response", "response": {"request_id": "9" * 5_000}}, "unknown_response"),
        ],
    )
    def test_what_is_no_frame_is_reported_and_the_next_one_is_handled(
        self, wire: Wire, value: object, kind: str
    ) -> None:
        peer = wire.make()
        peer.receive([value, {"type": "result"}])
        assert [issue.kind for issue in wire.issues] == [kind]
        assert wire.issues[0].raw is value
        assert wire.frames == [{"type": "result"}]
        assert peer.protocol_issues == 1

    @pytest.mark.parametrize("kind", [None, [], {}, 7, True])
    def test_a_frame_whose_type_is_no_name_is_passed_on(self, wire: Wire, kind: object) -> None:
        wire.make().receive([{"type": kind}])
        assert (wire.frames, wire.issues) == ([{"type": kind}], [])

    def test_callbacks_that_raise_do_not_end_the_stream(self, wire: Wire) -> None:
        def fail(*arguments: object) -> None:
            raise LookupError("mine")

        peer = wire.make(on_message=fail, on_request=fail, on_withdrawn=fail)
        cancel = {"type": "control_cancel_request", "request_id": "a"}
        peer.receive([{"type": "result"}, asking("a", "can_use_tool"), cancel])
        assert [(issue.kind, str(issue.error)) for issue in wire.issues] == [("callback_failed", "mine")] * 3
        assert [issue.detail.partition(" could not")[0] for issue in wire.issues] == [
            "A frame of type 'result'", "can_use_tool", "A withdrawal"
        ]  # fmt: skip

    def test_who_is_told_of_errors_may_fail_too(self, wire: Wire) -> None:
        def fail(issue: ProtocolIssue) -> None:
            raise LookupError("mine")

        peer = wire.make(on_issue=fail)
        peer.receive([7, {"type": "result"}])
        assert (wire.frames, peer.protocol_issues) == ([{"type": "result"}], 1)

    @pytest.mark.anyio
    async def test_the_tap_sees_both_directions_and_cannot_break_them(self, wire: Wire) -> None:
        seen: list[tuple[str, object]] = []

        def tap(direction: str, frame: Json) -> None:
            seen.append((direction, frame.get("type")))
            raise OSError("the disk is full")

        peer = wire.make(tap=tap)
        peer.receive([{"type": "result"}, asking("a"), 7])
        await peer.send({"type": "user"})
        await peer.respond("a", {})
        assert seen == [
            ("in", "result"), ("in", "control_request"), ("out", "user"), ("out", "control_response")
        ]  # fmt: skip


_SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=2) | st.dictionaries(st.text(max_size=3), _SCALARS, max_size=2)
_TYPES = st.sampled_from(["control_request", "control_response", "control_cancel_request", "result"])
_BODIES = st.fixed_dictionaries({}, optional={"subtype": _VALUES, "request_id": _VALUES, "response": _VALUES})
_FRAMES = st.fixed_dictionaries(
    {"type": _TYPES | _VALUES}, optional={"request_id": _VALUES, "request": _BODIES, "response": _BODIES}
)


@settings(max_examples=50, deadline=None)
@given(st.lists(_FRAMES | _VALUES, max_size=4))
def test_nothing_that_is_received_raises(values: list[object]) -> None:
    wire = Wire()
    wire.make().receive(values)
    objects = sum(isinstance(value, dict) for value in values)
    assert len(wire.frames) + len(wire.requests) + len(wire.cancelled) <= objects
    assert not [issue for issue in wire.issues if issue.kind == "callback_failed"]
