"""Updates that come with an answer, as Claude keeps them: in the file that they name, and past another start of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.claude.driving import Claude

from agent_sdk_core import DEFER, Allow, Deny, PermissionUpdate, RequestOpened, UnsupportedOptionError
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import Asker, run, until
from claude_sdk import ClaudeSession

pytestmark = pytest.mark.anyio


async def act(claude: Claude, session: ClaudeSession, command: str) -> Any:
    claude.model.reply(claude.command(command)).reply(text("Went on."))
    return await run(session, "Act.")


@pytest.mark.parametrize("place", ["user", "project", "local"])
async def test_a_rule_is_written_where_it_says_and_holds_in_a_second_run(claude: Claude, place: Any) -> None:
    update = PermissionUpdate("add_rules", ["Bash(touch *)", f"Edit({claude.outside}/**)"], "allow", destination=place)
    asker = Asker([Allow(updates=[update]), Deny()])
    options: dict[str, Any] = {"permission_mode": "default", "setting_sources": ("user", "project", "local")}
    files = {
        "user": claude.config / "settings.json",
        "project": claude.workspace / ".claude" / "settings.json",
        "local": claude.workspace / ".claude" / "settings.local.json",
    }
    before = {name: _read(file) for name, file in files.items()}
    for name in ("one", "two"):
        async with claude.session(can_use_tool=asker, **options) as session:
            await act(claude, session, f"touch {name}.txt")
    assert len(asker.requests) == (2 if place == "project" else 1)  # In a folder that it does not trust.
    assert _read(files[place])["allow"] == ["Bash(touch *)", f"Edit(/{claude.outside}/**)"]
    for name, file in files.items():
        if name != place:
            assert _read(file) == before[name]


def _read(file: Path) -> Any:
    """Return the rules of a settings file, beside which Claude itself writes this and that."""
    return json.loads(file.read_text()).get("permissions") if file.exists() else None


async def test_what_was_added_holds_after_another_start(claude: Claude) -> None:
    updates = [
        PermissionUpdate("add_rules", ["Bash(touch *)"], "deny"),
        PermissionUpdate("add_rules", ["Bash(mkdir *)"], "allow"),
        PermissionUpdate("set_mode", mode="accept_edits"),
        PermissionUpdate("add_directories", directories=[str(claude.outside)]),
    ]
    asker = Asker(
        [Allow(updates=updates), Allow(updates=[PermissionUpdate("remove_rules", ["Bash(mkdir *)"], "allow")])]
    )
    async with claude.session(permission_mode="default", can_use_tool=asker) as session:
        await act(claude, session, "date > first.txt")
        await session.driver.link.park(lambda: True)
        denied = await act(claude, session, "touch one.txt")
        assert session.info.permission_mode == "accept_edits"
        await act(claude, session, f"mkdir {claude.outside}/folder")
        assert len(asker.requests) == 1
        assert session.driver.restored
        await act(claude, session, "curl --version")
        assert [rule.text for rule in session.driver.restored] == ["Bash(touch *)"]
    assert denied.results[0].is_error is True
    assert not (claude.workspace / "one.txt").exists()
    assert (claude.outside / "folder").is_dir()


async def test_the_mode_of_an_approved_plan_holds_after_another_start(claude: Claude) -> None:
    asker = Asker([Allow(option="accept_edits")])
    for step in claude.plan("1. Look\n"):
        claude.model.reply(step)
    claude.model.reply(text("Carried out."))
    async with claude.session(permission_mode="plan", include_partial_messages=False, can_use_tool=asker) as session:
        await run(session, "Plan.")
        await session.driver.link.park(lambda: True)
        claude.model.reply(text("Here."))
        await run(session, "Go on.")
        assert session.info.permission_mode == "accept_edits"


async def test_a_file_that_the_session_does_not_read_is_refused_before_anything_is_sent(claude: Claude) -> None:
    update = PermissionUpdate("add_rules", ["Bash(touch *)"], "allow", destination="local")
    claude.model.reply(claude.command("touch one.txt")).reply(text("Went on."))
    async with claude.session(permission_mode="default", can_use_tool=DEFER) as session:
        stream = session.messages()
        await session.send("Act.")
        request_id = (await until(stream, RequestOpened)).request_id
        with pytest.raises(UnsupportedOptionError, match="setting_sources"):
            await session.answer(request_id, Allow(updates=[update]))
        await session.answer(request_id, Deny())
        await session.wait_idle()
    assert not (claude.workspace / ".claude").exists()


async def test_what_an_option_grants_can_be_granted_by_its_updates(claude: Claude) -> None:
    async def grant(request: Any) -> Allow:
        asked.append(request)
        return Allow(updates=next(option.updates for option in request.options if option.id == "allow_session"))

    asked: list[Any] = []
    async with claude.session(permission_mode="default", can_use_tool=grant) as session:
        for _ in range(2):
            await act(claude, session, "touch one.txt")
    assert len(asked) == 1
