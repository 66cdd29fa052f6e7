from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_testing import FakeClaude, FakeControl
from claude_sdk.backend import ClaudeBackend
from claude_sdk.diagnosis import login_words
from claude_sdk.process import executable

pytestmark = pytest.mark.anyio

MakeBackend = Callable[..., ClaudeBackend]
KEY = {"tokenSource": "none", "apiKeySource": "ANTHROPIC_API_KEY", "apiProvider": "firstParty"}


@pytest.fixture
def account(fake: FakeClaude) -> Callable[..., None]:
    """Says which account the greeting tells."""

    def told(**fields: object) -> None:
        def greet(request: FakeControl) -> None:
            request.answer({**request.process.usual_payload(request), "account": fields})

        fake.on("initialize", greet)

    return told


@pytest.mark.parametrize(
    ("told", "words", "enough"),
    [
        (KEY, "API key (ANTHROPIC_API_KEY)", True),
        ({"tokenSource": "none", "apiProvider": "firstParty"}, "not logged in", False),
        ({"tokenSource": "ANTHROPIC_AUTH_TOKEN"}, "Claude account (ANTHROPIC_AUTH_TOKEN)", True),
        (
            {"tokenSource": "claude.ai", "apiKeySource": "none", "subscriptionType": "max", "email": "a@b.c"},
            "Claude account (claude.ai, max plan)",
            True,
        ),
        ({"apiProvider": "bedrock"}, "Amazon Bedrock", True),
        ({"apiProvider": "newer"}, "newer", True),
        ({}, "", None),
    ],
)
def test_the_login_is_told_in_words_and_without_a_name(told: dict[str, Any], words: str, enough: bool | None) -> None:
    assert login_words(told) == (words, enough)


async def test_one_that_works_is_told_in_full_and_nothing_is_left(
    fake: FakeClaude, make_backend: MakeBackend, account: Callable[..., None], config: Path
) -> None:
    account(**KEY)
    with anyio.fail_after(60):
        found = await make_backend().diagnose()
    assert (found.status, found.problems) == ("ok", ())
    assert found.executable == str(fake.executable)
    assert (found.version, found.tested, found.within_tested_range) == (
        fake.version,
        executable.tested_versions(),
        True,
    )
    assert (found.login, found.logged_in) == ("API key (ANTHROPIC_API_KEY)", True)
    assert found.drift is None
    assert found.incomparable.startswith("claude does not describe its protocol")
    assert list(config.iterdir()) == []


async def test_an_executable_that_is_not_there_is_missing_unless_it_was_named(
    make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert (await make_backend(executable=tmp_path / "claude").diagnose()).status == "error"
    by_variable = await make_backend(executable=None, env={"AGENT_SDK_CLAUDE_PATH": "/nowhere"}).diagnose()
    assert by_variable.status == "error"
    monkeypatch.setattr("agent_sdk_core.transport.process.executable.find_spec", dict[str, None]().get)
    nowhere = await make_backend(executable=None, env={"PATH": str(tmp_path)}).diagnose()
    assert nowhere.status == "missing"
    assert nowhere.problems[0].advice.startswith("Install it with ")


async def test_who_is_not_logged_in_is_told_how_to(
    fake: FakeClaude, make_backend: MakeBackend, account: Callable[..., None]
) -> None:
    account(tokenSource="none", apiProvider="firstParty")
    with anyio.fail_after(60):
        found = await make_backend().diagnose()
    assert (found.status, found.logged_in) == ("error", False)
    assert found.problems[0].advice == f"Log in with `{fake.executable} auth login`, or set ANTHROPIC_API_KEY."


async def test_one_that_hangs_is_given_up(fake: FakeClaude, make_backend: MakeBackend) -> None:
    fake.hold("initialize")
    with anyio.fail_after(60):
        found = await make_backend().diagnose(timeout=0.2)
    assert (found.status, found.problems[0].code, found.logged_in) == ("error", "startup_timeout", None)


@pytest.mark.parametrize(
    ("version", "status", "code"),
    [
        ("2.0.1", "error", "unsupported_version"),
        ("2.1.310", "warning", "untested_version"),
        (
            ".".join(map(str, (*executable.TESTED_VERSIONS[-1][:2], executable.TESTED_VERSIONS[-1][2] + 1))),
            "warning",
            "untested_version",
        ),
        ("9.0.0", "warning", "untested_version"),
    ],
)
async def test_versions_outside_of_the_tested_range(
    child_env: dict[str, str], version: str, status: str, code: str
) -> None:
    with FakeClaude(version=version) as fake, anyio.fail_after(60):
        found = await ClaudeBackend(executable=fake.executable, env=child_env).diagnose()
    assert (found.status, found.version, found.within_tested_range) == (status, version, False)
    assert [problem.code for problem in found.problems] == [code]


async def test_a_folder_in_which_no_session_can_be_stored_is_told(
    make_backend: MakeBackend, account: Callable[..., None], child_env: dict[str, str], tmp_path: Path
) -> None:
    account(**KEY)
    (tmp_path / "file").touch()
    env = {**child_env, "CLAUDE_CONFIG_DIR": str(tmp_path / "file" / "claude")}
    with anyio.fail_after(60):
        found = await make_backend(env=env).diagnose()
    assert found.status == "warning"
    [problem] = found.problems
    assert problem.code == "storage_unwritable"
    assert problem.what.endswith(f"nothing can be written to {tmp_path}/file: Not a directory.")


@pytest.mark.parametrize("content", ["{broken", "[]"])
async def test_settings_that_claude_ignores_without_a_word_are_told(
    make_backend: MakeBackend, config: Path, content: str
) -> None:
    (config / "settings.json").write_text(content)
    with anyio.fail_after(60):
        found = await make_backend().diagnose()
    assert (found.status, found.problems[0].code) == ("warning", "settings_invalid")
    assert str(config / "settings.json") in found.problems[0].what


async def test_settings_that_cannot_be_opened_are_told_and_good_ones_are_not(
    make_backend: MakeBackend, config: Path
) -> None:
    (config / "settings.json").mkdir()
    with anyio.fail_after(60):
        assert "Is a directory" in (await make_backend().diagnose()).problems[0].what
    (config / "settings.json").rmdir()
    (config / "settings.json").write_text("{}")
    with anyio.fail_after(60):
        assert (await make_backend().diagnose()).problems == ()
