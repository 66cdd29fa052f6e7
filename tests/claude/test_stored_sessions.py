from __future__ import annotations

import signal
from uuid import uuid4

import anyio
import pytest
from anyio.streams.text import TextReceiveStream
from tests.claude.driving import Claude

from agent_sdk_core import AgentError, InvalidRequestError, SessionBusyError, SessionNotFoundError, UserMessage
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


def prompts(claude: Claude, number: int) -> list[str]:
    """Return what the user said in a request to the model."""
    return [message.text for message in claude.model.requests[number].messages if message.role == "user"]


async def test_a_fork_goes_its_own_way(claude: Claude) -> None:
    claude.model.reply(text("One.")).reply(text("In the fork.")).reply(text("In the original."))
    async with claude.session() as session:
        await run(session, "First.")
        async with await session.fork() as fork:
            assert fork.session_id != session.session_id
            assert (await run(fork, "Second, forked.")).result.result == "In the fork."
            assert prompts(claude, 1) == ["First.", "Second, forked."]
        assert (await run(session, "Second.")).result.result == "In the original."
    assert prompts(claude, 2) == ["First.", "Second."]


@pytest.mark.parametrize("at", ["prompt", "answer"])
async def test_a_fork_at_a_message_ends_with_its_turn(claude: Claude, at: str) -> None:
    claude.model.reply(claude.command("echo one")).reply(text("One.")).reply(text("Two.")).reply(text("Forked."))
    async with claude.session(permission_mode="bypass") as session:
        first = await run(session, "First.")
        await run(session, "Second.")
        answers = [message.uuid for message in await session.history() if message.type == "assistant"]
        place = first.uuid if at == "prompt" else answers[0]
        assert place is not None
        async with await session.fork(at=place) as fork:
            await run(fork, "Instead.")
            told = [message.text for message in await fork.history() if isinstance(message, UserMessage)]
            assert "Second." not in told
            assert "Instead." in told
    assert prompts(claude, 3) == ["First.", "Instead."]
    assert "One." in claude.model.requests[3].text


async def test_a_fork_at_an_unknown_message_is_refused(claude: Claude) -> None:
    claude.model.reply(text("One."))
    async with claude.session() as session:
        await run(session, "First.")
        with pytest.raises(InvalidRequestError, match="no message"):
            await session.fork(at=str(uuid4()))


async def test_a_live_session_is_not_opened_a_second_time(claude: Claude) -> None:
    session_id = str(uuid4())
    claude.model.reply(text("One."))
    async with claude.backend() as backend, await claude.open(backend, session_id=session_id) as session:
        assert session.session_id == session_id
        with pytest.raises(SessionBusyError, match=session_id):
            await claude.open(backend, session_id=session_id)
        await run(session, "First.")
        with pytest.raises(SessionBusyError, match=session_id):
            await claude.open(backend, resume=session_id)
        assert len(claude.started) == 1


HOST = """
import anyio
from agent_sdk_core import SessionOptions, create_backend

async def main():
    async with create_backend(SETTINGS["backend"], executable=SETTINGS["executable"]) as backend:
        async with await backend.create_session(SessionOptions(cwd=SETTINGS["workspace"])) as session:
            await session.query("First.").wait()
            print(session.session_id, flush=True)
            await anyio.sleep_forever()

anyio.run(main, backend=SETTINGS["anyio_backend"])
"""


async def test_a_session_of_another_process_is_busy_until_that_process_is_gone(
    claude: Claude, anyio_backend: str
) -> None:
    claude.model.reply(text("One.")).reply(text("Two."))
    script = claude.host_command(HOST, anyio_backend)
    async with claude.backend() as backend:
        async with await anyio.open_process(script, env=claude.env, stderr=None) as host:
            assert host.stdout is not None
            session_id = (await anext(TextReceiveStream(host.stdout))).strip()
            with pytest.raises(SessionBusyError, match=session_id):
                await claude.open(backend, resume=session_id)
            host.send_signal(signal.SIGKILL)
            await claude.lifeline.gone()
        async with await claude.open(backend, resume=session_id) as session:
            await run(session, "Second.")
    assert prompts(claude, 1) == ["First.", "Second."]


async def test_a_session_is_resumed_in_its_folder_or_in_another(claude: Claude) -> None:
    for said in ("One.", "Two.", "Three."):
        claude.model.reply(text(said))
    async with claude.backend() as backend:
        async with await claude.open(backend) as session:
            await run(session, "First.")
        session_id = session.resolved_session_id
        async with await claude.open(backend, resume=session_id, cwd=None) as session:
            await run(session, "Second.")
            assert session.info.cwd == str(claude.workspace)
        async with await claude.open(backend, resume=session_id, cwd=claude.outside) as session:
            await run(session, "Third.")
            assert session.info.cwd == str(claude.outside)
            assert session.session_id == session_id
    assert prompts(claude, 2) == ["First.", "Second.", "Third."]


async def test_an_unknown_session_is_not_found_and_starts_no_process(claude: Claude) -> None:
    async with claude.backend() as backend:
        with pytest.raises(SessionNotFoundError):
            await claude.open(backend, resume=str(uuid4()))
        assert claude.started == []


async def test_the_id_of_a_stored_session_is_not_given_to_a_new_one(claude: Claude) -> None:
    claude.model.reply(text("One."))
    async with claude.backend() as backend:
        async with await claude.open(backend) as session:
            await run(session, "First.")
        with pytest.raises(SessionBusyError, match="resume it"):
            await claude.open(backend, session_id=session.session_id)


async def test_a_resumed_session_keeps_what_it_was_told_to_use_only_if_told_again(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    async with claude.backend() as backend:
        async with await claude.open(backend, model="claude-haiku-4-5") as session:
            await run(session, "First.")
        async with await claude.open(backend, resume=session.resolved_session_id) as session:
            await run(session, "Second.")
            usage = await session.usage()
    assert claude.model.requests[0].model.startswith("claude-haiku-4-5")
    assert usage.total.output_tokens == 5


async def test_a_tag_stays_when_a_tagged_session_goes_on(claude: Claude) -> None:
    claude.model.reply(text("One.")).otherwise(text("word " * 20_000))
    async with claude.backend() as backend:
        async with await claude.open(backend) as session:
            await run(session, "First.")
            session_id = session.resolved_session_id
        await backend.tag_session(session_id, "for later")
        async with await claude.open(backend, resume=session_id) as session:
            await run(session, "Second.")
        assert (await backend.session_info(session_id)).tag == "for later"


async def test_a_session_whose_last_line_was_torn_keeps_what_stands_before_it(claude: Claude) -> None:
    claude.model.reply(text("The heron is grey.")).otherwise(text("Grey."))
    async with claude.backend() as backend:
        async with await claude.open(backend) as session:
            await run(session, "Look at the river.")
            session_id = session.resolved_session_id
        before = [message.uuid for message in await backend.read_history(session_id)]
        with claude.stored(session_id).open("ab") as file:
            file.write(b'{"type":"assistant","uuid":"torn","mess')
        assert [message.uuid for message in await backend.read_history(session_id)] == before
        async with await claude.open(backend, resume=session_id) as session:
            await run(session, "Which colour?")
        assert [stored.session_id for stored in await backend.list_sessions()] == [session_id]
        assert [message.uuid for message in await backend.read_history(session_id)][: len(before)] == before
    assert "The heron is grey." in claude.model.requests[-1].text


async def test_a_session_whose_file_lost_its_content_is_told_and_hides_no_other(claude: Claude) -> None:
    claude.model.otherwise(text("The heron is grey."))
    ids: list[str] = []
    async with claude.backend() as backend:
        for _ in range(4):
            async with await claude.open(backend) as session:
                await run(session, "Look at the river.")
                ids.append(session.resolved_session_id)
        empty, zeros, gone, whole = ids
        claude.stored(empty).write_bytes(b"")
        claude.stored(zeros).write_bytes(bytes(4000))
        claude.stored(gone).unlink()
        assert [stored.session_id for stored in await backend.list_sessions()] == [whole]
        for ask in (backend.read_history, backend.session_info):
            with pytest.raises(SessionNotFoundError, match=f"{empty}.jsonl is empty"):
                await ask(empty)
            with pytest.raises(AgentError, match=f"{zeros}.jsonl cannot be read: it holds no line") as caught:
                await ask(zeros)
            assert caught.value.code == "session_unreadable"
            with pytest.raises(SessionNotFoundError, match=gone):
                await ask(gone)
        for lost in (empty, zeros, gone):
            with pytest.raises(SessionNotFoundError):
                await claude.open(backend, resume=lost)
        assert len(await backend.read_history(whole)) == 2


async def test_a_session_that_was_interrupted_in_its_first_turn_stays_in_the_list_and_goes_on(claude: Claude) -> None:
    gate = Gate()
    claude.model.reply(text("One", gate, "."))
    async with claude.backend() as backend:
        async with await claude.open(backend) as session, session.query("Look at the river.") as turn:
            await gate.reached()
            await session.interrupt()
            gate.open()
            await turn.wait()
            session_id = session.resolved_session_id
        assert [stored.session_id for stored in await backend.list_sessions()] == [session_id]
        claude.model.reply(text("Two."))
        async with await claude.open(backend, resume=session_id) as session:
            await run(session, "Go on.")
    # What claude puts behind the prompt depends on how much of the answer it had stored.
    assert "Look at the river." in [prompt.strip() for prompt in prompts(claude, -1)]
