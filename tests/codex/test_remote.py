"""An app-server that somebody else has started: reached, refused, and left running."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.codex.driving import Codex
from tests.codex.listening import ListeningServer, Transport

from agent_sdk_core import (
    DEFER,
    AgentError,
    Allow,
    AuthenticationError,
    BackendConfig,
    BackendEvent,
    ImageInput,
    RequestOpened,
    RequestResolved,
    ResultMessage,
    RuntimeConfig,
    Secret,
    StartError,
    StreamEvent,
    create_backend,
)
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.watching import result_of, run, until
from codex_sdk import CodexBackend

pytestmark = pytest.mark.anyio


@contextmanager
def listening(codex: Codex, transport: Transport = "tcp") -> Generator[ListeningServer]:
    with ListeningServer(codex.executable, codex.env, codex.folder, transport) as server:
        yield server


@pytest.mark.parametrize("transport", ["unix", "tcp"])
async def test_a_server_outlives_its_clients_and_another_one_goes_on(codex: Codex, transport: Transport) -> None:
    codex.model.reply(text("Fine.")).reply(text("Next."))
    with listening(codex, transport) as server:
        async with CodexBackend(**server.arguments) as backend, await codex.open(backend) as session:
            events = backend.events()
            while (event := await anext(events)).kind != "started":
                pass
            assert event.message == f"codex app-server {backend.version} is running at {server.url}."
            assert backend.pid is None
            assert (await run(session, "Remember the word apple.")).result.result == "Fine."
        assert server.process.poll() is None
        async with (
            CodexBackend(**server.arguments) as backend,
            await codex.open(backend, resume=session.session_id) as again,
        ):
            assert (await run(again, "Go on.")).result.result == "Next."
    assert "Remember the word apple." in codex.model.requests[-1].text


async def test_a_prompt_larger_than_a_frame_of_the_server_arrives_whole(codex: Codex) -> None:
    codex.model.reply(text("Seen."))
    with listening(codex, "unix") as server:
        async with CodexBackend(**server.arguments) as backend, await codex.open(backend) as session:
            image = ImageInput(data=b"\x89PNG\r\n\x1a\n" + b"x" * 18_000_000, media_type="image/png")
            result = (await run(session, [image])).result
    assert result.outcome in ("completed", "failed"), "an image that is none may be refused, but not the message"


async def refused(kind: type[AgentError], **arguments: object) -> AgentError:
    """Start a backend that is refused, and return how it says so; that takes no second."""
    backend = CodexBackend(**arguments)  # pyright: ignore[reportArgumentType]  # arguments by name
    with pytest.raises(kind) as caught, anyio.fail_after(60):
        await backend.start()
    await backend.aclose()
    assert "\n" not in str(caught.value)
    return caught.value


async def test_a_wrong_or_missing_token_is_told_at_once(codex: Codex) -> None:
    with listening(codex) as server:
        error = await refused(AuthenticationError, url=server.url, token=Secret("another"))
        assert "this token is not the one" in str(error)
        error = await refused(AuthenticationError, url=server.url)
        assert "it wants one" in str(error)
        assert server.token not in str(error)


async def test_nobody_there_is_told_at_once_with_the_command() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # And never listens: nobody else is given the port meanwhile.
        url = f"ws://127.0.0.1:{nobody.getsockname()[1]}"
        error = await refused(StartError, url=url)
    assert error.code == "unreachable"
    assert f"`codex app-server --listen {url}`" in str(error)


async def test_a_remote_server_is_diagnosed(codex: Codex) -> None:
    with listening(codex) as server:
        found = await CodexBackend(**server.arguments).diagnose()
        assert found.executable == server.url
        assert found.version is not None
        assert found.login == "none needed: the configured model provider has its own"
        assert not found.problems
        found = await CodexBackend(url=server.url).diagnose()
        assert [problem.code for problem in found.problems] == ["authentication_failed"]


async def test_a_server_of_the_configuration_is_used_by_its_name(codex: Codex, tmp_path: Path) -> None:
    codex.model.otherwise(text("Fine."))
    with listening(codex) as server:
        file = tmp_path / "config.toml"
        token = '{ env = "OFFICE_TOKEN" }'
        file.write_text(f'[backends.office]\ntype = "codex"\nurl = "{server.url}"\ntoken = {token}\n')
        env = {**os.environ, "AGENT_SDK_CONFIG": str(file), "OFFICE_TOKEN": server.token}
        command = [sys.executable, "-m", "agent_chat", "run", "-b", "office", "Hello."]
        done = await anyio.run_process(command, env=env, cwd=codex.workspace, stderr=None)
        assert b"Fine." in done.stdout
        table = BackendConfig(type="codex", url=server.url, token=Secret("another"))
        backend = create_backend("office", config=RuntimeConfig(backends={"office": table}))
        assert backend.type == "office"
        with pytest.raises(AuthenticationError) as caught:
            await backend.start()
        assert caught.value.backend == "office"
        found = await backend.diagnose()
        assert (found.backend, found.executable) == ("office", server.url)
        await backend.aclose()


@pytest.mark.parametrize("transport", ["unix", "tcp"])
async def test_a_turn_that_ran_when_the_connection_was_lost_is_picked_up_again(
    codex: Codex, transport: Transport
) -> None:
    gate = Gate()
    codex.model.when("Talk.", times=1).reply(text("Half ", gate, "of it."))
    codex.model.otherwise(text("Next."))
    with listening(codex, transport) as server:
        async with CodexBackend(**server.arguments) as backend, await codex.open(backend) as session:
            events = backend.events()
            turn = session.query("Talk.")
            await until(turn, StreamEvent, lambda event: event.text)
            cut(backend)
            await told(events, "restarted")
            gate.open()
            result = await turn.wait()
            assert (result.outcome, result.result) == ("completed", "Half of it.")
            assert (await run(session, "Go on.")).result.result == "Next."


async def test_a_turn_that_ended_while_nobody_listened_is_told_whole(codex: Codex) -> None:
    gate = Gate()
    codex.model.when("Talk.", times=1).reply(text("Half ", gate, "of it."))
    with listening(codex) as server:
        async with CodexBackend(**server.arguments) as backend, await codex.open(backend) as session:
            events = backend.events()
            turn = session.query("Talk.")
            await until(turn, StreamEvent, lambda event: event.text)
            server.process.send_signal(signal.SIGSTOP)  # Until it goes on, no connection is made again.
            cut(backend)
            gate.open()
            await told(events, "exited")
            server.process.send_signal(signal.SIGCONT)
            result = await turn.wait()
            assert (result.outcome, result.result) == ("completed", "Half of it.")


async def test_what_was_asked_is_asked_again(codex: Codex) -> None:
    codex.model.reply(codex.command("echo done", escalate=True)).reply(text("Done."))
    with listening(codex) as server:
        async with (
            CodexBackend(**server.arguments) as backend,
            await codex.open(backend, permission_mode="default", can_use_tool=DEFER) as session,
        ):
            watch = session.messages()
            uuid = await session.send("Act.")
            first = await until(watch, RequestOpened)
            cut(backend)
            resolved = await until(watch, RequestResolved)
            assert (resolved.request_id, resolved.outcome) == (first.request_id, "withdrawn")
            again = await until(watch, RequestOpened)
            await session.answer(again.request_id, Allow())
            result = await result_of(watch, uuid)
            assert (result.outcome, result.result) == ("completed", "Done.")


async def test_an_answer_that_is_given_elsewhere_resolves_ours(codex: Codex) -> None:
    codex.model.reply(text("Fine.")).reply(codex.command("echo done", escalate=True)).reply(text("Done."))
    options: Any = {"permission_mode": "default", "can_use_tool": DEFER}
    with listening(codex) as server:
        async with (
            CodexBackend(**server.arguments) as one,
            CodexBackend(**server.arguments) as two,
            await codex.open(one, **options) as ours,
        ):
            await run(ours, "Hello.")
            async with await codex.open(two, resume=ours.session_id, **options) as theirs:
                watch, other = ours.messages(), theirs.messages()
                uuid = await ours.send("Act.")
                opened = await until(watch, RequestOpened)
                await theirs.answer((await until(other, RequestOpened)).request_id, Allow())
                resolved = await until(watch, RequestResolved)
                assert (resolved.request_id, resolved.outcome) == (opened.request_id, "withdrawn")
                assert (await result_of(watch, uuid)).result == "Done."
                await until(other, ResultMessage)


async def test_a_server_that_was_started_again_ends_the_turn_and_the_session_goes_on(codex: Codex) -> None:
    gate = Gate()
    codex.model.reply(text("Fine.")).reply(text("Half ", gate, "of it.")).reply(text("Next."))
    with listening(codex) as server:
        async with CodexBackend(**server.arguments) as backend, await codex.open(backend) as session:
            await run(session, "Hello.")
            turn = session.query("Talk.")
            await until(turn, StreamEvent, lambda event: event.text)
            server.end()
            server.start()
            assert (await turn.wait()).outcome in ("failed", "interrupted")
            assert (await run(session, "Go on.")).result.result == "Next."


async def test_a_server_that_vanished_is_given_up_after_a_few_tries(codex: Codex) -> None:
    gate = Gate()
    codex.model.reply(text("Half ", gate, "of it."))
    with listening(codex) as server:
        async with CodexBackend(**server.arguments, max_restarts=2) as backend:
            session = await codex.open(backend)
            events = backend.events()
            turn = session.query("Talk.")
            await until(turn, StreamEvent, lambda event: event.text)
            server.end()
            assert "cannot be reached: Connection refused" in (await told(events, "dead")).message
            assert (await turn.wait()).outcome == "failed"
            assert session.state == "disconnected"
            with pytest.raises(StartError):
                await backend.list_sessions()


def cut(backend: CodexBackend) -> None:
    """Break the connection, as a network does."""
    channel: Any = vars(backend)["_link"].today.channel
    channel._stream.close()


async def told(events: AsyncIterator[BackendEvent], kind: str) -> BackendEvent:
    """Return the next event of a kind."""
    while (event := await anext(events)).kind != kind:
        pass
    return event
