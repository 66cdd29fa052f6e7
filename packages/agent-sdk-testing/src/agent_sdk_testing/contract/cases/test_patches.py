"""Edits of files as tool uses, with what they changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Ran, run

pytestmark = [pytest.mark.anyio, needs("edits", "mode:accept_edits")]


async def patch(agent: Agent, **changes: object) -> Ran:
    agent.model.reply(*agent.patch(**changes)).reply(text("Edited."))  # type: ignore[arg-type]  # as `Agent.patch` takes them
    async with agent.session(permission_mode="accept_edits") as session:
        ran = await run(session, "Edit.")
    assert ran.result.outcome == "completed"
    assert not any(result.is_error for result in ran.results)
    return ran


def path(agent: Agent, name: str) -> str:
    return os.fspath(agent.workspace / name)


async def test_an_added_file_is_a_write_with_its_content(agent: Agent) -> None:
    ran = await patch(agent, add={"new.txt": "one\ntwo\n"})
    [use] = ran.edits
    assert (use.name, use.kind) == ("Write", "edit")
    assert use.input == {"file_path": path(agent, "new.txt"), "content": "one\ntwo\n"}
    assert agent.read("new.txt") == "one\ntwo\n"


async def test_an_update_of_one_place_is_an_edit(agent: Agent) -> None:
    agent.write("poem.txt", "roses\nare\nred\n")
    ran = await patch(agent, update={"poem.txt": [("red", "blue")]})
    [use] = ran.edits
    assert use.name == "Edit"
    assert use.input["file_path"] == path(agent, "poem.txt")
    assert "red" in str(use.input["old_string"])
    assert "blue" in str(use.input["new_string"])
    [hunk] = ran.outcome_of(use)["structuredPatch"]
    assert hunk["lines"][-2:] == ["-red", "+blue"]
    assert agent.read("poem.txt") == "roses\nare\nblue\n"


async def test_an_update_of_several_places_changes_all_of_them(agent: Agent) -> None:
    lines = [f"line {number}" for number in range(1, 41)]
    agent.write("long.txt", "\n".join(lines) + "\n")
    ran = await patch(agent, update={"long.txt": [("line 5", "five"), ("line 30", "thirty")]})
    assert ran.edits
    lines[4], lines[29] = "five", "thirty"
    assert agent.read("long.txt").splitlines() == lines


async def test_an_edit_applied_to_the_old_content_gives_the_new_one(agent: Agent) -> None:
    old = agent.write("poem.txt", "roses\nare\nred\n").read_text()
    ran = await patch(agent, update={"poem.txt": [("red", "blue\nand green")]})
    given = ran.edits[0].input
    assert old.count(str(given["old_string"])) == 1
    assert old.replace(str(given["old_string"]), str(given["new_string"])) == agent.read("poem.txt")


@needs("deletes")
async def test_a_deleted_file_is_a_delete_that_keeps_its_content(agent: Agent) -> None:
    agent.write("old.txt", "going\ngone\n")
    ran = await patch(agent, delete=["old.txt"])
    [use] = ran.edits
    assert (use.name, use.kind, use.input) == ("Delete", "delete", {"file_path": path(agent, "old.txt")})
    assert ran.outcome_of(use)["content"] == "going\ngone\n"
    assert not agent.exists("old.txt")


async def test_a_patch_of_several_files_is_a_tool_use_for_each_with_a_result_for_each(agent: Agent) -> None:
    agent.write("b.txt", "b\n")
    ran = await patch(agent, add={"a.txt": "a\n"}, update={"b.txt": [("b", "B")]})
    assert sorted((use.name, Path(str(use.input["file_path"])).name) for use in ran.edits) == [
        ("Edit", "b.txt"),
        ("Write", "a.txt"),
    ]
    assert not any(ran.result_of(use).is_error for use in ran.edits)
    assert (agent.read("a.txt"), agent.read("b.txt")) == ("a\n", "B\n")


async def test_a_patch_that_does_not_fit_is_told_to_the_model_and_the_turn_goes_on(agent: Agent) -> None:
    agent.write("poem.txt", "roses\n")
    agent.model.reply(*agent.patch(update={"poem.txt": [("tulips", "lilies")]})).reply(text("It did not fit."))
    async with agent.session(permission_mode="accept_edits") as session:
        ran = await run(session, "Edit.")
    assert ran.result.outcome == "completed"
    assert all(ran.result_of(use).is_error for use in ran.edits)
    assert agent.read("poem.txt") == "roses\n"
