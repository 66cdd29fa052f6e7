"""What lives on: a turn goes on where the program dies that asked for it, and where the store does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from tests.fleet.driving import FleetAgent
from tests.fleet.moments import MOMENTS, Middle, reach
from tests.postgresql import PostgreSQL

from agent_sdk_core import ResultMessage
from agent_sdk_testing import text

_PROGRAM = """
import asyncio, sys
from pathlib import Path
from agent_sdk_core import DEFER, RuntimeConfig, SessionOptions, create_backend
from tests.fleet.driving import arguments_from
from tests.fleet.moments import reach

async def main(arguments, folder, moment, marker):
    options = SessionOptions(cwd=folder, permission_mode="default", can_use_tool=DEFER)
    async with create_backend("fleet", config=RuntimeConfig(), **arguments_from(arguments)) as backend:
        session = await backend.create_session(options)
        await session.query("First.")
        async with session.query("Second.") as turn:
            await reach(moment, session, turn, Path(marker))
            await session.send("Third.")
            print(session.resolved_session_id, flush=True)
            await asyncio.sleep(300)

asyncio.run(main(*sys.argv[1:]))
"""


async def killed_in(moment: str, middle: Middle, agent: FleetAgent, **settings: Any) -> str:
    """Have a program begin a turn and send a prompt that waits, kill it, and return the agent's id of its session."""
    arguments = agent.folder / "arguments.json"
    arguments.write_text(agent.arguments_as_json(**settings))
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", _PROGRAM, str(arguments), str(agent.workspace), moment, str(middle.marker)]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root)
    try:
        assert program.stdout is not None
        line = await anyio.to_thread.run_sync(program.stdout.readline)
    finally:
        program.kill()
        program.wait()
        if program.stdout is not None:
            program.stdout.close()
    assert line
    return line.decode().strip()


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_program_that_is_killed_leaves_its_turn_to_the_host_and_its_prompts_to_who_resumes(
    moment: str, agent: FleetAgent
) -> None:
    agent.model.reply(text("Ready."))
    middle = Middle(moment, agent)
    known = await killed_in(moment, middle, agent)
    if moment != "text":
        agent.model.reply(text(middle.said))
    agent.model.reply(text("Third is here."))
    async with agent.backend() as backend, await agent.open(backend, resume=known) as session:
        messages = session.messages()
        await middle.go_on(session)
        texts: list[str | None] = []
        async for message in messages:
            if isinstance(message, ResultMessage):
                texts.append(message.result)
                if len(texts) == 2:
                    break
        assert texts == [middle.said, "Third is here."]
        assert middle.made.exists() == (moment != "text")
        rows = await backend.store.prompts(session.key)
        assert [row.state for row in rows] == ["ended"] * 3
    assert sum("Third." in request.text for request in agent.model.requests) == 1


async def test_a_session_whose_program_was_killed_gives_its_place_back_and_is_resumed(agent: FleetAgent) -> None:
    agent.model.reply(text("Ready."))
    middle = Middle("text", agent)
    known = await killed_in("text", middle, agent, abandoned_seconds=2.0)
    agent.model.reply(text("Third is here."))
    async with agent.backend(sessions_per_host=1) as backend:
        await backend.start()
        [row] = await backend.store.list(live=True)
        await middle.go_on(None)
        while await backend.store.list(live=True):
            await anyio.sleep(0.1)
        async with await agent.open(backend, resume=known) as session:
            assert session.key == row.id
            await session.wait_idle()
            rows = await backend.store.prompts(session.key)
    said = [row.result["message"]["result"] for row in rows if row.result is not None]
    assert said == ["Ready.", middle.said, "Third is here."]
    assert sum("Third." in request.text for request in agent.model.requests) == 1


@pytest.mark.parametrize("moment", ["command", "approval"])
async def test_a_turn_goes_on_where_its_store_is_killed(moment: str, agent: FleetAgent, database: PostgreSQL) -> None:
    agent.store = database.url
    agent.model.reply(text("Ready."))
    middle = Middle(moment, agent)
    agent.model.reply(text(middle.said)).reply(text("Again."))
    async with agent.backend() as backend, await agent.open(backend) as session:
        await session.query("First.")
        async with session.query("Second.") as turn:
            await reach(moment, session, turn, middle.marker)
            await anyio.to_thread.run_sync(database.stop)
            await middle.go_on(session)
            assert (await turn.wait()).result == middle.said
        assert middle.made.exists()
        await anyio.to_thread.run_sync(database.start)
        assert (await session.query("Third.")).result == "Again."
        rows = await backend.store.prompts(session.key)
        while [row.state for row in rows] != ["ended"] * 3:  # The second is noted with the next renewal of the lease.
            await anyio.sleep(0.02)
            rows = await backend.store.prompts(session.key)
        assert rows[1].result["message"]["result"] == middle.said
    assert len(agent.model.requests) == 4
