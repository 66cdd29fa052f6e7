from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_core.errors import HandshakeError
from agent_sdk_core.interfaces.diagnosis import DriftVerdict, ProtocolDrift
from agent_sdk_testing import FakeCodex
from codex_sdk.backend import CodexBackend
from codex_sdk.diagnosis import login_words
from codex_sdk.drift import checking
from codex_sdk.process import executable
from codex_sdk.protocol.methods import VERSION

pytestmark = pytest.mark.anyio

MakeBackend = Callable[..., CodexBackend]
ACCOUNT = {"account": {"type": "apiKey"}, "requiresOpenaiAuth": True}


@pytest.fixture(autouse=True)
def protocol(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says what a comparison of protocols finds; left alone, that they are the same."""

    def found(verdict: DriftVerdict = "same", *problems: str, error: Exception | None = None) -> None:
        class Drift:
            def summary(self) -> ProtocolDrift:
                return ProtocolDrift(VERSION, VERSION, verdict, problems)

        async def check(executable: Path, *, timeout: float) -> Drift:
            if error is not None:
                raise error
            return Drift()

        monkeypatch.setattr(checking, "check", check)

    found()
    return found


@pytest.fixture
def logged_in(fake: FakeCodex) -> FakeCodex:
    fake.on("account/read", lambda request: request.answer(ACCOUNT))
    return fake


@pytest.mark.parametrize(
    ("answer", "words", "enough"),
    [
        ({"account": {"type": "apiKey"}}, "API key, stored by codex", True),
        ({"account": {"type": "chatgpt", "planType": "plus", "email": "a@b.c"}}, "ChatGPT account, plus plan", True),
        ({"account": {"type": "chatgpt", "planType": "unknown"}}, "ChatGPT account", True),
        ({"account": {"type": "amazonBedrock"}}, "Amazon Bedrock", True),
        ({"account": {"type": "newer"}}, "newer", True),
        ({"account": None, "requiresOpenaiAuth": True}, "not logged in", False),
        (
            {"account": None, "requiresOpenaiAuth": False},
            "none needed: the configured model provider has its own",
            True,
        ),
    ],
)
def test_the_login_is_told_in_words_and_without_a_name(answer: dict[str, Any], words: str, enough: bool) -> None:
    assert login_words(answer) == (words, enough)


async def test_one_that_works_is_told_in_full_and_nothing_is_left(
    logged_in: FakeCodex, make_backend: MakeBackend
) -> None:
    backend = make_backend()
    with anyio.fail_after(60):
        found = await backend.diagnose()
    assert (found.status, found.usable, found.problems) == ("ok", True, ())
    assert found.executable == str(logged_in.executable)
    assert (found.version, found.tested, found.within_tested_range) == (
        logged_in.version,
        executable.tested_versions(),
        True,
    )
    assert (found.login, found.logged_in) == ("API key, stored by codex", True)
    assert found.drift == ProtocolDrift(VERSION, VERSION)
    assert found.incomparable == ""
    assert backend.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(logged_in.pids[0], 0)


async def test_an_executable_that_is_not_there_is_missing_unless_it_was_named(
    make_backend: MakeBackend, child_env: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named = await make_backend(executable=tmp_path / "codex").diagnose()
    assert (named.status, named.executable) == ("error", None)
    by_variable = await make_backend(executable=None, env={"AGENT_SDK_CODEX_PATH": "/nowhere"}).diagnose()
    assert by_variable.status == "error"
    monkeypatch.setattr("agent_sdk_core.transport.process.executable.find_spec", dict[str, None]().get)
    nowhere = await make_backend(executable=None, env={"PATH": str(tmp_path)}).diagnose()
    assert nowhere.status == "missing"
    assert nowhere.problems[0].advice.startswith("Install it with ")


async def test_a_folder_in_which_no_session_can_be_stored_is_told(
    logged_in: FakeCodex, make_backend: MakeBackend, tmp_path: Path
) -> None:
    (tmp_path / "sessions").touch()
    logged_in.on(
        "initialize", lambda request: request.answer({**logged_in.usual_result(request), "codexHome": str(tmp_path)})
    )
    with anyio.fail_after(60):
        found = await make_backend().diagnose()
    assert found.status == "warning"
    [problem] = found.problems
    assert problem.code == "storage_unwritable"
    assert problem.what.endswith(f"nothing can be written to {tmp_path}/sessions: Not a directory.")


async def test_who_is_not_logged_in_is_told_how_to(fake: FakeCodex, make_backend: MakeBackend) -> None:
    fake.on("account/read", lambda request: request.answer({"account": None, "requiresOpenaiAuth": True}))
    with anyio.fail_after(60):
        found = await make_backend().diagnose()
    assert (found.status, found.logged_in) == ("error", False)
    assert found.problems[0].what == "Codex is not logged in."
    assert found.problems[0].advice == f"Log in with `{fake.executable} login`."


async def test_an_account_of_a_newer_codex_is_told_as_it_is(fake: FakeCodex, make_backend: MakeBackend) -> None:
    fake.on(
        "account/read", lambda request: request.answer({"account": {"type": "newer", "x": 1}, "requiresOpenaiAuth": 1})
    )
    with anyio.fail_after(60):
        found = await make_backend().diagnose()
    assert (found.login, found.logged_in, found.status) == ("newer", True, "ok")


async def test_a_codex_that_refuses_to_say_who_is_logged_in_has_a_problem(
    fake: FakeCodex, make_backend: MakeBackend
) -> None:
    fake.on("account/read", lambda request: request.refuse("the keyring is locked"))
    with anyio.fail_after(60):
        found = await make_backend().diagnose()
    assert (found.status, found.login, found.logged_in, found.version) == ("error", "", None, fake.version)
    assert "the keyring is locked" in found.problems[0].what
    assert found.problems[0].advice == f"Try `{fake.executable} app-server` by hand."


async def test_one_that_hangs_is_given_up(fake: FakeCodex, make_backend: MakeBackend) -> None:
    fake.hold("initialize")
    with anyio.fail_after(60):
        found = await make_backend().diagnose(timeout=0.2)
    assert (found.status, found.problems[0].code) == ("error", "startup_timeout")
    assert found.version == VERSION, "from the comparison of protocols"


@pytest.mark.parametrize(
    ("version", "verdict", "status", "code", "advice"),
    [
        ("0.100.0", "same", "error", "unsupported_version", "Install it with"),
        ("0.150.0", "reduced", "warning", "protocol_drift", "Install a tested version ("),
        ("9.0.0", "compatible", "warning", "untested_version", "Nothing that this SDK uses is gone or changed; should"),
    ],
)
async def test_versions_outside_of_the_tested_range(
    protocol: Callable[..., None],
    child_env: dict[str, str],
    version: str,
    verdict: DriftVerdict,
    status: str,
    code: str,
    advice: str,
) -> None:
    protocol(verdict, *(["thread/start (it is gone)"] if verdict == "reduced" else []))
    with FakeCodex(version=version) as fake, anyio.fail_after(60):
        fake.on("account/read", lambda request: request.answer(ACCOUNT))
        found = await CodexBackend(executable=fake.executable, env=child_env).diagnose()
    assert (found.status, found.version, found.within_tested_range) == (status, version, False)
    by_code = {problem.code: problem for problem in found.problems}
    assert by_code[code].advice.startswith(advice)


async def test_without_a_comparison_an_untested_version_gets_no_reassurance(
    protocol: Callable[..., None], child_env: dict[str, str]
) -> None:
    protocol(error=HandshakeError("It would not say. Ask again."))
    with FakeCodex(version="9.0.0") as fake, anyio.fail_after(60):
        fake.on("account/read", lambda request: request.answer(ACCOUNT))
        found = await CodexBackend(executable=fake.executable, env=child_env).diagnose()
    assert (found.drift, found.incomparable) == (None, "It would not say")
    assert found.problems[0].advice.startswith("Should something not work")


async def test_a_protocol_that_no_session_works_with_is_an_error(
    protocol: Callable[..., None], logged_in: FakeCodex, make_backend: MakeBackend
) -> None:
    protocol("incompatible", "a (gone)", "b (gone)", "c (gone)", "d (gone)")
    with anyio.fail_after(60):
        found = await make_backend().diagnose()
    assert found.status == "error"
    assert found.problems[0].what.endswith("so no session works: a (gone); b (gone); c (gone); and 1 more.")


def test_the_tested_versions_are_told_in_words() -> None:
    told = executable.tested_versions()
    assert re.findall(r"[\d.]+\d", told) == [".".join(map(str, version)) for version in executable.TESTED_VERSIONS]
