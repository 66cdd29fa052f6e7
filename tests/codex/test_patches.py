from __future__ import annotations

import pytest
from tests.codex.driving import Codex

from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import Ran, run

pytestmark = pytest.mark.anyio


async def patch(codex: Codex, **changes: object) -> Ran:
    codex.model.reply(*codex.patch(**changes)).reply(text("Edited."))  # type: ignore[arg-type]  # changes by name
    async with codex.session(permission_mode="accept_edits") as session:
        return await run(session, "Edit.")


async def test_an_added_file_has_a_hunk_with_its_content(codex: Codex) -> None:
    ran = await patch(codex, add={"new.txt": "one\ntwo\n"})
    [hunk] = ran.outcomes[0]["structuredPatch"]
    assert hunk["lines"] == ["+one", "+two"]


async def test_an_update_of_several_places_is_a_multi_edit(codex: Codex) -> None:
    lines = [str(number) for number in range(1, 41)]
    codex.write("long.txt", "\n".join(lines) + "\n")
    ran = await patch(codex, update={"long.txt": [("5", "five"), ("30", "thirty")]})
    [use] = ran.uses
    assert use.name == "MultiEdit"
    edits = use.input["edits"]
    assert isinstance(edits, list)
    assert ["five" in str(edit) for edit in edits] == [True, False]  # type: ignore[reportUnknownVariableType]  # JSON
    assert len(ran.outcomes[0]["structuredPatch"]) == 2


async def test_a_patch_with_every_kind_of_change_is_a_tool_use_for_each_file(codex: Codex) -> None:
    codex.write("b.txt", "b\n")
    codex.write("c.txt", "c\n")
    ran = await patch(codex, add={"a.txt": "a\n"}, update={"b.txt": [("b", "B")]}, delete=["c.txt"])
    assert sorted(use.name for use in ran.uses) == ["Delete", "Edit", "Write"]
    assert len(ran.results) == 3
    assert (codex.read("a.txt"), codex.read("b.txt"), codex.exists("c.txt")) == ("a\n", "B\n", False)
