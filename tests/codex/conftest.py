"""Fixtures of what only Codex does; asyncio alone, for the contract suite runs both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator

import pytest
from tests.codex.driving import Codex

from agent_sdk_testing import ScriptedModel, scratch_folder
from agent_sdk_testing.contract.bounding import bound

_SECONDS = 120.0
"""The longest that a case may take; most take less than one."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def codex(anyio_backend: str, scripted_model: ScriptedModel) -> AsyncIterator[Codex]:
    """Codex with its scripted model; afterwards its processes are gone and the rules of messages are checked."""
    with scratch_folder(prefix="codex-only-") as folder:
        codex = Codex(scripted_model, folder)
        try:
            yield codex
            await codex.finish()
        finally:
            codex.close()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Bound every case, so that a hang is a failure with a traceback."""
    bound(pyfuncitem, _SECONDS)
    return (yield)
