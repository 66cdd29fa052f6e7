"""Which projects' settings Codex applies: what the user trusted, what the application asks for, and no stranger's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.codex.driving import Codex
from tests.contract.agents.codex import touching

from agent_sdk_core import (
    Deny,
    InitMessage,
    PermissionRequest,
    SandboxPolicy,
    SessionOptions,
    TurnOptions,
    UnsupportedOptionError,
)
from agent_sdk_testing import text
from agent_sdk_testing.agents import toml
from agent_sdk_testing.contract.watching import Asker, finish, run

pytestmark = pytest.mark.anyio

WORDS = ("INSTRUCTIONS-OF-CONFIG", "INSTRUCTIONS-OF-AGENTS", "SKILL-OF-CODEX", "SKILL-OF-AGENTS")
Outcome = tuple[list[str], bool, bool, int]
NOTHING: Outcome = ([], False, False, 1)
"""The words that the model read, whether the MCP server and the escalated command ran, and how often we were asked."""
EVERYTHING: Outcome = (list(WORDS), True, True, 0)


def repository(codex: Codex) -> Path:
    """Make the workspace a stranger's repository, with all that Codex reads of one, and a folder in it."""
    root = codex.workspace
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for name in (".codex/rules", ".codex/skills/one", ".agents/skills/two", "sub"):
        (root / name).mkdir(parents=True)
    servers: Any = {"theirs": touching(codex.folder / "server")}
    config = toml.dumps({"developer_instructions": WORDS[0], "mcp_servers": servers})
    hook = {"hooks": [{"type": "command", "command": f"touch '{codex.folder}/hook'"}]}
    files = {
        ".codex/config.toml": config,
        ".codex/hooks.json": json.dumps({"hooks": {"SessionStart": [hook], "UserPromptSubmit": [hook]}}),
        ".codex/rules/theirs.rules": 'prefix_rule(pattern=["touch"], decision="allow")\n',
        ".codex/skills/one/SKILL.md": f"---\nname: one\ndescription: {WORDS[2]}\n---\nDo it.\n",
        ".agents/skills/two/SKILL.md": f"---\nname: two\ndescription: {WORDS[3]}\n---\nDo it.\n",
        "AGENTS.md": WORDS[1] + "\n",
    }
    for name, content in files.items():
        (root / name).write_text(content)
    return root


async def outcome(codex: Codex, **options: Any) -> Outcome:
    """Run a turn whose model escalates a command, and tell what applied; the user's file stays as it was."""
    settings = codex.home / "config.toml"
    before = settings.read_bytes()
    asked: list[PermissionRequest] = []

    async def refuse(request: PermissionRequest) -> Deny:
        asked.append(request)
        return Deny()

    escalated = codex.folder / "escalated"
    codex.model.reply(codex.command(f"touch '{escalated}'", escalate=True)).reply(text("Done."))
    first = len(codex.model.requests)
    async with codex.session(can_use_tool=refuse, **{"permission_mode": "accept_edits", **options}) as session:
        await run(session, "Go.")
        assert settings.read_bytes() == before
    assert settings.read_bytes() == before
    assert not (codex.folder / "hook").exists()
    said = b"".join(request.body for request in codex.model.requests[first:]).decode()
    return [word for word in WORDS if word in said], (codex.folder / "server").exists(), escalated.exists(), len(asked)


def trust(codex: Codex, written: str) -> None:
    """Write into the user's own file what he trusts."""
    settings = codex.home / "config.toml"
    settings.write_text(f"{settings.read_text()}\n{written}\n")


@pytest.mark.parametrize("folder", [".", "sub", "../link"])
@pytest.mark.parametrize("options", [{}, {"sandbox": SandboxPolicy(mode="workspace-write")}], ids=["mode", "sandbox"])
async def test_nothing_of_a_strangers_repository_applies(codex: Codex, folder: str, options: dict[str, Any]) -> None:
    root = repository(codex)
    (codex.folder / "link").symlink_to(root)
    assert await outcome(codex, cwd=root / folder, **options) == NOTHING


@pytest.mark.parametrize("mode", [None, "auto"])
async def test_a_sandbox_of_the_users_configuration_trusts_no_folder(codex: Codex, mode: Any) -> None:
    repository(codex)
    codex.settings(sandbox_mode="workspace-write")
    before = (codex.home / "config.toml").read_bytes()
    async with codex.session(permission_mode=mode) as session:
        assert session.info.sandbox == "workspaceWrite"
    assert (codex.home / "config.toml").read_bytes() == before
    assert not (codex.folder / "server").exists()


async def test_a_folder_that_nobody_judged_changes_no_default(codex: Codex) -> None:
    async with codex.session() as session:
        assert (session.info.sandbox, session.info.approval_policy) == ("readOnly", "on-request")


async def test_a_resumed_or_forked_session_trusts_nothing_either(codex: Codex) -> None:
    root = repository(codex)
    codex.model.reply(text("One."))
    async with codex.session(cwd=root / "sub") as session:
        await run(session, "First.")
        stored = session.resolved_session_id
    assert await outcome(codex, cwd=None, resume=stored) == NOTHING
    assert await outcome(codex, cwd=None, resume=stored, fork=True) == NOTHING
    assert await outcome(codex, cwd=root, resume=stored, permission_mode="accept_edits") == NOTHING


async def test_a_file_that_the_user_does_not_have_is_not_made(codex: Codex) -> None:
    root = repository(codex)
    (codex.home / "config.toml").unlink()
    async with codex.backend() as backend:
        for mode in ("bypass", "accept_edits"):
            async with await backend.create_session(SessionOptions(cwd=root, permission_mode=mode)):
                assert not (codex.home / "config.toml").exists()
    assert not (codex.folder / "server").exists()


@pytest.mark.parametrize(
    "spelling",
    [
        '[projects."{}"]\ntrust_level = "trusted"',
        '[projects]\n"{}".trust_level = "trusted"',
        "[projects]\n'{}' = {{ trust_level = 'trusted' }}",
        '["projects" . "{}"]\n"trust_level"="""trusted"""  # by hand',
    ],
)
@pytest.mark.parametrize("folder", [".", "sub"])
async def test_what_the_user_trusted_stays_trusted(codex: Codex, spelling: str, folder: str) -> None:
    root = repository(codex)
    trust(codex, spelling.format(root))
    assert await outcome(codex, cwd=root / folder) == EVERYTHING


@pytest.mark.parametrize(("trusted", "cwd"), [("link", "link"), ("workspace", "link")])
async def test_links_count_as_they_do_for_codex(codex: Codex, trusted: str, cwd: str) -> None:
    root = repository(codex)
    (codex.folder / "link").symlink_to(root)
    trust(codex, f'[projects."{codex.folder / trusted}"]\ntrust_level = "trusted"')
    assert await outcome(codex, cwd=codex.folder / cwd) == EVERYTHING


@pytest.mark.parametrize("trusted", [None, "link", "workspace"])
async def test_a_turn_in_a_folder_that_is_named_by_its_link_works_in_that_folder(
    codex: Codex, trusted: str | None
) -> None:
    root = repository(codex)
    (codex.folder / "link").symlink_to(root)
    if trusted is not None:
        trust(codex, f'[projects."{codex.folder / trusted}"]\ntrust_level = "trusted"')
    before = (codex.home / "config.toml").read_bytes()
    codex.model.reply(codex.command("touch here.txt", escalate=True)).otherwise(text("Done."))
    async with codex.session(cwd=codex.outside, can_use_tool=Asker(), permission_mode="accept_edits") as session:
        ran = await finish(session.query("Go.", options=TurnOptions(cwd=codex.folder / "link")))
        assert [message.cwd for message in ran.all(InitMessage)] == [str(root)]
        after = await run(session, "Go on.")
        assert [message.cwd for message in after.all(InitMessage)] == [str(codex.outside)]
    assert (root / "here.txt").exists()
    assert not (codex.folder / "hook").exists()
    assert not (codex.folder / "server").exists()
    assert (codex.home / "config.toml").read_bytes() == before


def worktree(codex: Codex) -> Path:
    """Return a stranger's repository beside the workspace, whose `.git` says that it is a worktree of the workspace."""
    root = repository(codex)
    other = codex.folder / "other"
    root.rename(other)
    codex.workspace.mkdir()
    subprocess.run(["rm", "-rf", str(other / ".git")], check=True)
    subprocess.run(["git", "init", "-q", str(codex.workspace)], check=True)
    admin = codex.workspace / ".git" / "worktrees" / "other"
    admin.mkdir(parents=True)
    (admin / "commondir").write_text("../..\n")
    (other / ".git").write_text(f"gitdir: {admin}\n")
    trust(codex, f'[projects."{codex.workspace}"]\ntrust_level = "trusted"')
    return other


@pytest.mark.parametrize("folder", [".", "sub"])
async def test_a_worktree_of_what_the_user_trusted_is_trusted(codex: Codex, folder: str) -> None:
    other = worktree(codex)
    (codex.workspace / ".git/worktrees/other/gitdir").write_text(f"{other}/.git\n")
    assert await outcome(codex, cwd=other / folder) == EVERYTHING


@pytest.mark.parametrize("known", [None, "/elsewhere/.git\n"])
@pytest.mark.parametrize("folder", [".", "sub"])
async def test_a_worktree_that_its_repository_does_not_know_is_a_strangers(
    codex: Codex, known: str | None, folder: str
) -> None:
    other = worktree(codex)
    if known is not None:
        (codex.workspace / ".git/worktrees/other/gitdir").write_text(known)
    assert await outcome(codex, cwd=other / folder) == NOTHING


async def test_a_repository_within_a_trusted_one_is_a_strangers(codex: Codex) -> None:
    root = repository(codex)
    subprocess.run(["git", "init", "-q", str(codex.folder)], check=True)
    trust(codex, f'[projects."{codex.folder}"]\ntrust_level = "trusted"')
    assert await outcome(codex, cwd=root) == NOTHING


async def test_a_distrust_of_the_users_own_counts(codex: Codex) -> None:
    root = repository(codex)
    trust(codex, f'[projects."{root}"]\ntrust_level = "trusted"\n[projects."{root}/sub"]\ntrust_level = "untrusted"')
    words, *_ = await outcome(codex, cwd=root / "sub")
    assert WORDS[1] not in words
    assert not {WORDS[2], WORDS[3]} & {*words}


@pytest.mark.parametrize("folder", [".", "sub", "../link", "../link/sub"])
async def test_a_trusted_project_is_left_out_where_only_the_users_settings_are_asked_for(
    codex: Codex, folder: str
) -> None:
    root = repository(codex)
    (codex.folder / "link").symlink_to(root)
    trust(codex, f'[projects."{root}"]\ntrust_level = "trusted"\n[projects."{root}/sub"]\ntrust_level = "trusted"')
    assert await outcome(codex, cwd=root / folder, setting_sources=("user",)) == NOTHING


async def test_a_project_that_is_left_out_says_nothing_about_defaults(codex: Codex) -> None:
    root = repository(codex)
    (root / ".codex/config.toml").write_text('sandbox_mode = "danger-full-access"\napproval_policy = "never"\n')
    trust(codex, f'[projects."{root}"]\ntrust_level = "trusted"')
    codex.model.otherwise(text("Fine."))
    async with codex.session(setting_sources=("user",)) as session:
        assert (session.info.sandbox, session.info.approval_policy) == ("readOnly", "on-request")
        await session.set_permission_mode(None)
        await run(session, "Go.")
        assert (session.info.sandbox, session.info.approval_policy) == ("readOnly", "on-request")


@pytest.mark.parametrize("folder", [".", "sub", "../link"])
async def test_a_project_that_is_asked_for_applies_to_this_session_alone(codex: Codex, folder: str) -> None:
    root = repository(codex)
    (codex.folder / "link").symlink_to(root)
    assert await outcome(codex, cwd=root / folder, setting_sources=("user", "project")) == EVERYTHING
    for made in ("server", "escalated"):
        (codex.folder / made).unlink()
    assert await outcome(codex, cwd=root / folder) == NOTHING


async def test_native_configuration_is_merged_and_beats_what_is_said_of_trust(codex: Codex) -> None:
    root = repository(codex)
    skill = codex.skill("mine", "MINE")
    config: dict[str, Any] = {
        "developer_instructions": "NATIVE",
        "projects": {"/elsewhere": {"trust_level": "trusted"}},
        "skills": {"config": [{"path": skill.path, "enabled": False}]},
    }
    assert await outcome(codex, native={"config": config}) == NOTHING
    assert b"NATIVE" in codex.model.requests[0].body
    assert b"mine: A skill." not in codex.model.requests[0].body
    assert await outcome(codex, native={"config": None}) == NOTHING
    assert await outcome(codex, native={"config": {"projects": {str(root): {"trust_level": "trusted"}}}}) == EVERYTHING


@pytest.mark.parametrize("sources", [(), ("project",), ("local",), ("user", "local"), ("user", "project", "local")])
async def test_sources_that_codex_has_not_are_refused(codex: Codex, sources: Any) -> None:
    async with codex.backend() as backend:
        with pytest.raises(UnsupportedOptionError, match=r"codex backend (always|has no).*setting_sources"):
            await backend.create_session(SessionOptions(cwd=codex.workspace, setting_sources=sources))
        assert not backend.sessions


async def test_a_folder_that_is_named_natively_and_not_there_is_no_obstacle(codex: Codex) -> None:
    before = (codex.home / "config.toml").read_bytes()
    async with codex.session(native={"cwd": str(codex.folder / "gone"), "sandbox": "workspace-write"}):
        assert (codex.home / "config.toml").read_bytes() == before
