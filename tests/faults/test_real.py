"""What befalls the real agents from outside: no hang, nothing left, one end for the prompt, and a next session."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, cast

import anyio
import pytest
from tests.contract.agents.claude import ClaudeAgent
from tests.contract.agents.codex import CodexAgent
from tests.faults import real
from tests.faults.schedules import Schedule

from agent_sdk_core import (
    AgentError,
    HandshakeError,
    InvalidRequestError,
    ResultMessage,
    StartError,
    StreamEvent,
)
from agent_sdk_core.runtime.turns import runner, watchdog
from agent_sdk_testing import Gate, Step, delay, disconnect, malformed, stall, text
from agent_sdk_testing.contract.process_agent import ProcessAgent
from agent_sdk_testing.contract.watching import result_of, run, until
from codex_sdk.threads import leaving

pytestmark = pytest.mark.anyio


def started_with(agent: ProcessAgent, prelude: str, redirection: str = "") -> Path:
    """Return an executable that starts the agent after some lines of shell."""
    path = agent.folder / f"crippled-{agent.name}"
    path.write_text(f"#!/bin/sh\n{prelude}\nexec '{agent.executable}' \"$@\" {redirection}\n")
    path.chmod(0o755)
    return path


async def next_session_works(agent: ProcessAgent) -> None:
    """Check that nothing of it stays."""
    agent.model.when("Still there?").reply(text("Fine."))
    async with agent.session() as session:
        assert (await run(session, "Still there?")).result.result == "Fine."


async def attempt(agent: ProcessAgent, **arguments: object) -> ResultMessage | AgentError:
    """Run a prompt on a backend with these arguments, and return how it ended, or what was raised."""
    agent.model.otherwise(text("Fine."))
    try:
        async with agent.backend(**arguments) as backend, await agent.open(backend) as session:
            return (await run(session, "Talk.")).result
    except AgentError as error:
        return error


async def test_an_agent_that_falls_silent_is_killed_and_the_session_goes_on(
    agent: ProcessAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.2)
    monkeypatch.setattr(leaving, "ALIVE_SECONDS", 0.2)
    now = [1000.0]  # Only the silence takes time, and no start on a busy machine.
    monkeypatch.setattr(watchdog, "clock", lambda: now[0])
    agent.model.reply(text("Half "), stall()).otherwise(text("Whole."))
    async with agent.session(stall_timeout=1.0) as session:
        async with session.query("Talk.") as turn:
            await until(turn, StreamEvent, lambda event: event.text)
            silenced = set(agent.started)
            for pid in silenced:
                os.kill(pid, signal.SIGSTOP)
            now[0] += 2.0  # Warned of, and then ended.
            result = await turn.wait()
        assert (result.outcome, result.error_code, result.retryable) == ("failed", "turn_stalled", True)
        # The prompt comes while the agent is being judged, and waits for the next one.
        assert (await run(session, "Go on.")).result.result == "Whole."
        for pid in silenced:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


async def test_an_agent_that_was_stopped_for_a_while_loses_nothing(agent: ProcessAgent) -> None:
    gate = Gate()
    agent.model.when("Talk.", times=1).reply(text("Half ", gate, "of it."))
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        turn = session.query("Talk.")
        await until(turn, StreamEvent, lambda event: event.text)
        stopped = set(agent.started)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        gate.open()
        asked = await session.send("Go on.")  # Into a pipe that nobody reads.
        watch = session.messages()
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        assert (await turn.wait()).result == "Half of it."
        assert (await result_of(watch, asked)).outcome == "completed"


LIMITS: Final[Mapping[str, Mapping[str, str]]] = {
    # Claude runs well with few descriptors; codex starts with forty, and cannot open a thread or ask its model.
    "-n 16": {"claude": "completed", "codex": "failed to initialize sqlite state runtime"},
    "-n 40": {"claude": "completed", "codex": "Connection failed|initialize session|No file descriptors"},
    "-v 300000": {"claude": "was ended by SIG", "codex": "Resource temporarily unavailable"},
    "-f 0": {"claude": "was ended by SIGXFSZ", "codex": "was ended by SIGXFSZ"},
}
"""What each agent says within a limit of descriptors, memory or the size of files."""


@pytest.mark.parametrize("limit", LIMITS)
async def test_an_agent_without_descriptors_memory_or_disk_says_so(agent: ProcessAgent, limit: str) -> None:
    ended = await attempt(agent, executable=started_with(agent, f"ulimit {limit}"))
    said = LIMITS[limit][agent.name]
    if isinstance(ended, AgentError):
        assert isinstance(ended, StartError) or limit == "-n 40"  # With forty it starts, and fails at what comes next.
        assert re.search(said, ended.message)
    elif said == "completed":
        assert ended.outcome == "completed"
    else:
        assert ended.error is not None
        assert re.search(said, ended.error.message)
    await next_session_works(agent)


async def test_an_agent_whose_input_is_closed_is_no_start(agent: ProcessAgent) -> None:
    ended = await attempt(agent, executable=started_with(agent, "", "</dev/null"))
    assert isinstance(ended, HandshakeError)
    assert "ended" in ended.message
    await next_session_works(agent)


async def test_a_working_folder_that_is_deleted_in_mid_turn(agent: ProcessAgent) -> None:
    gate = Gate()
    agent.model.when("Talk.", times=1).reply(text("Half ", gate), agent.command("echo done"))
    agent.model.otherwise(text("Went on."))
    async with agent.session(permission_mode="bypass") as session:
        turn = session.query("Talk.")
        await until(turn, StreamEvent, lambda event: event.text)
        shutil.rmtree(agent.workspace)
        gate.open()
        assert (await turn.wait()).result == "Went on."
    agent.workspace.mkdir()
    await next_session_works(agent)


@pytest.mark.parametrize("how", ["stalls", "cuts", "breaks off", "dribbles"])
async def test_a_model_that_breaks(agent: ProcessAgent, how: str) -> None:
    gate = Gate()
    steps: Mapping[str, list[Step]] = {
        "stalls": [text("Half ", gate), stall()],
        "cuts": [text("Half ", gate), disconnect()],
        "breaks off": [text("Half ", gate), malformed()],
        "dribbles": [text("Ha", gate, "l", delay(0.3), "f")],
    }
    agent.model.when("Talk.", times=1).reply(*steps[how])
    async with agent.session() as session:
        turn = session.query("Talk.")
        await until(turn, StreamEvent, lambda event: event.text)
        gate.open()
        if how == "stalls":
            await session.interrupt()
        result = await turn.wait()
        if how == "stalls":
            assert result.outcome == "interrupted"
        elif how == "dribbles":
            assert result.result == "Half"
        else:
            assert result.outcome in ("completed", "failed")  # Claude takes what came for the answer.
            assert result.outcome == "completed" or result.error is not None
    await next_session_works(agent)


@pytest.fixture
def codex(agent: ProcessAgent) -> CodexAgent:
    """Codex, whose state is in databases."""
    if not isinstance(agent, CodexAgent):
        pytest.skip("claude has no database")
    return agent


async def test_a_state_database_that_is_broken_is_made_anew(codex: CodexAgent) -> None:
    await next_session_works(codex)
    databases = list(codex.home.glob("*.sqlite"))
    assert databases
    for database in databases:
        database.write_bytes(b"no database at all" * 400)
        for beside in codex.home.glob(f"{database.name}-*"):
            beside.unlink()
    ended = await attempt(codex)
    assert isinstance(ended, ResultMessage)
    assert ended.outcome == "completed"
    await next_session_works(codex)


async def test_a_turn_that_waits_for_a_locked_state_database_can_be_interrupted(codex: CodexAgent) -> None:
    codex.model.otherwise(text("Fine."))
    await next_session_works(codex)
    with ExitStack() as locked:
        async with codex.session() as session:
            for database in codex.home.glob("*.sqlite"):
                connection = locked.enter_context(closing(sqlite3.connect(database)))
                connection.execute("BEGIN EXCLUSIVE")
            turn = session.query("Talk.")
            with anyio.move_on_after(2):
                await turn.wait()
            await session.interrupt()
            assert (await turn.wait()).outcome in ("completed", "failed", "interrupted")
    await next_session_works(codex)


async def test_a_settings_file_that_is_broken_is_named(agent: ProcessAgent) -> None:
    broken = (
        agent.config / ".claude.json"
        if isinstance(agent, ClaudeAgent)
        else cast("CodexAgent", agent).home / "config.toml"
    )
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2] + b"\n= {")
    ended = await attempt(agent)
    assert isinstance(ended, InvalidRequestError)
    assert str(broken) in ended.message
    broken.write_bytes(whole)
    await next_session_works(agent)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", sorted(real.AGENTS))
async def test_a_random_schedule(name: str, seed: int, tmp_path: Path) -> None:
    assert await real.complaints_of(name, Schedule.of(seed), tmp_path) == []
