from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest

from agent_sdk_testing import FakeCodex, FakeRequest
from agent_sdk_testing.fakes.relay import Child

Json = dict[str, Any]


class Client:
    """The other end of a fake's pipes, spoken to line by line."""

    def __init__(self, codex: FakeCodex) -> None:
        self.process = subprocess.Popen(
            [codex.executable, "app-server"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
        self._count = 0

    def send(self, message: Json) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def line(self) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def read(self) -> Json:
        return json.loads(self.line())

    def ask(self, method: str, **params: object) -> Json:
        self._count += 1
        self.send({"id": self._count, "method": method, "params": params})
        return self.read()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def codex() -> Iterator[FakeCodex]:
    with FakeCodex() as running:
        yield running


@pytest.fixture
def connect() -> Iterator[Callable[[FakeCodex], Client]]:
    clients: list[Client] = []

    def start(codex: FakeCodex) -> Client:
        clients.append(Client(codex))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


@pytest.fixture
def client(codex: FakeCodex, connect: Callable[[FakeCodex], Client]) -> Client:
    return connect(codex)


def test_left_alone_it_greets_opens_a_thread_and_says_hello(codex: FakeCodex, client: Client) -> None:
    assert client.ask("initialize")["result"]["userAgent"].startswith(f"codex/{codex.version} ")
    assert client.ask("config/read")["result"]["config"] == {"model": "fake-model"}
    assert client.ask("thread/start", cwd="/home")["result"]["thread"]["id"] == "thread-1"
    assert client.ask("thread/start")["result"]["thread"]["id"] == "thread-2"
    assert client.ask("thread/resume", threadId="old")["result"]["thread"]["id"] == "old"
    assert client.ask("thread/list")["result"] == {"data": [], "nextCursor": None}
    assert client.ask("turn/steer", expectedTurnId="t")["result"] == {"turnId": "t"}
    prompt = [{"type": "text", "text": "Hi"}]
    answer = client.ask("turn/start", threadId="thread-1", input=prompt, clientUserMessageId="mine")
    assert answer["result"]["turn"]["id"] == "turn-1"
    told = [client.read() for _ in range(6)]
    assert [message["method"] for message in told] == [
        "turn/started", "item/started", "item/completed", "item/started", "item/completed", "turn/completed"
    ]  # fmt: skip
    assert told[1]["params"]["item"]["clientId"] == "mine"
    assert told[4]["params"]["item"]["text"] == "Hello."
    assert codex.pids == [client.process.pid]
    assert [request.method for request in codex.requests][:2] == ["initialize", "config/read"]


def test_an_interrupt_ends_the_turn_that_runs(codex: FakeCodex, client: Client) -> None:
    codex.on("turn/start", codex.accept)
    client.ask("turn/start", threadId="t", input=[])
    for _ in range(3):
        client.read()
    assert client.ask("turn/interrupt", threadId="t")["result"] == {}
    assert client.read()["params"]["turn"]["status"] == "interrupted"
    assert client.ask("turn/interrupt", threadId="t")["result"] == {}


@pytest.mark.anyio
async def test_a_held_request_is_answered_by_the_test(codex: FakeCodex, client: Client) -> None:
    codex.hold("model/list")
    client.send({"id": 7, "method": "model/list"})
    request = await codex.request("model/list")
    assert (request.id, request.params) == (7, {})
    request.answer({"a": 1})
    request.answer()
    request.refuse("no", code=-1, data="why")
    assert [client.read() for _ in range(3)] == [
        {"id": 7, "result": {"a": 1}},
        {"id": 7, "result": {"data": [], "nextCursor": None}},
        {"id": 7, "error": {"code": -1, "message": "no", "data": "why"}},
    ]
    codex.release("model/list")
    assert "result" in client.ask("model/list")


@pytest.mark.anyio
async def test_a_question_knows_its_answers(codex: FakeCodex, client: Client) -> None:
    client.ask("initialize")
    question = codex.ask("item/tool/call", tool="x")
    assert client.read() == {"id": 0, "method": "item/tool/call", "params": {"tool": "x"}}
    client.send({"id": 99, "result": "nobody asked"})
    client.send({"id": 0, "result": {"success": False}})
    assert await question.answered() == {"id": 0, "result": {"success": False}}
    assert question.answers == [{"id": 0, "result": {"success": False}}]


@pytest.mark.anyio
async def test_a_wait_in_vain_says_what_came(codex: FakeCodex, client: Client) -> None:
    client.ask("initialize")
    with pytest.raises(TimeoutError, match=r"turn/start no\. 1 did not come .*'initialize'"):
        await codex.request("turn/start", timeout=0.01)


def test_anything_can_be_written(codex: FakeCodex, client: Client) -> None:
    client.ask("initialize")
    codex.write(b"\xff not JSON", [1], {"a": 1})
    assert [client.line() for _ in range(3)] == [b"\xff not JSON\n", b"[1]\n", b'{"a": 1}\n']
    codex.write_long_line(200_001)
    assert client.line() == b"x" * 200_001 + b"\n"


def test_it_ends_as_it_is_told(codex: FakeCodex, connect: Callable[[FakeCodex], Client]) -> None:
    leaving = connect(codex)
    leaving.ask("initialize")
    codex.exit(3, log="no disk")
    assert leaving.process.wait(30) == 3  # Before `communicate`, which closes stdin: that would end it too.
    assert leaving.process.communicate(timeout=120) == (b"", b"no disk\n")
    killed = connect(codex)
    killed.ask("initialize")
    codex.kill(signal.SIGTERM)
    assert killed.process.wait(30) == -signal.SIGTERM
    assert len(codex.pids) == 2
    codex.notify("nobody/listens")


@pytest.mark.anyio
async def test_it_ends_with_its_input_unless_it_is_stubborn(
    codex: FakeCodex, client: Client, connect: Callable[[FakeCodex], Client]
) -> None:
    client.ask("initialize")
    assert client.process.stdin is not None
    client.process.stdin.close()
    client.process.stdin = None
    assert client.process.wait(30) == 0
    await codex.stdin_closed()
    with FakeCodex(ignore_eof=True, ignore_sigterm=True) as stubborn:
        mule = connect(stubborn)
        mule.ask("initialize")
        mule.process.terminate()
        assert "result" in mule.ask("model/list")
        assert mule.process.stdin is not None
        mule.process.stdin.close()
        mule.process.stdin = None
        await stubborn.stdin_closed()
        stubborn.notify("still/here")
        assert mule.read()["method"] == "still/here"
    assert mule.process.wait(30) == 0


def test_a_closed_stdout_is_no_end(codex: FakeCodex, client: Client) -> None:
    client.ask("initialize")
    codex.close_stdout()
    assert client.line() == b""
    codex.notify("nobody/reads")
    codex.exit(5)
    assert client.process.wait(30) == 5


def test_a_handler_that_fails_fails_the_test(connect: Callable[[FakeCodex], Client]) -> None:
    def broken(request: FakeRequest) -> None:
        raise LookupError(request.method)

    def provoke(codex: FakeCodex) -> None:
        codex.on("model/list", broken)
        client = connect(codex)
        client.send({"id": 1, "method": "model/list"})
        client.ask("initialize")

    def run(then: Callable[[], object]) -> None:
        with FakeCodex() as codex:
            provoke(codex)
            then()

    with pytest.raises(LookupError, match="model/list"):
        run(lambda: None)
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)


def test_it_leaves_nothing_behind() -> None:
    with FakeCodex() as codex:
        folder = codex.executable.parent
        assert folder.exists()
    assert not folder.exists()


class Relay:
    """A `Child` in this process, whose ends the test holds."""

    def __init__(self, *, ignore_eof: bool = False) -> None:
        self.control, far = socket.socketpair()
        stdin, self.stdin = os.pipe()
        self.stdout, stdout = os.pipe()
        self.left: list[int] = []
        self.child = Child(
            far, stdin=stdin, stdout=stdout, stderr=stdout, leave=self.left.append, ignore_eof=ignore_eof
        )
        self.open = [stdin, self.stdout, stdout]
        self.sockets = [self.control, far]

    def close(self) -> None:
        for one in self.sockets:
            one.close()
        for descriptor in self.open:
            os.close(descriptor)


@pytest.mark.parametrize(("ignore_eof", "left"), [(False, [0]), (True, [])])
def test_the_relay_passes_on_what_it_reads(ignore_eof: bool, left: list[int]) -> None:
    relay = Relay(ignore_eof=ignore_eof)
    os.write(relay.stdin, b"hello\n")
    os.close(relay.stdin)
    relay.child.pass_on()
    lines = relay.control.recv(4096).splitlines()
    assert [json.loads(line) for line in lines] == [{"in": "aGVsbG8K"}, {"eof": True}]
    assert relay.left == left
    relay.close()


def test_the_relay_does_what_it_is_told() -> None:
    relay = Relay()
    received: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: received.append(number))
    for order in ({"out": "YQ=="}, {"err": "Yg=="}, {"fill": 3}, {"kill": int(signal.SIGUSR1)}, {"exit": 4}):
        relay.control.sendall(json.dumps(order).encode() + b"\n")
    relay.control.shutdown(socket.SHUT_WR)
    relay.child.obey()
    signal.signal(signal.SIGUSR1, before)
    assert os.read(relay.stdout, 100) == b"abxxx"
    assert (received, relay.left) == ([signal.SIGUSR1], [4, 0])
    os.close(relay.stdin)
    relay.close()


def test_the_relay_fills_more_than_a_pipe_holds() -> None:
    relay = Relay()
    size = 300_000
    read: list[bytes] = []

    def drain() -> None:
        while sum(map(len, read)) < size:
            read.append(os.read(relay.stdout, 65_536))

    reader = threading.Thread(target=drain)
    reader.start()
    relay.control.sendall(json.dumps({"fill": size}).encode() + b"\n")
    relay.control.shutdown(socket.SHUT_WR)
    relay.child.obey()
    reader.join(30)
    assert sum(map(len, read)) == size
    os.close(relay.stdin)
    relay.close()


@pytest.mark.anyio
async def test_a_cancelled_wait_lets_go(codex: FakeCodex) -> None:
    with anyio.move_on_after(0.01) as scope:
        await codex.request("never", timeout=3)
    assert scope.cancelled_caught


def test_each_process_is_answered_where_it_asked(codex: FakeCodex, connect: Callable[[FakeCodex], Client]) -> None:
    one, two = connect(codex), connect(codex)
    for client in (one, two):
        assert "userAgent" in client.ask("initialize")["result"]
    threads = [client.ask("thread/start")["result"]["thread"]["id"] for client in (two, one)]
    assert threads == ["thread-1", "thread-2"]
    for client, thread_id in ((two, "thread-1"), (one, "thread-2")):
        turn = client.ask("turn/start", threadId=thread_id, input=[])["result"]["turn"]
        while (told := client.read())["method"] != "turn/completed":
            assert told["params"]["threadId"] == thread_id
        assert told["params"]["turn"]["id"] == turn["id"]
    assert codex.pids == [process.pid for process in codex.processes]
    assert {*codex.pids} == {one.process.pid, two.process.pid}
