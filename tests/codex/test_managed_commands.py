"""Commands of which an administrator wants a person to decide: the kind `humanCommand` of newer binaries."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from tests.codex.driving import Codex, version_of

from agent_sdk_core import Allow, Deny, PolicyGuard, RequestResolved
from agent_sdk_testing import call, text
from agent_sdk_testing.contract.watching import Asker, Ran, run

pytestmark = pytest.mark.anyio

REQUIREMENTS = """
[rules]
prefix_rules = [{ pattern = [{ token = "touch" }], decision = "prompt-user", justification = "Somebody looks." }]
"""


@pytest.fixture
def managed(codex: Codex) -> Codex:
    """Codex on a machine that an administrator manages: in an `/etc` that only it sees, for which it is wrapped."""
    told = subprocess.run([codex.executable, "--version"], capture_output=True, text=True, check=True).stdout
    if version_of(told) < (0, 164):
        pytest.skip(f"{told.strip()} knows no commands for which it asks a person; that began with 0.164")
    etc, wrapper = codex.workspace.parent / "etc", codex.workspace.parent / "codex-managed"
    (etc / "codex").mkdir(parents=True)
    (etc / "codex/requirements.toml").write_text(REQUIREMENTS)
    mount = f"mount -t overlay overlay -o lowerdir={shlex.quote(str(etc))}:/etc /etc"
    begin = f'{mount} && exec {shlex.quote(str(codex.executable))} "$@"'
    wrapper.write_text(f'#!/bin/sh\nexec unshare --mount sh -c {shlex.quote(begin)} codex "$@"\n')
    wrapper.chmod(0o700)
    if subprocess.run([wrapper, "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("a file system cannot be mounted here")
    codex.executable = wrapper
    return codex


async def touching(codex: Codex, asker: Asker | None, mode: str = "accept_edits") -> Ran:
    """Run a turn with a command that the administrator named; whatever the policy allows, it is not this one."""
    codex.model.reply(call("exec_command", cmd="touch made.txt")).reply(text("Done."))
    policy = PolicyGuard(allow=["Bash(touch *)"])
    async with codex.session(can_use_tool=asker, permission_mode=mode, policy=policy) as session:
        return await run(session, "Make it.")


async def test_a_person_is_asked_each_time_and_no_rule_allows_it(managed: Codex) -> None:
    for _ in range(2):
        asker = Asker([Allow("session")])
        await touching(managed, asker)
        [request] = asker.requests
        assert request.raw["kind"] == "humanCommand"
        assert request.requires_person
        assert request.reason is not None
        assert "Somebody looks." in request.reason
        assert [option.id for option in request.options] == ["allow", "deny", "deny_stop"]
    assert managed.exists("made.txt")


@pytest.mark.parametrize("asker", [Asker([Deny()]), None], ids=["denied", "nobody there"])
async def test_it_does_not_run_when_nobody_allows_it(managed: Codex, asker: Asker | None) -> None:
    ran = await touching(managed, asker)
    [resolved] = ran.all(RequestResolved)
    assert resolved.outcome == "denied"
    assert ran.result.permission_denials
    assert not managed.exists("made.txt")


async def test_it_does_not_run_where_nobody_is_ever_asked(managed: Codex) -> None:
    ran = await touching(managed, Asker(), mode="bypass")
    assert not ran.all(RequestResolved)
    assert not managed.exists("made.txt")
