from __future__ import annotations

from agent_sdk_core.wire.recent import Recent


def test_the_oldest_ids_give_way() -> None:
    recent = Recent(2)
    for key in ("a", "b", "a", "c"):
        recent.note(key)
    assert list(recent) == ["a", "c"]
