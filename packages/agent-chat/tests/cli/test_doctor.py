from __future__ import annotations

import io
import json
import pwd
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Never

import anyio
import pytest
from rich.console import Console

from agent_chat.cli import doctor
from agent_chat.terminal.checkups import Checkup, plain_checkup, print_checkup
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.interfaces.diagnosis import Diagnosis, Problem, ProtocolDrift

Command = Callable[..., tuple[int, str, str]]

FINE = Diagnosis(
    "codex",
    "/opt/codex",
    "1.2.3",
    "1.0.0 to 1.2.3",
    within_tested_range=True,
    login="API key",
    logged_in=True,
    drift=ProtocolDrift("1.2.3", "1.2.3"),
)
ABSENT = Diagnosis(
    "claude",
    incomparable="nothing is there to compare",
    problems=(Problem("It was not found.", "Install it.", code="executable_not_found"),),
)
STRANGER = Diagnosis("mini", "/opt/mini", incomparable="the mini backend cannot compare protocols")
TROUBLED = Diagnosis(
    "codex",
    "/opt/codex",
    "9.0.0",
    "1.2.3",
    within_tested_range=False,
    incomparable="It would not say",
    problems=(Problem("It is new.", "Take care.", "warning"), Problem("It is \x1b[1mbroken.", "Mend it.")),
)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Diagnosis]:
    """What the agents are found to be, by name."""
    agents = {"claude": ABSENT, "codex": FINE}
    together = anyio.Event()
    looked: list[str] = []

    async def diagnose(name: str, *, config: RuntimeConfig) -> Diagnosis:
        looked.append(name)
        if len(looked) == len(agents):
            together.set()
        if names() == tuple(sorted(looked)):
            with anyio.fail_after(30):
                await together.wait()
        return agents[name]

    def names(config: RuntimeConfig | None = None) -> tuple[str, ...]:
        del config
        return tuple(sorted(agents))

    monkeypatch.setattr(doctor, "diagnose_backend", diagnose)
    monkeypatch.setattr(RuntimeConfig, "names", names)
    monkeypatch.chdir(tmp_path)
    return agents


def test_an_agent_that_is_not_installed_and_not_used_is_no_trouble(
    command: Command, found: dict[str, Diagnosis]
) -> None:
    code, out, err = command("doctor")
    assert (code, err) == (0, "")
    assert out.splitlines()[:9] == [
        "claude: not installed",
        "  note: It was not found. Install it.",
        "",
        "codex 1.2.3: ready",
        "  Executable  /opt/codex",
        "  Login       API key",
        "  Tested      yes; tested with 1.0.0 to 1.2.3",
        "  Protocol    the one that this SDK was made for",
        "",
    ]
    assert "  Agent       codex, when no other is named (default)\n" in out
    assert out.endswith('\nReady: agent-sdk run "what is this project about?"\n')


def test_the_one_that_is_asked_about_decides(command: Command, found: dict[str, Diagnosis]) -> None:
    code, out, _ = command("doctor", "--backend", "Claude")
    assert code == 1
    assert "codex 1.2.3" not in out
    assert out.endswith("\nclaude needs attention first.\n")
    found["claude"] = Diagnosis("claude", "/opt/claude")
    code, out, _ = command("doctor", "--backend", "claude")
    assert code == 0
    assert out.endswith('\nReady: agent-sdk run --backend claude "what is this project about?"\n')


def test_the_one_that_would_be_used_decides(command: Command, found: dict[str, Diagnosis]) -> None:
    found["codex"], found["claude"] = TROUBLED, Diagnosis("claude", "/opt/claude")
    code, out, _ = command("doctor")
    assert code == 1
    assert "codex 9.0.0: needs attention" in out
    assert "  Tested      no; tested with 1.2.3\n  Protocol    not compared: It would not say\n" in out
    assert "  warning: It is new. Take care.\n  error: It is \\x1b[1mbroken. Mend it.\n" in out
    hint = "or use the other one: agent-sdk run --backend claude …"
    assert out.endswith(f"\ncodex would be used, and needs attention first; {hint}.\n")


def test_a_wrong_configuration_is_a_finding(command: Command, found: dict[str, Diagnosis], tmp_path: Path) -> None:
    (tmp_path / ".agent-sdk.toml").write_text('modle = "x"\n', encoding="utf-8")
    code, out, _ = command("doctor")
    assert code == 1
    assert f"  error: {tmp_path}/.agent-sdk.toml, line 1: " in out
    assert out.endswith("\nThe configuration is wrong; nothing runs until it is corrected.\n")
    code, out, _ = command("doctor", "--json")
    assert code == 1
    assert "modle" in json.loads(out)["configuration"]["problem"]


def test_a_user_without_a_home_is_told_what_to_set(
    command: Command, found: dict[str, Diagnosis], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(uid: int) -> Never:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("HOME", "XDG_CONFIG_HOME", "AGENT_SDK_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    code, out, err = command("doctor")
    assert (code, err) == (1, "")
    assert "Configuration\n  error: This user has no home directory: the variable HOME is not set" in out
    code, out, err = command("config")
    assert (code, out) == (2, "")
    assert err.startswith("agent-sdk: This user has no home directory")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(("--backend", "frob"), "No backend is called 'frob'"), (("--cwd", "/no/such"), "/no/such is not a folder.")],
)
def test_what_cannot_be_looked_at_is_a_usage_error(
    command: Command, found: dict[str, Diagnosis], arguments: tuple[str, ...], sentence: str
) -> None:
    code, out, err = command("doctor", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"agent-sdk: {sentence}")


def test_json_has_everything(command: Command, found: dict[str, Diagnosis], tmp_path: Path) -> None:
    code, out, err = command("doctor", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert (told["ok"], told["chosen"]) == (True, "codex")
    assert set(told) == {"ok", "chosen", "agents", "configuration", "versions", "telemetry"}
    assert set(told["versions"]) == {"agent_sdk", "python", "platform"}
    claude, codex = told["agents"]
    assert (claude["backend"], claude["status"], claude["usable"], claude["drift"]) == (
        "claude",
        "missing",
        False,
        None,
    )
    assert claude["problems"] == [
        {
            "what": "It was not found.",
            "advice": "Install it.",
            "severity": "error",
            "code": "executable_not_found",
        }
    ]
    assert codex["drift"]["verdict"] == "same"
    assert codex["drift"]["runs"] is True
    assert set(codex) == {
        *("backend", "status", "usable", "executable", "version", "tested", "within_tested_range"),
        *("login", "logged_in", "drift", "incomparable", "problems"),
    }
    assert set(told["telemetry"]) == {"metrics", "errors"}
    workspace = told["configuration"]["files"][-1]
    assert workspace == {"kind": "workspace", "path": str(tmp_path / ".agent-sdk.toml"), "exists": False}


def shown(checkup: Checkup, width: int = 60) -> list[str]:
    out = io.StringIO()
    print_checkup(Console(file=out, width=width, force_terminal=True, color_system=None), checkup)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_terminal_shows_marks_and_what_to_do() -> None:
    lines = shown(Checkup((ABSENT, STRANGER, TROUBLED), "codex", RuntimeConfig()))
    assert lines[:3] == ["○ claude  not installed", "  ○ It was not found.", "    → Install it."]
    assert "✓ mini  ready" in lines
    assert "✗ codex 9.0.0  needs attention" in lines
    assert "  ! It is new." in lines
    assert "  ✗ It is \\x1b[1mbroken." in lines
    assert all(len(line) <= 60 for line in lines)


@pytest.mark.parametrize(
    ("checkup", "verdict"),
    [
        (Checkup((), None, RuntimeConfig()), "No agent is installed: "),
        (Checkup((FINE,), None, RuntimeConfig()), "Which agent is to be used is not clear: "),
        (Checkup((FINE,), "codex", RuntimeConfig(), "It is wrong."), "The configuration is wrong; "),
        (Checkup((TROUBLED,), "codex", RuntimeConfig()), "codex would be used, and needs attention first."),
    ],
)
def test_the_last_line_says_what_follows(checkup: Checkup, verdict: str) -> None:
    *_, last = plain_checkup(checkup)
    assert last.startswith(verdict)
    assert not checkup.well
    assert any(verdict[:20] in line for line in shown(checkup))


def test_a_terminal_sees_that_something_is_going_on(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, Diagnosis], capsys: pytest.CaptureFixture[str]
) -> None:
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    screen, err = Tty(), Tty()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", err)
    assert doctor.run_doctor(None, None, as_json=False) == 0
    assert "Looking at claude and codex …" in err.getvalue()
    assert "✓ codex 1.2.3" in _plain(screen.getvalue())


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def test_the_real_agents_are_looked_at(
    command_env: dict[str, str], codex_env: dict[str, str], tmp_path: Path, terminal: Callable[..., Any]
) -> None:
    names = ("CODEX_HOME", "HOME", "CODEX_APP_SERVER_DISABLE_MANAGED_CONFIG")
    env = {name: codex_env[name] for name in names}
    screen = terminal("doctor", "--backend", "codex", env=env)
    screen.expect("codex 0.")
    screen.expect("ready")
    screen.expect("none needed")
    screen.expect("Ready: agent-sdk run")
    assert screen.wait() == 0
