"""What a prompt costs the store of a fleet, as docs/fleet.md counts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_fleet import FleetBackend, FleetStore
from agent_sdk_core import SessionOptions
from agent_sdk_testing import text

pytestmark = pytest.mark.anyio


async def test_a_prompt_is_five_transactions_of_which_three_change_something(
    fleet: FleetBackend, plane: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane.agents["one"].reply(text("One.")).reply(text("Two."))
    called: list[str] = []
    for name in ("prompts", "accept", "dispatch", "end", "opened", "refused", "find", "list", "renew"):
        monkeypatch.setattr(FleetStore, name, _noting(name, getattr(FleetStore, name), called))
    async with await fleet.create_session(SessionOptions(cwd=tmp_path)) as session:
        await session.query("First.")
        called.clear()
        await session.query("Second.")
    assert called == ["prompts", "accept", "prompts", "dispatch", "end"]


def _noting(name: str, do: Any, called: list[str]) -> Any:
    async def noted(*arguments: Any, **named: Any) -> Any:
        called.append(name)
        return await do(*arguments, **named)

    return noted
