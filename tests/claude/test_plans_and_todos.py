from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.claude.driving import Claude, names

from agent_sdk_core import Allow, AssistantMessage, Deny, PermissionRequest, StatusMessage, StreamEvent
from agent_sdk_testing import ModelRequest, Step, call, text
from agent_sdk_testing.contract.watching import Asker, run, until

pytestmark = pytest.mark.anyio

OLDER = "claude-sonnet-4-5"
"""A model that claude gives tools for lists of tasks; its default model gets none (2.1.329)."""

PLANNING: dict[str, Any] = {"permission_mode": "plan", "include_partial_messages": False}
"""Without deltas, for claude adds the plan to the input of `ExitPlanMode` after they have streamed."""

_PLAN = re.compile(r"(/\S+/plans/[\w.-]+\.md)")


def write_plan(request: ModelRequest) -> Step:
    """A step that writes the plan into the file that claude names to the model."""
    told = request.text + request.instructions
    [path] = set(_PLAN.findall(told))
    return call("Write", file_path=path, content="# The plan\n\nDo it.\n")


def option(request: PermissionRequest, name: str) -> Allow | Deny:
    """Return the answer that an option of a request stands for."""
    return next(option.answer for option in request.options if option.id == name)


async def test_an_accepted_plan_leaves_plan_mode_and_info_tells(claude: Claude) -> None:
    asked: list[PermissionRequest] = []

    async def accept(request: PermissionRequest) -> Allow | Deny:
        asked.append(request)
        return option(request, "accept_edits")

    claude.model.reply(write_plan).reply(call("ExitPlanMode"))
    claude.model.reply(*claude.patch(add={"done.txt": "done\n"})).reply(text("Done."))
    async with claude.session(**PLANNING, can_use_tool=accept) as session:
        assert session.info.permission_mode == "plan"
        ran = await run(session, "Plan.")
        assert session.info.permission_mode == "accept_edits"
    [request] = asked
    assert (request.tool_name, request.input["plan"]) == ("ExitPlanMode", "# The plan\n\nDo it.\n")
    assert Path(str(request.input["planFilePath"])).read_text() == "# The plan\n\nDo it.\n"
    assert [option.id for option in request.options] == ["allow", "accept_edits", "deny", "deny_stop"]
    assert [message.permission_mode for message in ran.all(StatusMessage) if message.permission_mode] == ["acceptEdits"]
    assert ran.result.outcome == "completed"
    assert claude.read("done.txt") == "done\n"


async def test_an_accepted_plan_may_go_on_asking(claude: Claude) -> None:
    asker = Asker([Allow(), Deny()])
    claude.model.reply(write_plan).reply(call("ExitPlanMode"))
    claude.model.reply(*claude.patch(add={"done.txt": "done\n"})).reply(text("Then not."))
    async with claude.session(**PLANNING, can_use_tool=asker) as session:
        await run(session, "Plan.")
        assert session.info.permission_mode == "default"
    assert [request.tool_name for request in asker.requests] == ["ExitPlanMode", "Write"]
    assert not claude.exists("done.txt")


async def test_a_refused_plan_stays_in_plan_mode_and_the_model_reads_why(claude: Claude) -> None:
    asker = Asker([Deny("Think again.")])
    claude.model.reply(write_plan).reply(call("ExitPlanMode")).reply(text("I think."))
    async with claude.session(**PLANNING, can_use_tool=asker) as session:
        ran = await run(session, "Plan.")
        assert session.info.permission_mode == "plan"
    assert names(ran) == ["Write", "ExitPlanMode"]
    assert "Think again." in claude.model.requests[2].tool_outputs[-1].text
    assert ran.result.outcome == "completed"


async def test_the_plan_is_in_the_full_message_alone(claude: Claude) -> None:
    claude.model.reply(write_plan).reply(call("ExitPlanMode")).reply(text("I think."))
    async with claude.session(permission_mode="plan", can_use_tool=Asker([Deny()])) as session:
        claude.recorder.forget(session)  # It holds all blocks to the rule that this one breaks.
        messages = [message async for message in session.query("Plan.")]
    [exit_plan] = [
        use
        for message in messages
        if isinstance(message, AssistantMessage)
        for use in message.tool_uses
        if use.name == "ExitPlanMode"
    ]
    assert exit_plan.input["plan"] == "# The plan\n\nDo it.\n"
    pieces = [message.event.get("delta", {}) for message in messages if isinstance(message, StreamEvent)]
    assert "planFilePath" not in "".join(piece.get("partial_json", "") for piece in pieces)


async def test_the_model_enters_plan_mode_by_itself(claude: Claude) -> None:
    asker = Asker([Allow()])
    claude.model.reply(call("EnterPlanMode")).reply(text("I plan."))
    async with claude.session(permission_mode="default", can_use_tool=asker) as session:
        stream = session.messages()
        await run(session, "Plan first.")
        told = await until(stream, StatusMessage, lambda message: message.permission_mode)
        assert told.permission_mode == "plan"
        assert session.info.permission_mode == "plan"


async def test_tasks_of_the_model_are_tools_with_a_structured_outcome(claude: Claude) -> None:
    claude.model.reply(call("TaskCreate", subject="Write it", description="All of it", activeForm="Writing"))
    claude.model.reply(call("TaskUpdate", taskId="1", status="in_progress")).reply(call("TaskList")).reply(text("Ok."))
    async with claude.session(model=OLDER) as session:
        ran = await run(session, "Plan your work.")
    created, updated, listed = ran.outcomes
    assert created["task"]["subject"] == "Write it"
    assert updated["statusChange"] == {"from": "pending", "to": "in_progress"}
    assert [(task["subject"], task["status"]) for task in listed["tasks"]] == [("Write it", "in_progress")]
    assert [use.kind for use in ran.uses][:2] == ["think", "think"]


async def test_todos_of_the_model_are_one_list_where_tasks_are_switched_off(claude: Claude) -> None:
    claude.variables["CLAUDE_CODE_ENABLE_TASKS"] = "0"
    todos = [{"content": "Write it", "status": "pending", "activeForm": "Writing it"}]
    claude.model.reply(call("TodoWrite", todos=todos)).reply(text("Ok."))
    async with claude.session(model=OLDER) as session:
        ran = await run(session, "Plan your work.")
    [use], [outcome] = ran.uses, ran.outcomes
    assert (use.name, use.input["todos"]) == ("TodoWrite", todos)
    assert outcome["newTodos"] == todos
