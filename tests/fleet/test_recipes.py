"""The recipes of docs/fleet.md: a turn as a step of another engine, whose program is killed in the middle of it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any, Final

import anyio
import anyio.to_thread
import pytest
from tests.fleet.driving import FleetAgent

from agent_sdk_testing import Gate, text

ROOT: Final = Path(__file__).parents[2]
_PROGRAM: Final = re.compile(r"^```py\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FLEET: Final = re.compile(r"^FLEET = .*$", re.MULTILINE)
_NAME: Final = "release-42"


def programs(agent: FleetAgent, port: int) -> Path:
    """Write the programs of the page for the fleet of these tests, and return their folder."""
    page = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8").partition("## Durable workflows")[2]
    turns, temporal, dbos = _PROGRAM.findall(page)
    arguments = agent.folder / "arguments.json"
    arguments.write_text(agent.arguments_as_json())
    read = f"import json\nFLEET = json.loads(open({str(arguments)!r}).read())"
    turns, replaced = _FLEET.subn(lambda found: read, turns)
    assert replaced == 1
    folder = agent.folder / "recipe"
    folder.mkdir()
    (folder / "turns.py").write_text(turns)
    assert "localhost:7233" in temporal
    (folder / "temporal_turns.py").write_text(temporal.replace("localhost:7233", f"127.0.0.1:{port}"))
    (folder / "dbos_turns.py").write_text(dbos)
    return folder


@contextmanager
def running(*command: str, folder: Path) -> Generator[subprocess.Popen[str]]:
    """Run a program, which is killed in the end."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def begun(agent: FleetAgent) -> tuple[str, Gate]:
    """Return a session that had a turn, by the agent's id, and what holds up its next one."""
    gate = Gate()
    agent.model.reply(text("Ready.")).reply(text("Begun"), gate, text(" and done."))
    async with agent.backend() as backend, await agent.open(backend) as session:
        await session.query("First.")
        return session.resolved_session_id, gate


def sent(agent: FleetAgent) -> int:
    return sum("Write it." in request.last_user_text for request in agent.model.requests)


@pytest.mark.skipif(find_spec("dbos") is None, reason="dbos is not installed")
async def test_a_step_of_dbos_that_is_run_again_tells_what_came_of_the_prompt(codex: FleetAgent) -> None:
    known, gate = await begun(codex)
    folder = programs(codex, 0)
    command = [sys.executable, "dbos_turns.py", _NAME, known, "Write it."]
    with running(*command, folder=folder):
        await gate.reached(120)
    with running(*command, folder=folder) as again:
        gate.open()
        output, _ = await anyio.to_thread.run_sync(again.communicate)
    assert again.returncode == 0, output
    assert output.splitlines()[-1] == "Begun and done."
    assert sent(codex) == 1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def connected(port: int) -> Any:
    client: Any = import_module("temporalio.client").Client
    while True:
        try:
            return await client.connect(f"127.0.0.1:{port}")
        except RuntimeError:
            await anyio.sleep(0.1)


@pytest.mark.skipif(find_spec("temporalio") is None or which("temporal") is None, reason="temporal is not installed")
async def test_an_activity_of_temporal_whose_worker_dies_leaves_its_turn_to_the_fleet(codex: FleetAgent) -> None:
    known, gate = await begun(codex)
    port = free_port()
    folder = programs(codex, port)
    serve = ["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port), "--log-level", "never"]
    worker = (sys.executable, "temporal_turns.py")
    with ExitStack() as stack:
        stack.enter_context(running(str(which("temporal")), *serve, folder=folder))
        client = await connected(port)
        asked: dict[str, Any] = {"args": [known, "Write it.", _NAME], "task_queue": "turns"}
        with running(*worker, folder=folder):
            first = await client.start_workflow("Turn", id="first", **asked)
            await gate.reached(120)
        stack.enter_context(running(*worker, folder=folder))
        with pytest.raises(import_module("temporalio.client").WorkflowFailureError):
            await first.result()
        gate.open()
        assert await client.execute_workflow("Turn", id="second", **asked) == "Begun and done."
    assert sent(codex) == 1
