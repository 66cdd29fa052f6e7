"""Lists of many pages are read to their end."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest

from agent_sdk_core.wire.reading import Json
from codex_sdk.threads.calls import every_entry

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("following", "asked"),
    [
        ((None,), [None]),
        (("2", None), [None, "2"]),
        (("2", "2"), [None, "2"]),  # A cursor that leads nowhere ends it.
    ],
)
async def test_all_pages_are_asked_for(following: Sequence[str | None], asked: list[str | None]) -> None:
    sent: list[Json] = []

    async def ask(params: Json) -> object:
        sent.append(params)
        return {"data": [{"id": len(sent)}, "odd"], "nextCursor": following[len(sent) - 1]}

    with anyio.fail_after(10):
        entries = await every_entry(ask, {"threadId": "t"})
    assert entries == [{"id": number + 1} for number in range(len(asked))]
    assert [each.get("cursor") for each in sent] == asked
    assert all(each["threadId"] == "t" for each in sent)
