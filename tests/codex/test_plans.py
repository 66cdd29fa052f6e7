from __future__ import annotations

from typing import Any

import pytest
from tests.codex.driving import Codex, backend_of, names, version_of

from agent_sdk_core import DEFER, Allow, InvalidRequestError, RequestOpened
from agent_sdk_testing import call, text
from agent_sdk_testing.contract.watching import run, until

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


async def test_a_plan_is_changed_as_far_as_it_can_be_and_stays_open_otherwise(codex: Codex) -> None:
    codex.model.reply(text("<proposed_plan>\n1. Look\n</proposed_plan>\n")).reply(text("Carried out."))
    async with codex.session(permission_mode="plan", can_use_tool=DEFER) as session:
        stream = session.messages()
        await run(session, "Plan.")
        request_id = (await until(stream, RequestOpened)).request_id
        for changed in ({"plan": 5}, {"plan": "1. Leap", "mode": "default"}, {}):
            with pytest.raises(InvalidRequestError, match="can change 'plan' alone"):
                await session.answer(request_id, Allow(updated_input=changed))
        assert [request.request_id for request in session.pending] == [request_id]
        await session.answer(request_id, Allow(updated_input={"plan": "1. Leap"}))
        await session.wait_idle()
    assert "which I have changed" in codex.model.requests[-1].text
    assert "1. Leap" in codex.model.requests[-1].text
