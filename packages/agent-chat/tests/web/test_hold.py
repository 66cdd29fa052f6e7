"""The hold on a server: what a holder may say, when the server ends, and who may take it over."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import pytest
from starlette.datastructures import Headers
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from agent_chat.web.access import TOKEN_PROTOCOL, Access
from agent_chat.web.app import create_app
from agent_chat.web.hold import MAX_LINE, Hold, hold_by_stdin
from agent_chat.web.server import listen, running

pytestmark = pytest.mark.anyio
EDITOR = "vscode-webview://there"


def from_editor(origin: str = EDITOR) -> Headers:
    return Headers({"origin": origin})


async def test_a_holder_admits_origins_of_pages() -> None:
    access = Access()
    hold = Hold(access, lambda: False)
    assert not access.is_guest(from_editor())
    assert hold.take(json.dumps({"origins": [EDITOR]})) == {"origins": [EDITOR]}
    assert access.is_guest(from_editor())
    assert not access.is_guest(from_editor("vscode-webview://other"))


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        "{}",
        '{"origins": []}',
        '{"origins": "vscode-webview://x"}',
        '{"origins": ["null"]}',
        '{"origins": [""]}',
        '{"origins": [1]}',
        '{"origins": ["vscode-webview://a\\nb"]}',
        '{"linger": -1}',
        '{"linger": 1000}',
        '{"linger": "1"}',
        "[" * 20_000,
        json.dumps({"origins": ["x://" + "a" * MAX_LINE]}),
    ],
)
async def test_what_a_holder_may_not_say_is_told_and_changes_nothing(line: str) -> None:
    access = Access()
    told = Hold(access, lambda: False).take(line)
    assert told["error"]["code"] == "invalid_request"
    assert "linger" in told["error"]["message"]
    for origin in ("null", "", "vscode-webview://x"):
        assert not access.is_guest(from_editor(origin))


async def test_it_ends_at_once_when_it_is_let_go_and_nothing_runs() -> None:
    hold = Hold(Access(), lambda: False)
    hold.grip()
    ending = asyncio.create_task(hold.until_let_go())
    hold.take('{"linger": 60}')
    hold.release()
    await asyncio.wait_for(ending, 30)


async def test_it_waits_for_another_holder_while_something_runs_if_it_was_told_to() -> None:
    hold = Hold(Access(), lambda: True)
    hold.grip()
    ending = asyncio.create_task(hold.until_let_go())
    hold.take('{"linger": 60}')
    hold.release()
    await asyncio.sleep(0)
    hold.grip()
    assert not ending.done()
    hold.release()
    await asyncio.wait_for(ending, 30)  # The other one did not ask it to wait.


async def test_it_waits_no_longer_than_it_was_told_to() -> None:
    hold = Hold(Access(), lambda: True)
    hold.grip()
    hold.take('{"linger": 0.01}')
    hold.release()
    await asyncio.wait_for(hold.until_let_go(), 30)


async def test_lines_of_stdin_are_answered_and_its_end_lets_go() -> None:
    reading, writing = os.pipe()
    hold = Hold(Access(), lambda: False)
    told: list[Any] = []
    hold_by_stdin(hold, told.append, descriptor=reading)
    assert hold.is_held
    os.write(writing, b'{"origins": ["a://b"]}\n\n{"lin')
    os.write(writing, b'ger": 1}\nno\n')
    os.close(writing)
    await asyncio.wait_for(hold.until_let_go(), 30)
    os.close(reading)
    assert told[:2] == [{"origins": ["a://b"]}, {"linger": 1}]
    assert told[2]["error"]


async def test_a_line_without_an_end_lets_go() -> None:
    reading, writing = os.pipe()
    hold = Hold(Access(), lambda: False)
    hold_by_stdin(hold, lambda told: None, descriptor=reading)
    ending = asyncio.create_task(hold.until_let_go())
    while not ending.done():
        await asyncio.to_thread(os.write, writing, b"x" * 4096)
    os.close(writing)
    os.close(reading)


class Holdable:
    """A server that can be held, with a token for it."""

    def __init__(self, port: int, hold: Hold, token: str) -> None:
        self.hold = hold
        self._port, self._token = port, token

    def socket(self, token: str | None = None, **headers: str) -> connect:
        offered = Subprotocol(TOKEN_PROTOCOL + (token or self._token))
        return connect(
            f"ws://127.0.0.1:{self._port}/api/hold", subprotocols=[offered], proxy=None, additional_headers=headers
        )


@pytest.fixture
async def holdable(served: Any) -> Any:
    bound = listen("127.0.0.1", 0)
    port = bound.getsockname()[1]
    access = Access()
    access.add_loopback(port)
    hold = Hold(access, lambda: True)
    async with running(create_app(served.service, access, hold=hold), bound):
        yield Holdable(port, hold, access.token())


async def test_a_program_with_a_token_takes_over_a_server_that_nobody_holds(holdable: Any) -> None:
    async with holdable.socket() as socket:
        assert json.loads(await socket.recv()) == {"type": "held"}
        assert holdable.hold.is_held
        await socket.send('{"origins": ["a://b"]}')
        assert json.loads(await socket.recv()) == {"origins": ["a://b"]}
        async with holdable.socket() as second:
            with pytest.raises(ConnectionClosed) as closed:
                await second.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4409
    await asyncio.wait_for(holdable.hold.until_let_go(), 30)


async def test_nobody_else_takes_it_over(holdable: Any, served: Any) -> None:
    with pytest.raises(Exception, match="403"):
        async with holdable.socket("wrong"):
            pass
    with pytest.raises(Exception, match="403"):
        async with holdable.socket(Origin="https://evil.example"):
            pass
    assert not holdable.hold.is_held
    async with served.socket("/api/hold") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4404, "a server of a person's own ends by Ctrl-C"
