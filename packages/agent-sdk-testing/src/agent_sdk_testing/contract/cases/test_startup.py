"""What can be wrong before the first prompt, told in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import (
    AgentError,
    ExecutableNotFoundError,
    HandshakeError,
    InvalidRequestError,
    SpawnError,
    StartupTimeoutError,
    UnsupportedVersionError,
)
from agent_sdk_core.transport.process import patience
from agent_sdk_testing import http_error, text
from agent_sdk_testing.contract.pipes import descriptors_left, open_descriptors
from agent_sdk_testing.contract.process_agent import ProcessAgent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import run

pytestmark = [pytest.mark.anyio, needs("process")]

MOST_DESCRIPTORS = 5
"""Of ours that a session may take: the agent's pipes, its end, and a lock."""


def script(agent: ProcessAgent, body: str) -> Path:
    path = agent.folder / "other"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def one_sentence(error: AgentError, *words: str) -> None:
    """Check that a person can act on the message: no traceback, no line breaks, and it says what to do."""
    assert "\n" not in str(error)
    assert "Traceback" not in str(error)
    for word in words:
        assert word in str(error)


async def refused(agent: ProcessAgent, kind: type[AgentError], **arguments: object) -> AgentError:
    """Open a session on a backend whose agent cannot start, and return how it says so."""
    backend = agent.backend(**arguments)
    with pytest.raises(kind) as caught:
        await agent.open(backend)
    assert type(caught.value) is kind
    assert not backend.sessions
    await backend.aclose()
    return caught.value


async def test_a_missing_executable_says_how_to_install_it(agent: ProcessAgent) -> None:
    error = await refused(agent, ExecutableNotFoundError, executable=agent.folder / "missing")
    one_sentence(error, str(agent.folder / "missing"), "pip install")


async def test_no_executable_at_all_says_how_to_install_it(
    agent: ProcessAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = await refused(agent, ExecutableNotFoundError, executable=None, env=agent.unfindable(monkeypatch))
    one_sentence(error, "not found", "pip install")


async def test_an_executable_that_cannot_be_run_says_so(agent: ProcessAgent) -> None:
    path = script(agent, "exit 0")
    path.chmod(0o644)
    error = await refused(agent, SpawnError, executable=path)
    one_sentence(error, str(path))


async def test_a_version_that_is_too_old_names_both_versions(agent: ProcessAgent) -> None:
    old = script(agent, agent.impostor("too old"))
    error = await refused(agent, UnsupportedVersionError, executable=old)
    one_sentence(error, "0.1.0", "or newer", "pip install")


async def test_an_executable_that_ends_at_once_tells_its_last_words(agent: ProcessAgent) -> None:
    error = await refused(agent, HandshakeError, executable=script(agent, "echo 'No licence.' >&2; exit 7"))
    one_sentence(error, "No licence.")
    assert error.details["exit_code"] == 7


async def test_an_executable_that_is_something_else_is_refused(agent: ProcessAgent) -> None:
    other = script(agent, agent.impostor("something else"))
    error = await refused(agent, HandshakeError, executable=other)
    one_sentence(error, "introduce itself")


async def test_an_executable_that_says_nothing_times_out(agent: ProcessAgent) -> None:
    error = await refused(agent, StartupTimeoutError, executable=script(agent, "exec sleep 600"), startup_timeout=0.2)
    one_sentence(error, "answer within ", "by hand")


@pytest.mark.parametrize("status", [400, 404])
async def test_a_bad_model_fails_its_turn_with_what_the_provider_says(agent: ProcessAgent, status: int) -> None:
    agent.model.reply(http_error(status, "The model 'nonsense' does not exist.")).reply(text("Fine."))
    async with agent.session(model="nonsense") as session:
        ran = await run(session, "Talk.")
        error = ran.result.error
        assert isinstance(error, InvalidRequestError)
        one_sentence(error, "nonsense")
        await session.set_model(agent.other_models[0])
        assert (await run(session, "Talk.")).result.outcome == "completed"


async def test_a_backend_that_could_not_start_may_be_started_once_the_cause_is_gone(agent: ProcessAgent) -> None:
    agent.model.reply(text("Fine."))
    late = agent.folder / "late"
    backend = agent.backend(executable=late)
    with pytest.raises(ExecutableNotFoundError):
        await agent.open(backend)
    late.symlink_to(agent.executable)
    async with await agent.open(backend) as session:
        assert (await run(session, "Talk.")).result.outcome == "completed"


async def test_a_start_without_descriptors_says_so_leaves_none_and_the_next_one_works(agent: ProcessAgent) -> None:
    agent.model.reply(text("Fine."))
    backend = agent.backend()
    before = open_descriptors()
    for left in range(8):
        with descriptors_left(left), pytest.raises(SpawnError) as caught:
            await agent.open(backend)
        one_sentence(caught.value, "too many files are open")
        assert caught.value.retryable
        assert open_descriptors() == before
    async with await agent.open(backend) as session:
        assert open_descriptors() - before <= MOST_DESCRIPTORS
        assert (await run(session, "Talk.")).result.outcome == "completed"


async def test_a_start_that_fails_for_a_passing_reason_is_tried_again(agent: ProcessAgent) -> None:
    agent.model.reply(text("Fine."))
    tries = agent.folder / "tries"
    once_locked = script(
        agent,
        f"echo x >>'{tries}'\n[ $(wc -l <'{tries}') -gt 2 ] && exec '{agent.executable}' \"$@\"\n"
        "echo 'Error: database is locked' >&2; exit 1",
    )
    async with await agent.open(agent.backend(executable=once_locked)) as session:
        assert (await run(session, "Talk.")).result.outcome == "completed"
    assert tries.read_text() == "x\n" * 3


async def test_a_passing_reason_that_lasts_is_told_as_one_that_may_be_tried_again(
    agent: ProcessAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.001)
    locked = script(agent, "echo 'Error: database is locked' >&2; exit 1")
    error = await refused(agent, HandshakeError, executable=locked)
    one_sentence(error, "database is locked")
    assert error.retryable


@pytest.mark.parametrize(
    "words",
    [
        "Error: There is no licence.\nCleaning up.\nGoodbye.",
        "thread 'main' panicked at main.rs:1:1:\nThere is no licence.\nnote: run with RUST_BACKTRACE=1",
        "Starting.\nThere is no licence.\nGoodbye.",
    ],
)
async def test_an_executable_that_ends_at_once_is_quoted_with_the_reason_and_not_with_its_last_line(
    agent: ProcessAgent, words: str
) -> None:
    ended = script(agent, f"cat >&2 <<'END'\n{words}\nEND\nexit 7")
    error = await refused(agent, HandshakeError, executable=ended)
    one_sentence(error, "There is no licence.")
    assert str(error).count("note:") == 0


async def test_an_executable_that_does_not_answer_is_quoted(agent: ProcessAgent) -> None:
    waiting = script(agent, "echo 'Waiting for the network.' >&2; exec sleep 600")
    error = await refused(agent, StartupTimeoutError, executable=waiting, startup_timeout=10.0)
    one_sentence(error, "answer within ", "Waiting for the network.", "by hand")


async def test_secrets_in_the_last_words_of_an_agent_are_not_shown(agent: ProcessAgent) -> None:
    key = "k3y-of-the-vault"
    dying = script(agent, f"echo 'Error: {key} is no key; Authorization: Bearer abc.def' >&2; exit 7")
    backend: Any = agent.backend(executable=dying, env={**agent.env, "VAULT_API_KEY": key})
    lines = backend.logs()
    with pytest.raises(HandshakeError, match="is no key") as caught:
        await agent.open(backend)
    await backend.aclose()
    logs = [line async for line in lines]
    assert logs
    shown = f"{caught.value!r} {caught.value.args} {caught.value.__dict__} {caught.value.__cause__!r} {logs}"
    assert key not in shown
    assert "abc.def" not in shown


async def test_a_disk_that_the_agent_finds_full_is_told_once(agent: ProcessAgent) -> None:
    said = "echo 'Error: No space left on device (os error 28)' >&2"
    backend = agent.backend(executable=script(agent, f"{said}; {said}; exec '{agent.executable}' \"$@\""))
    events = backend.events()
    async with await agent.open(backend):
        pass
    await backend.aclose()
    told = [event async for event in events if "disk is full" in event.message]
    assert [event.kind for event in told] == ["warning"]
