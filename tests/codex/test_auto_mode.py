from __future__ import annotations

import pytest
from tests.codex.driving import Codex

from agent_sdk_core import Deny, PermissionRequest
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


async def test_in_auto_mode_the_agents_own_reviewer_is_asked(codex: Codex) -> None:
    reviewer = '{"risk_level": "low", "user_authorization": "high", "outcome": "allow", "rationale": "Harmless."}'
    # By what it is asked for: newer ones (0.169) ask the session's own model.
    codex.model.when(lambda request: "risk_level" in str(request.json.get("text"))).reply(text(reviewer))
    codex.model.reply(codex.command("echo hi > escalated.txt", escalate=True)).reply(text("Done."))
    asked: list[PermissionRequest] = []

    async def callback(request: PermissionRequest) -> Deny:
        asked.append(request)
        return Deny()

    async with codex.session(permission_mode="auto", can_use_tool=callback) as session:
        ran = await run(session, "Act.")
    assert ran.result.outcome == "completed"
    assert not asked
    assert codex.exists("escalated.txt")
