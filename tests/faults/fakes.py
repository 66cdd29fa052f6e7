"""Schedules on the fake agents: what befalls them is written into their lines."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.faults.driving import drive, gone, marked, next_session, processes, tagged
from tests.faults.schedules import Schedule

from acp_sdk import AcpBackend
from agent_sdk_core import AgentBackend
from agent_sdk_testing import FakeClaude, FakeCodex, clean_env
from agent_sdk_testing.fakes.acp import FakeAcp
from claude_sdk import ClaudeBackend
from codex_sdk import CodexBackend


def _acp(*, executable: Path, **settings: Any) -> AgentBackend:
    return AcpBackend(command=[str(executable)], **settings)


AGENTS: Final[dict[str, tuple[Callable[..., Any], Callable[..., AgentBackend]]]] = {
    "acp": (FakeAcp, _acp),
    "claude": (FakeClaude, ClaudeBackend),
    "codex": (FakeCodex, CodexBackend),
}


async def complaints_of(agent: str, schedule: Schedule, folder: Path) -> list[str]:
    """Run a schedule on a fake agent, and return what is wrong.

    Args:
        agent: Which one.
        schedule: What to do, and what befalls it.
        folder: For the sessions.
    """
    fake_class, backend_class = AGENTS[agent]
    mark = str(uuid.uuid4())
    env = marked(clean_env(), mark)
    before = processes()
    with (
        fake_class(faults=schedule.faults, ignore_eof=schedule.ignores, ignore_sigterm=schedule.ignores) as fake,
        fake_class() as sound,
    ):

        def make(executable: Path, seconds: float) -> Callable[[], AgentBackend]:
            return lambda: backend_class(executable=executable, env=env, startup_timeout=seconds)

        complaints = await drive(schedule, make(fake.executable, 3.0), folder)
        complaints += await gone(tagged(mark, but=before))
        complaints += await next_session(make(sound.executable, 60.0), folder)
        complaints += await gone(tagged(mark, but=before))
    return [f"{agent} {schedule.seed}: {complaint}" for complaint in complaints]
