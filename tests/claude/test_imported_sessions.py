"""Sessions that claude has stored, taken into a store of chats."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.claude.driving import Claude
from tests.storing import sessions_become_chats

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Asyncio: the chats know no other event loop."""
    return "asyncio"


async def test_its_sessions_become_chats_that_go_on_with_them(claude: Claude, tmp_path: Path) -> None:
    await sessions_become_chats(claude, tmp_path / "chats.db")
