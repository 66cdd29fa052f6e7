"""Updates that come with an answer, as Codex keeps them: as its own rule where it offers that one, and else not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.codex.driving import Codex

from agent_sdk_core import (
    DEFER,
    Allow,
    Deny,
    PermissionRequest,
    PermissionUpdate,
    RequestOpened,
    UnsupportedOptionError,
)
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import Asker, run, until

pytestmark = pytest.mark.anyio


async def test_a_rule_for_good_is_the_one_that_codex_offers_and_no_other(codex: Codex) -> None:
    wide = PermissionUpdate("add_rules", ["Bash +sandbox"], "allow", destination="user")
    file = PermissionUpdate("add_rules", ["Bash(touch one.txt *) +sandbox"], "allow", destination="local")
    codex.model.reply(codex.command("touch one.txt", escalate=True)).reply(text("Went on."))
    rules = codex.home / "rules"
    async with codex.session(permission_mode="default", can_use_tool=DEFER) as session:
        stream = session.messages()
        await session.send("Act.")
        request_id = (await until(stream, RequestOpened)).request_id
        [request] = session.pending
        assert isinstance(request, PermissionRequest)
        [kept] = [option.updates for option in request.options if option.id == "allow_always"]
        for update in (wide, file):
            with pytest.raises(UnsupportedOptionError, match=r"keeps beyond the session, with this request"):
                await session.answer(request_id, Allow(updates=[update]))
        assert not list(rules.glob("*")) if rules.exists() else True
        await session.answer(request_id, Allow(updates=kept))
        await session.wait_idle()
    assert "touch" in "".join(path.read_text() for path in rules.iterdir())
    codex.model.reply(codex.command("touch one.txt", escalate=True)).reply(text("Went on."))
    asker = Asker([Deny()])
    async with codex.session(permission_mode="default", can_use_tool=asker) as session:
        await run(session, "Act.")
    assert not asker.requests


@pytest.mark.parametrize("rule", ["WebSearch", "WriteStdin", "kind:fetch"])
async def test_a_refusal_that_no_hook_would_see_is_no_update(codex: Codex, rule: str) -> None:
    update: Any = PermissionUpdate("add_rules", [rule], "deny")
    codex.model.reply(codex.command("touch one.txt", escalate=True)).reply(text("Went on."))
    async with codex.session(permission_mode="default", can_use_tool=DEFER, policy_scope="every_call") as session:
        stream = session.messages()
        await session.send("Act.")
        request_id = (await until(stream, RequestOpened)).request_id
        with pytest.raises(UnsupportedOptionError, match=r"policy=PolicyGuard\(deny="):
            await session.answer(request_id, Allow(updates=[update]))
        await session.answer(request_id, Deny())
        await session.wait_idle()
