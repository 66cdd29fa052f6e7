"""Rules of the user's own that say "ask": no allow rule, no mode and no host without a person lifts them."""

from __future__ import annotations

import pytest
from tests.claude.driving import Claude

from agent_sdk_core import Allow, PermissionMode
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import Asker, run

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("mode", ["default", "accept_edits"])
async def test_what_the_user_wants_to_be_asked_about_is_asked(claude: Claude, mode: PermissionMode) -> None:
    claude.settings(permissions={"allow": ["Bash"], "ask": ["Bash(echo done:*)"]})
    asker = Asker([Allow()])
    claude.model.reply(claude.command("echo done > done.txt")).reply(text("Done."))
    async with claude.session(permission_mode=mode, can_use_tool=asker) as session:
        await run(session, "Act.")
    assert [request.tool_name for request in asker.requests] == ["Bash"]
    assert claude.read("done.txt") == "done\n"


async def test_what_the_user_wants_to_be_asked_about_is_denied_where_nobody_is(claude: Claude) -> None:
    claude.settings(permissions={"allow": ["Bash"], "ask": ["Bash(echo done:*)"]})
    claude.model.reply(claude.command("echo done > done.txt")).reply(text("Denied."))
    async with claude.session(permission_mode="default") as session:
        ran = await run(session, "Act.")
    assert [denial["tool_name"] for denial in ran.result.permission_denials] == ["Bash"]
    assert not claude.exists("done.txt")
