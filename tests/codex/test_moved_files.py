from __future__ import annotations

import pytest
from tests.codex.driving import ASK_ALWAYS, Codex

from agent_sdk_core import Deny
from agent_sdk_testing import Step, custom, text
from agent_sdk_testing.contract.watching import Asker, run

pytestmark = pytest.mark.anyio


def move() -> Step:
    lines = ["*** Begin Patch", "*** Update File: old.txt", "*** Move to: new.txt", "@@", " same", "-was", "+is"]
    return custom("apply_patch", "\n".join([*lines, "*** End Patch", ""]))


async def test_a_moved_file_is_an_edit_that_names_both_paths(codex: Codex) -> None:
    codex.write("old.txt", "same\nwas\n")
    codex.model.reply(move()).reply(text("Moved."))
    async with codex.session(permission_mode="bypass") as session:
        ran = await run(session, "Move it.")
    [use], [result] = ran.uses, ran.results
    assert (use.kind, result.is_error) == ("edit", False)
    values = " ".join(map(str, use.input.values()))
    assert str(codex.workspace / "old.txt") in values
    assert str(codex.workspace / "new.txt") in values
    assert codex.read("new.txt") == "same\nis\n"
    assert not codex.exists("old.txt")


async def test_the_approval_of_a_move_shows_both_paths(codex: Codex) -> None:
    codex.write("old.txt", "same\nwas\n")
    codex.model.reply(move()).reply(text("Then not."))
    asker = Asker([Deny()])
    async with codex.session(native=ASK_ALWAYS, can_use_tool=asker) as session:
        ran = await run(session, "Move it.")
    [request] = asker.requests
    assert request.diff is not None
    assert f"--- {codex.workspace / 'old.txt'}" in request.diff
    assert f"+++ {codex.workspace / 'new.txt'}" in request.diff
    assert ran.results[0].is_error is True
    assert codex.read("old.txt") == "same\nwas\n"
