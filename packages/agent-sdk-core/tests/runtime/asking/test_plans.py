from __future__ import annotations

import pytest

from agent_sdk_core.asking.approvals import plan_offers
from agent_sdk_core.asking.permissions import Allow, Deny, PermissionRequest
from agent_sdk_core.runtime.asking.plans import prompt_of

PLAN = PermissionRequest("ExitPlanMode", {"plan": "1. Look"})


@pytest.mark.parametrize(
    ("answer", "mode"),
    [
        (Allow(), "default"),
        (Allow("session"), "default"),
        (Allow(option="accept_edits"), "accept_edits"),
        (Deny("No."), None),
        (Deny(interrupt=True), None),
    ],
)
def test_an_answer_to_a_plan_stands_for_a_mode(answer: Allow | Deny, mode: str | None) -> None:
    assert plan_offers().chosen(answer)[2] == mode


def test_a_plan_that_was_changed_is_told_with_the_go_ahead() -> None:
    assert prompt_of(PLAN, Allow()) == "Implement the plan."
    assert prompt_of(PLAN, Allow(updated_input={"plan": "1. Look"})) == "Implement the plan."
    assert prompt_of(PLAN, Allow(updated_input={"plan": "1. Leap"})).endswith("changed:\n\n1. Leap")
    assert prompt_of(PLAN, None) == "Implement the plan."
