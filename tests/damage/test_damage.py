"""Damaged wires of both agents: nothing raises, nothing that was said is lost, and all that began ends, once."""

from __future__ import annotations

import anyio
import pytest
from tests.damage.__main__ import PLAYERS, complaints_of


@pytest.mark.parametrize("agent", sorted(PLAYERS))
def test_a_damaged_wire_is_read_to_its_end(agent: str) -> None:
    found = anyio.run(complaints_of, agent, range(500))
    assert not found, "\n".join(found[:20])
