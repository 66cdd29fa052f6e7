"""The one command that shows a fleet, as it is typed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

from tests.fleet.cluster import gone

_SECONDS = 240
READY = re.compile(r"(\w+) on host (\w+): I am ready\.")


def test_the_demo_kills_a_worker_of_each_agent_and_shows_its_session_going_on() -> None:
    mark = f"AGENT_SDK_DEMO_TEST={uuid4().hex}"
    name, _, value = mark.partition("=")
    kept = {key: given for key, given in os.environ.items() if not key.startswith(("RAY_", "AGENT_SDK_"))}
    done = subprocess.run(
        [sys.executable, "-m", "agent_chat", "demo", "--fleet", "--json"],
        env={**kept, name: value, "AGENT_SDK_CONFIG": os.devnull},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "SIGTERM" not in done.stderr  # What Ray says of it is no news for who looks at the demo.
    said = [json.loads(line)["said"] for line in done.stdout.splitlines()]
    found = [(READY.fullmatch(line), index) for index, line in enumerate(said)]
    ready = [(*match.groups(), index) for match, index in found if match]
    assert sorted(agent for agent, _, _ in ready) == ["claude", "codex"]
    assert sorted(host for _, host, _ in ready) == ["north", "south"]
    for agent, host, begins in ready:
        begun, killed, ended, again = said[begins + 1 : begins + 5]
        assert begun.startswith(f"{agent} on host {host}: I begin to")
        assert killed == f"Killed 1 worker of host {host}, with the {agent} that it ran, in mid-sentence."
        assert ended.startswith("The prompt ended: The agent ended in this turn;")
        assert again == f"{agent} on host {host}, in the same session: Here I am again."
    assert said[-1] == "The hosts have ended, with all that ran on them."
    assert [pid for pid in marked(mark) if not gone(pid)] == []


def marked(mark: str) -> list[int]:
    """Return the processes that have this in their environment: all that the demo started."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if mark.encode() in environment.split(b"\0"):
                found.append(int(entry.name))
    return found
