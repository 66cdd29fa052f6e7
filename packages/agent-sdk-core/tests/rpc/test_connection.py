from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest

from agent_sdk_core.errors import AgentError, ProcessExitedError, SessionClosedError
from agent_sdk_core.rpc.connection import LineConnection
from agent_sdk_core.rpc.correlation import Correlation
from agent_sdk_core.rpc.jsonrpc import Peer
from agent_sdk_core.rpc.receiver import JsonObject, ProtocolIssue, Receiver, ServerRequest
from agent_sdk_core.transport.process.child import ChildProcess, ProcessExit

pytestmark = pytest.mark.anyio

ECHO = """
import json, sys
def say(**message): print(json.dumps(message), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if "method" in message and "id" in message:
        if message["method"] == "exit": sys.exit(message["params"])
        say(method="heard", params={"method": message["method"]})
        say(id=message["id"], result=message.get("params"))
"""


@dataclass
class Owner(Receiver):
    """What a connection told its owner."""

    log: list[str] = field(default_factory=list[str])
    order: list[str] = field(default_factory=list[str])
    issues: list[ProtocolIssue] = field(default_factory=list[ProtocolIssue])
    requests: list[ServerRequest] = field(default_factory=list[ServerRequest])
    exits: list[tuple[object | None, AgentError]] = field(default_factory=list[tuple[object | None, AgentError]])
    process: ChildProcess = field(init=False)
    peer: Peer = field(init=False)
    connection: LineConnection = field(init=False)
    notified: Callable[[], None] = lambda: None
    requested: Callable[[], None] = lambda: None

    def on_message(self, name: str, body: JsonObject, raw: JsonObject, /) -> None:
        self.order.append(name)
        self.notified()

    def on_request(self, request: ServerRequest, /) -> None:
        self.requests.append(request)
        self.requested()

    def on_issue(self, issue: ProtocolIssue, /) -> None:
        self.issues.append(issue)

    def on_log_line(self, line: str, /) -> None:
        self.log.append(line)

    def on_batch_end(self) -> None:
        self.order.append("--")

    def on_exit(self, ended: object | None, error: AgentError, /) -> None:
        self.exits.append((ended, error))


@asynccontextmanager
async def connected(code: str, *, max_line: int = 1_000_000) -> AsyncGenerator[Owner]:
    owner = Owner()
    process = owner.process = await ChildProcess.spawn(
        [sys.executable, "-c", code], env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, name="codex"
    )
    owner.peer = Peer(process.write, owner, name=process.name, max_line=max_line)
    owner.connection = LineConnection(process, owner.peer, max_line=max_line)
    try:
        with anyio.fail_after(30):
            yield owner
    finally:
        await process.stop(grace=0, term=0)


async def test_requests_and_notifications_flow_until_the_process_ends() -> None:
    async with connected(ECHO) as owner:
        peer = owner.peer
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(owner.connection.run)
            assert await peer.request("one", {"a": "ä"}) == {"a": "ä"}
            assert await peer.request("two") is None
            with pytest.raises(ProcessExitedError, match="exit code 5"):
                await peer.request("exit", 5)
        assert peer.failed
    assert [item for item in owner.order if item != "--"] == ["heard", "heard"]
    [(ended, error)] = owner.exits
    assert ended == ProcessExit(5, None)
    assert isinstance(error, ProcessExitedError)
    assert error.exit_code == 5


async def test_a_killed_process_fails_what_waits_at_once() -> None:
    code = """
import sys
print("why", file=sys.stderr, flush=True)
print('{"method":"ready","params":{}}', flush=True)
while True: sys.stdin.readline()
"""
    async with connected(code) as owner:
        errors: list[ProcessExitedError] = []
        ready = anyio.Event()
        owner.notified = ready.set

        async def ask() -> None:
            with pytest.raises(ProcessExitedError) as caught:
                await owner.peer.request("turn/start", timeout=60)
            errors.append(caught.value)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(owner.connection.run)
            for _ in range(3):
                tasks.start_soon(ask)
            await ready.wait()
            await anyio.wait_all_tasks_blocked()
            os.kill(owner.process.pid, signal.SIGKILL)
    assert len({id(error) for error in errors}) == 3
    assert {error.message for error in errors} == {"codex was ended by SIGKILL."}
    assert {error.stderr_tail for error in errors} == {"why"}
    assert {error.signal for error in errors} == {9}


async def test_lines_that_are_no_messages_are_passed_on_and_the_rest_arrives() -> None:
    code = r"""
import sys
sys.stdout.buffer.write(
    b'WARN starting\n\r\n\n[]\nnull\n{"method":"a","params":{}}\r\n\xff\xfe\n{"method":"b","params":{"x":"\xe9"}}\n'
    b'{"method":"c","params":{"x":"\\ud83d"}}\n{"method":"last","params":{}}'
)
"""
    async with connected(code) as owner:
        await owner.connection.run()
    assert owner.log == ["WARN starting", "\ufffd\ufffd"]
    assert [issue.kind for issue in owner.issues] == ["not_an_object", "not_an_object"]
    assert [item for item in owner.order if item != "--"] == ["a", "b", "c", "last"]
    assert owner.exits[0][0] == ProcessExit(0, None)


async def test_a_line_of_100_megabytes_is_dropped_and_reported_and_the_stream_goes_on() -> None:
    code = """
import sys
out = sys.stdout.buffer
out.write(b'{"method":"big","params":"')
for _ in range(100): out.write(b"x" * 1_000_000)
out.write(b'"}\\n{"method":"next","params":{}}\\n')
"""
    async with connected(code) as owner:
        await owner.connection.run()
    [issue] = owner.issues
    assert issue.kind == "oversized_line"
    assert "100000028 bytes" in issue.detail
    assert str(issue.raw).startswith('{"method":"big"')
    assert owner.order == ["next", "--"] or owner.order[-2:] == ["next", "--"]


async def test_a_line_of_20_megabytes_arrives_within_its_limit() -> None:
    code = 'print(\'{"method":"big","params":{"x":"\' + \'x\' * 20_000_000 + \'"}}\')'
    async with connected(code, max_line=64 * 1024 * 1024) as owner:
        await owner.connection.run()
    assert owner.order == ["big", "--"]


async def test_what_was_written_before_the_end_arrives_while_a_grandchild_holds_stdout() -> None:
    code = """
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
for n in range(500): print('{"method":"%d","params":{}}' % n)
sys.stdout.flush()
os._exit(4)
"""
    async with connected(code) as owner:
        await owner.connection.run()
    assert [item for item in owner.order if item != "--"] == [str(number) for number in range(500)]
    assert owner.exits[0][0] == ProcessExit(4, None)


async def test_a_request_that_waits_for_room_in_a_full_pipe_fails_with_the_process() -> None:
    code = """
import os, subprocess
child = subprocess.Popen(["sleep", "60"])
print('{"method":"ready","params":{}}', flush=True)
os.read(0, 1)
os._exit(2)
"""
    async with connected(code) as owner, anyio.create_task_group() as tasks:
        tasks.start_soon(owner.connection.run)
        with pytest.raises(ProcessExitedError, match="exit code 2"):
            await owner.peer.request("turn/start", {"text": "x" * 500_000})


async def test_a_process_that_closes_its_stdout_counts_as_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_sdk_core.rpc.connection._EXIT", 0.05)
    async with connected("import os, sys; os.close(1); sys.stdin.read()") as owner:
        await owner.connection.run()
        [(ended, error)] = owner.exits
        assert ended is None
        with pytest.raises(ProcessExitedError, match="closed its input or output"):
            await owner.peer.request("model/list")
    assert isinstance(error, ProcessExitedError)


async def test_a_cancelled_reader_fails_what_waits_but_tells_no_exit() -> None:
    async with connected("import sys; sys.stdin.read()") as owner, anyio.create_task_group() as tasks:
        scope = anyio.CancelScope()

        async def run() -> None:
            with scope:
                await owner.connection.run()

        tasks.start_soon(run)

        async def ask() -> None:
            with pytest.raises(SessionClosedError):
                await owner.peer.request("model/list")

        tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        scope.cancel()
    assert owner.exits == []


async def test_requests_of_the_child_can_be_answered() -> None:
    code = """
import json, sys
print('{"id":0,"method":"item/tool/call","params":{"tool":"add"}}', flush=True)
answer = json.loads(input())
print(json.dumps({"method": "got", "params": answer}), flush=True)
"""
    async with connected(code) as owner:
        asked = anyio.Event()
        owner.requested = asked.set
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(owner.connection.run)
            await asked.wait()
            assert await owner.peer.respond(0, {"sum": 3})
            assert not await owner.peer.respond(0, {"sum": 4})
    assert "got" in owner.order


class Memory:
    """A channel without a process: says what it is given, and ends."""

    name = "memory"

    def __init__(self, *chunks: bytes, ended: str = "ended well") -> None:
        self.chunks = list(chunks)
        self.written: list[bytes] = []
        self.ended = ended
        self.open = True

    async def read(self) -> bytes:
        await anyio.lowlevel.checkpoint()
        return self.chunks.pop(0) if self.chunks else b""

    async def write(self, data: bytes) -> None:
        self.written.append(data)

    def close_input(self) -> None:
        self.open = False

    async def wait(self) -> str:
        return self.ended

    def exit_error(self) -> ProcessExitedError:
        return ProcessExitedError(f"memory {self.ended}")


class Failing(Owner):
    """Notes what it is told, and fails."""

    def on_message(self, name: str, body: JsonObject, raw: JsonObject, /) -> None:
        raise RuntimeError("mine")

    def on_log_line(self, line: str, /) -> None:
        raise RuntimeError("mine")

    def on_batch_end(self) -> None:
        raise RuntimeError("mine")

    def on_exit(self, ended: object | None, error: AgentError, /) -> None:
        raise RuntimeError("mine")


SAYS = b'log\n{"method":"a","params":{}}\n'


async def test_a_receiver_that_raises_does_not_end_the_reader() -> None:
    channel, failing = Memory(SAYS), Failing()
    await LineConnection(channel, Peer(channel.write, failing)).run()
    assert [(issue.kind, str(issue.error)) for issue in failing.issues] == [("callback_failed", "mine")] * 3


async def test_a_receiver_may_ignore_all_of_it() -> None:
    channel = Memory(SAYS + b'[]\n{"id":0,"method":"r"}\n')
    peer = Peer(channel.write, Receiver())
    await LineConnection(channel, peer).run()
    assert (peer.failed, peer.protocol_issues, channel.open) == (True, 1, False)
    peer.receiver.on_withdrawn(0)


async def test_any_channel_carries_a_conversation_and_says_how_it_ended() -> None:
    channel, owner = Memory(b'{"method":"a","par', b'ams":{}}\n{"method":"b","params":{}}', ended="hung up"), Owner()
    peer = Peer(channel.write, owner, name=channel.name)
    await peer.notify("hello")
    await LineConnection(channel, peer).run()
    assert (channel.written, owner.order) == ([b'{"method":"hello"}\n'], ["a", "--", "b", "--"])
    [(ended, error)] = owner.exits
    assert (ended, error.message) == ("hung up", "memory hung up")
    with pytest.raises(ProcessExitedError, match="memory hung up"):
        await peer.request("too/late")


async def test_who_ended_the_conversation_is_told_no_end() -> None:
    channel, owner = Memory(SAYS), Owner()
    peer = Peer(channel.write, owner)
    peer.fail(SessionClosedError("Closed by us."))
    await LineConnection(channel, peer).run()
    assert (owner.order, owner.exits) == (["a", "--"], [])
    with pytest.raises(SessionClosedError, match="by us"):
        await peer.notify("hello")


class Numbers(Correlation):
    """No protocol at all: it keeps what it receives."""

    values: list[object]

    def receive(self, values: Iterable[object]) -> None:
        self.values = [*values]


async def test_a_connection_carries_any_protocol_of_json_lines() -> None:
    channel, owner = Memory(b"1\nno JSON\n[2]\n"), Owner()
    peer = Numbers(channel.write, owner)
    await LineConnection(channel, peer).run()
    assert (peer.values, owner.log, owner.issues, peer.failed) == ([1, [2]], ["no JSON"], [], True)
