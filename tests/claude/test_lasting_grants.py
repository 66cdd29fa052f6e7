"""Grants that Claude suggests for a command on a path outside of the workspace: none promises more than it keeps."""

from __future__ import annotations

from typing import Literal

import pytest
from tests.claude.driving import Claude

from agent_sdk_core import Allow, Deny, PermissionRequest
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import Asker, Ran, run
from claude_sdk import ClaudeSession

pytestmark = pytest.mark.anyio


async def act(claude: Claude, session: ClaudeSession, command: str) -> Ran:
    claude.model.reply(claude.command(command)).reply(text("Went on."))
    return await run(session, "Act.")


@pytest.mark.parametrize("scope", ["session", "always"])
@pytest.mark.parametrize("name", ["touch", "rm -f"])
async def test_a_granted_command_on_a_file_outside_is_not_asked_about_again(
    claude: Claude, scope: Literal["session", "always"], name: str
) -> None:
    target = claude.outside / "there.txt"
    command = f"{name} {target}"
    asker = Asker([Allow(scope), Deny()])
    commands = [[command, command]] if scope == "session" else [[command], [command]]
    ran: list[Ran] = []
    for of_one_session in commands:
        async with claude.session(permission_mode="default", can_use_tool=asker) as session:
            ran.extend([await act(claude, session, each) for each in of_one_session])
    assert [request.escalates for request in asker.requests] == [{"path"}]
    assert not ran[1].results[-1].is_error
    assert target.exists() == (name == "touch")


async def test_the_grant_is_for_that_file_and_for_no_other(claude: Claude) -> None:
    asker = Asker([Allow("session"), Deny(), Deny()])
    async with claude.session(permission_mode="default", can_use_tool=asker) as session:
        for command in (f"touch {claude.outside}/a", f"touch {claude.outside}/b", f"rm -f {claude.outside}/a"):
            await act(claude, session, command)
    assert len(asker.requests) == 3
    assert (claude.outside / "a").exists()
    assert not (claude.outside / "b").exists()


async def test_no_lasting_grant_is_offered_for_a_folder_outside(claude: Claude) -> None:
    async def widest(request: PermissionRequest) -> Allow:
        offered.append([option.id for option in request.options])
        return Allow("always")

    offered: list[list[str]] = []
    async with claude.session(permission_mode="default", can_use_tool=widest) as session:
        for _ in range(2):
            await act(claude, session, f"mkdir -p {claude.outside}/new")
    assert offered == [["allow", "deny", "deny_stop"]] * 2
