"""Fixtures of what only Claude does, each case on asyncio or on trio, for it starts a claude."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Generator

import pytest
from tests.claude.driving import Claude

from agent_sdk_testing import ScriptedModel, scratch_folder
from agent_sdk_testing.contract.bounding import bound

_SECONDS = 120.0
"""The longest that a case may take; most take a second, nearly all of it the start of their claude."""


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """One of the two event loops, half of the tests on each."""
    return ("asyncio", "trio")[zlib.crc32(request.node.name.encode()) % 2]


@pytest.fixture
async def claude(anyio_backend: str, scripted_model: ScriptedModel) -> AsyncIterator[Claude]:
    """Claude with its scripted model; afterwards its processes are gone, the rules of messages are checked, and every
    frame went through as it was."""
    with scratch_folder(prefix="claude-only-") as folder:
        claude = Claude(scripted_model, folder)
        try:
            yield claude
            await claude.finish()
        finally:
            claude.close()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Bound every case, so that a hang is a failure with a traceback."""
    bound(pyfuncitem, _SECONDS)
    return (yield)
