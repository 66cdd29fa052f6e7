"""Sessions that codex has stored, taken into a store of chats."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.codex.driving import Codex
from tests.storing import sessions_become_chats

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


async def test_its_sessions_become_chats_that_go_on_with_them(codex: Codex, tmp_path: Path) -> None:
    await sessions_become_chats(codex, tmp_path / "chats.db")
