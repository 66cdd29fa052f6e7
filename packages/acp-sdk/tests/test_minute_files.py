"""The minute that Gemini CLI needs between the making of a session and its opening."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import pytest

from acp_sdk import minute_files
from acp_sdk.minute_files import minute_over, sweep

pytestmark = pytest.mark.anyio

SESSION = "29e69ace-90d3-4886-a47a-5d787f465392"
OTHER = '{"sessionId":"29e69ace-0000-0000-0000-000000000000"}\n'
SILENT = '{"sessionId":"29e69ace-90d3-4886-a47a-5d787f465392"}\n{"$set":{"messages":[{"id":"context"}]}}\n'
SAID = f'{SILENT}{{"id":"1","type":"user"}}\n'
AT = 1_795_789_447.0  # 2026-11-27T14:24:07Z


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = AT
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await anyio.lowlevel.checkpoint()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(minute_files.time, "time", made.time)
    monkeypatch.setattr(minute_files.anyio, "sleep", made.sleep)
    return made


def store(home: Path, text: str, minute: str = "2026-11-27T14-24") -> dict[str, str]:
    folder = home / ".gemini" / "tmp" / "workspace" / "chats"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"session-{minute}-29e69ace.jsonl").write_text(text)
    return {"HOME": str(home)}


async def test_a_session_that_was_made_in_this_minute_waits_for_the_next(clock: Clock, tmp_path: Path) -> None:
    env = store(tmp_path, SAID)
    await minute_over("gemini-cli", SESSION, env)
    assert clock.slept == [pytest.approx(53.05)]
    assert time.gmtime(clock.now)[4] == 25
    await minute_over("gemini-cli", SESSION, env)
    assert len(clock.slept) == 1


@pytest.mark.parametrize(
    ("agent", "text", "minute"),
    [
        ("opencode", SAID, "2026-11-27T14-24"),
        (None, SAID, "2026-11-27T14-24"),
        ("gemini-cli", SILENT, "2026-11-27T14-24"),
        ("gemini-cli", SAID, "2026-11-27T14-23"),
    ],
    ids=["another agent", "an agent without a name", "nothing was said", "an older session"],
)
async def test_nobody_else_waits(clock: Clock, tmp_path: Path, agent: str | None, text: str, minute: str) -> None:
    await minute_over(agent, SESSION, store(tmp_path, text, minute))
    assert clock.slept == []


async def test_the_home_of_the_agent_is_the_one_of_its_environment(clock: Clock, tmp_path: Path) -> None:
    store(tmp_path / "own", SAID)
    await minute_over("gemini-cli", SESSION, {"HOME": str(tmp_path)})
    assert clock.slept == []
    await minute_over("gemini-cli", SESSION, {"HOME": str(tmp_path), "GEMINI_CLI_HOME": str(tmp_path / "own")})
    assert len(clock.slept) == 1


async def test_what_cannot_be_looked_at_holds_nobody_up(clock: Clock, tmp_path: Path) -> None:
    env = store(tmp_path, SAID)
    [file] = tmp_path.rglob("*.jsonl")
    file.unlink()
    file.mkdir()
    await minute_over("gemini-cli", SESSION, env)
    assert clock.slept == []


@pytest.mark.parametrize("session_id", ["*", "", "29e6*", "2?e69ace", "../../x", "**"])
async def test_an_id_is_no_pattern(clock: Clock, tmp_path: Path, session_id: str) -> None:
    await minute_over("gemini-cli", session_id, store(tmp_path, SAID))
    assert clock.slept == []


async def test_what_the_agent_left_empty_is_removed_and_nothing_else(tmp_path: Path) -> None:
    env = store(tmp_path, SAID)
    store(tmp_path, SILENT, "2026-11-27T15-00")
    store(tmp_path, OTHER, "2026-11-27T15-01")
    names = {file.name for file in tmp_path.rglob("*.jsonl")}
    await sweep("opencode", SESSION, env)
    assert {file.name for file in tmp_path.rglob("*.jsonl")} == names
    await sweep("gemini-cli", SESSION, env)
    assert {file.name for file in tmp_path.rglob("*.jsonl")} == names - {"session-2026-11-27T15-00-29e69ace.jsonl"}


async def test_a_session_in_which_nothing_was_said_keeps_its_file(tmp_path: Path) -> None:
    env = store(tmp_path, SILENT)
    await sweep("gemini-cli", SESSION, env)
    assert len(list(tmp_path.rglob("*.jsonl"))) == 1
