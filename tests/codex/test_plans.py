from __future__ import annotations

from typing import Any

import pytest
from tests.codex.driving import Codex, backend_of, names, version_of

from agent_sdk_testing import call, text
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


async def test_a_checklist_is_a_todo_list(codex: Codex) -> None:
    codex.settings(tools={"update_plan": {"enabled": True}})
    for first, second in (("in_progress", "pending"), ("completed", "in_progress")):
        steps = [{"step": "Look", "status": first}, {"step": "Leap", "status": second}]
        codex.model.reply(call("update_plan", plan=steps))
    codex.model.reply(text("Done."))
    async with codex.session() as session:
        ran = await run(session, "Plan.")
    assert names(ran) == ["TodoWrite", "TodoWrite"]
    assert ran.uses[1].input == {
        "todos": [
            {"content": "Look", "status": "completed", "activeForm": "Look"},
            {"content": "Leap", "status": "in_progress", "activeForm": "Leap"},
        ]
    }
    assert [result.is_error for result in ran.results] == [False, False]


async def test_a_proposed_plan_ends_the_plan_mode_tool_and_is_no_text(codex: Codex) -> None:
    codex.model.reply(text("I looked.\n<proposed_plan>\n", "1. Look\n", "2. Leap\n", "</proposed_plan>\n"))
    async with codex.session(permission_mode="plan") as session:
        ran = await run(session, "Plan.")
        assert session.info.permission_mode == "plan"
    [use] = ran.uses
    assert use.name == "ExitPlanMode"
    assert str(use.input["plan"]).strip() == "1. Look\n2. Leap"
    assert "".join(ran.text).strip() == "I looked."


async def test_a_plan_is_carried_over_into_a_fresh_thread(codex: Codex) -> None:
    codex.model.reply(text("Done."))
    async with codex.session() as session:
        backend = backend_of(session)
        if version_of(backend.version) < (0, 169):
            pytest.skip(f"codex {backend.version} cannot; that began with 0.169")
        params = {"threadId": session.session_id, "markdown": "1. Look at it"}
        prepared: Any = await backend.request("thread/prepareApprovedPlan", params)
        await run(session, prepared["prompt"])
    assert b"1. Look at it" in codex.model.requests[-1].body
