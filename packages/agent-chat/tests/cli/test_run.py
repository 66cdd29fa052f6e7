from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import typer

from agent_chat import settings
from agent_chat.cli.main import app
from agent_chat.terminal import conversation
from agent_sdk_core.asking.permissions import Allow, PermissionRequest
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.errors import (
    AgentError,
    ExecutableNotFoundError,
    InvalidRequestError,
    SpawnError,
    UnsupportedOptionError,
)
from agent_sdk_core.interfaces.account import Account
from agent_sdk_core.interfaces.diagnosis import Diagnosis, Problem

HINT = "Nobody can be asked here; run it on a terminal, or choose what it may do with --permission-mode."
UNSURE = "Try again; if it fails in the same way, say it in another way."
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch, wire: Any, fake_backend: Any) -> Any:
    """The backend that the command finds; it asks for a command, then says what came of it."""

    async def script(session: Any) -> AsyncIterator[Any]:
        yield wire.use("t", "Bash", {"command": "make"})
        answer = await session.ask(PermissionRequest("Bash", {"command": "make"}, "r", "session-1"))
        yield wire.done("t", "made" if isinstance(answer, Allow) else "refused", error=not isinstance(answer, Allow))
        yield wire.text("m", "all done")
        yield wire.result()

    made = fake_backend(script)

    def open_backend(name: str | None, config: RuntimeConfig) -> Any:
        made.name = name
        return made

    monkeypatch.setattr(settings, "open_backend", open_backend)
    return made


def test_a_run_in_a_pipe_prints_plain_text_denies_and_says_how_to_resume(command: Command, backend: Any) -> None:
    code, out, err = command("run", "--backend", "fake", "do it")
    assert code == 0
    assert out == "$ make\n  refused\n  [failed]\n\nall done\n\n[completed · 1.5 s]\n"
    assert err.splitlines() == [
        f"agent-sdk: warning: denied: Bash make. {HINT}",
        "To go on: agent-sdk run --backend fake --resume session-1 PROMPT",
    ]
    assert backend.opened[0].prompts == ["do it"]
    assert backend.name == "fake"


def test_a_tool_is_given_by_its_name(command: Command, backend: Any) -> None:
    assert command("run", "--backend", "codex", "--tool", "shell", "do it")[0] == 0
    [registry] = backend.opened[0].options.registries
    assert registry.names == ("mcp__tools__shell",)
    code, _, err = command("run", "--backend", "codex", "--tool", "shel", "do it")
    assert (code, "No tool is installed as 'shel'; 'shell' is." in err) == (2, True)


def test_json_prints_messages_and_nothing_else(command: Command, backend: Any) -> None:
    code, out, err = command("run", "--json", "do it")
    assert code == 0
    assert [json.loads(line)["type"] for line in out.splitlines()] == ["assistant", "user", "assistant", "result"]
    assert "denied" in err


def test_options_reach_the_session(command: Command, backend: Any, tmp_path: Any) -> None:
    where = ("--cwd", str(tmp_path), "--model", "m", "--resume", "old", "--permission-mode", "plan")
    assert command("run", *where, "go")[0] == 0
    options = backend.opened[0].options
    assert (options.cwd, options.model, options.resume, options.permission_mode) == (str(tmp_path), "m", "old", "plan")


def test_what_is_configured_reaches_the_session_and_the_command_line_beats_it(
    command: Command, backend: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_SDK_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text('model = "mine"\npermission_mode = "plan"\n', encoding="utf-8")
    (tmp_path / ".agent-sdk.toml").write_text('model = "theirs"\nreasoning_effort = "low"\n', encoding="utf-8")
    assert command("run", "--cwd", str(tmp_path), "go")[0] == 0
    assert command("run", "--cwd", str(tmp_path), "--model", "n", "--permission-mode", "auto", "go")[0] == 0
    found = [(opened.options.model, opened.options.permission_mode) for opened in backend.opened]
    assert found == [("theirs", "plan"), ("n", "auto")]
    assert backend.opened[0].options.reasoning_effort == "low"


def test_a_configuration_that_is_wrong_is_one_sentence_and_exit_code_2(
    command: Command, backend: Any, tmp_path: Any
) -> None:
    (tmp_path / ".agent-sdk.toml").write_text('permission_mode = "bypass"\n', encoding="utf-8")
    code, out, err = command("run", "--cwd", str(tmp_path), "go")
    assert (code, out) == (2, "")
    assert err.startswith(
        f"agent-sdk: {tmp_path}/.agent-sdk.toml, line 1: a workspace file may not set permission_mode: "
    )
    assert err.count("\n") == 1
    assert backend.opened == []


@pytest.mark.parametrize("arguments", [("run",), ("run", "-")])
def test_the_prompt_can_be_piped_in(command: Command, backend: Any, arguments: tuple[str, ...]) -> None:
    assert command(*arguments, piped="from the pipe\n")[0] == 0
    assert backend.opened[0].prompts == ["from the pipe\n"]


@pytest.mark.parametrize("arguments", [("run",), ("run", " ")])
def test_an_empty_prompt_is_a_usage_error(command: Command, arguments: tuple[str, ...]) -> None:
    code, out, err = command(*arguments, piped=" \n")
    assert (code, out) == (2, "")
    assert err.startswith("agent-sdk: There is no prompt: say what to do")
    assert err.count("\n") == 1


def test_without_standard_input_there_is_no_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    from agent_chat.cli.run import read_prompt

    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(settings.UsageError):
        read_prompt(None)


def test_a_failed_turn_exits_1_and_json_tells_why_on_stderr(command: Command, backend: Any, wire: Any) -> None:
    async def script(session: Any) -> AsyncIterator[Any]:
        yield wire.result(subtype="error_during_execution", is_error=True, errors=["it broke"], error_code="boom")

    backend.script = script
    backend.resumable = False
    assert command("run", "go") == (1, f"error: it broke\n{UNSURE}\n[failed · 1.5 s]\n", "")
    code, _, err = command("run", "--json", "go")
    assert (code, err) == (1, "agent-sdk: error: it broke [boom]\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "--frob", "x"), "No such option: --frob; `agent-sdk run --help` shows those that there are."),
        (("chats", "list", "--frob"), "No such option: --frob; `agent-sdk chats list --help` shows"),
        (("frob",), "No such command 'frob'; there are: run, chat, demo, "),
        (("chats", "frob"), "No such command 'frob'; there are: list, show, "),
        (("rum",), "No such command 'rum'. Did you mean 'run'?"),
        (("run", "--cwd", "/no/such/folder", "x"), "/no/such/folder is not a folder."),
        (("run", "--cwd", "x" * 5000, "x"), f"The folder '{'x' * 100}…' cannot be found: File name too long."),
        (("run", "--cwd", "~no-such-user/x", "x"), f"{Path.cwd()}/~no-such-user/x is not a folder."),
        (("run", "--permission-mode", "yolo", "x"), "There is no permission mode 'yolo'; choose one of default, "),
        (("run", "--permission-mode", "plann", "x"), "There is no permission mode 'plann'; did you mean 'plan'?"),
        (("run", "--timeout", "abc", "x"), "--timeout takes a number, not 'abc'."),
        (("run", "--timeout", "", "x"), "--timeout takes a number, not ''."),
        (("sessions", "list", "--limit", "nan"), "--limit takes a whole number, not 'nan'."),
        (("sessions", "list", "--limit", "0"), "--limit takes a number that is at least 1, not '0'."),
        (("chats", "list", "--limit", "1" * 5000), f"--limit takes a whole number, not '{'1' * 100}…'."),
        (("chats", "list", "--limit", "1" * 30), f"--limit takes a number that is at most 100000, not '{'1' * 30}'."),
        (("chats", "show", "x", "--limit", "1.5"), "--limit takes a whole number, not '1.5'."),
        (("chats", "import", "-b", "codex", "--limit", "-1"), "--limit takes a number that is at least 1, not '-1'."),
        (("serve", "--port", "70000"), "--port takes a number that is at most 65535, not '70000'."),
        (("chats",), "Missing command: name one of list, show, "),
        (("policy", "check", "--policy", "~no-such-user/x"), "~no-such-user/x: there is no such file"),
        (("run", "--backend", "frob", "x"), "No backend is called 'frob'"),
        (("demo", "--interactive"), "--interactive asks on a terminal, and there is none; run the demo without it."),
    ],
)
def test_what_cannot_be_followed_is_one_sentence_and_exit_code_2(
    command: Command, arguments: tuple[str, ...], sentence: str
) -> None:
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"agent-sdk: {sentence}")
    assert err.count("\n") == 1


def test_an_agent_that_is_not_there_is_one_sentence_and_exit_code_1(command: Command, backend: Any) -> None:
    async def missing() -> None:
        raise ExecutableNotFoundError("codex is not installed.", details={"looked": "everywhere"})

    backend.start = missing
    assert command("run", "x") == (1, "", "agent-sdk: codex is not installed. [executable_not_found]\n")
    code, _, err = command("run", "--debug", "x")
    assert code == 1
    assert "Traceback" in err
    assert "looked: 'everywhere'\n" in err


@pytest.mark.parametrize("error", [InvalidRequestError, UnsupportedOptionError])
def test_what_the_agent_cannot_be_asked_for_is_the_command_lines_fault(
    command: Command, backend: Any, monkeypatch: pytest.MonkeyPatch, error: type[AgentError]
) -> None:
    def create_session(options: Any) -> Any:
        raise error(f"There is no reasoning effort {options.reasoning_effort!r}; did you mean 'high'?")

    monkeypatch.setattr(backend, "create_session", create_session)
    code, out, err = command("run", "--effort", "hig", "x")
    sentence = "There is no reasoning effort 'hig'; did you mean 'high'?"
    assert (code, out, err) == (2, "", f"agent-sdk: {sentence} [{error.default_code}]\n")


def test_an_unexpected_error_is_a_sentence_too(command: Command, backend: Any) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("oops")

    backend.start = broken
    code, _, err = command("run", "x")
    assert (code, err) == (1, "agent-sdk: unexpected ZeroDivisionError: oops (--debug shows where)\n")
    assert "Traceback" in command("run", "--debug", "x")[2]


def test_ctrl_c_before_anything_runs_is_no_traceback(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str | None, config: RuntimeConfig) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(settings, "open_backend", interrupted)
    assert command("run", "x") == (130, "", "")


def test_without_arguments_there_is_help_and_a_version_on_demand(command: Command) -> None:
    code, out, _ = command()
    assert code == 0
    assert "run" in out
    assert "demo" in out
    code, out, _ = command("--version")
    assert (code, out.split()[0]) == (0, "agent-sdk")


def helps(group: Any, *names: str) -> Iterator[tuple[str, ...]]:
    yield names
    for name, each in getattr(group, "commands", {}).items():
        yield from helps(each, *names, name)


@pytest.mark.parametrize("names", [*helps(typer.main.get_command(app))], ids=" ".join)
def test_help_is_whole_sentences_and_our_words(command: Command, names: tuple[str, ...]) -> None:
    code, out, _ = command(*names, "--help")
    assert code == 0
    assert "..." not in out.replace("COMMAND [ARGS]...", "")
    assert "<str>" not in out
    assert "list[" not in out
    assert command("help", *names) == (code, out, "")


def test_who_is_not_logged_in_is_told_where_to_look(command: Command, backend: Any, wire: Any) -> None:
    async def script(session: Any) -> AsyncIterator[Any]:
        failure = {"is_error": True, "errors": ["Not logged in"], "error_code": "authentication_failed"}
        yield wire.result(subtype="error_during_execution", **failure)

    backend.script = script
    backend.resumable = False
    code, _, err = command("run", "--backend", "fake", "go")
    assert (code, err) == (3, "agent-sdk: `agent-sdk doctor --backend fake` says how to log in.\n")
    assert command("run", "go")[2] == "agent-sdk: `agent-sdk doctor` says how to log in.\n"


def test_what_the_agent_has_said_about_its_failure_is_not_said_twice(command: Command, backend: Any, wire: Any) -> None:
    async def script(session: Any) -> AsyncIterator[Any]:
        yield wire.text("m", "The model is gone.")
        yield wire.result(subtype="error_during_execution", is_error=True, errors=["The model is gone."])

    backend.script = script
    code, out, _ = command("run", "go")
    assert (code, out) == (1, f"The model is gone.\n\n{UNSURE}\n[failed · 1.5 s]\n")


def test_a_turn_whose_time_is_over_is_interrupted_and_exits_124(command: Command, backend: Any, wire: Any) -> None:
    async def script(session: Any) -> AsyncIterator[Any]:
        await session.interrupted.wait()
        yield wire.result(subtype="error_during_execution", is_error=True, terminal_reason="aborted_streaming")

    backend.script = script
    code, out, err = command("run", "--timeout", "2", "go")
    assert (code, out) == (124, "[interrupted · 1.5 s]\n")
    assert "warning: interrupting: 2 s are over" in err


def test_an_agent_that_hears_no_interrupt_is_left(
    command: Command, backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(session: Any) -> AsyncIterator[Any]:
        session.deaf = True
        await anyio.sleep_forever()
        yield

    backend.script = script
    monkeypatch.setattr(conversation, "_INTERRUPT_SECONDS", 0.2)
    code, out, _ = command("run", "--timeout", "0.2", "go")
    assert (code, out) == (124, "")
    assert backend.closed


def test_an_agent_that_does_not_start_in_time_is_left(
    command: Command, backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "start", anyio.sleep_forever)
    assert command("run", "--timeout", "0.2", "go")[:2] == (124, "")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e999"])
def test_a_time_that_is_none_is_a_usage_error(command: Command, backend: Any, seconds: str) -> None:
    code, _, err = command("run", "--timeout", seconds, "go")
    assert code == 2
    assert "--timeout takes a number of seconds greater than 0" in err


def test_a_turn_in_time_exits_as_ever(command: Command, backend: Any) -> None:
    assert command("run", "--timeout", "60", "go")[0] == 0


@pytest.mark.parametrize("told", ["resolved", "result", "both"])
def test_what_was_denied_can_fail_the_run(command: Command, backend: Any, wire: Any, told: str) -> None:
    async def script(session: Any) -> AsyncIterator[Any]:
        del session
        if told != "result":
            fields = {"request_id": "r", "kind": "permission", "outcome": "denied", "by": "callback"}
            yield wire.system("request_resolved", **fields)
        denials: list[Any] = [{"tool_name": "Bash", "tool_use_id": "t", "tool_input": {}}]
        yield wire.result(permission_denials=[] if told == "resolved" else denials)

    backend.script = script
    assert command("run", "go")[0] == 0
    code, _, err = command("run", "--fail-on-denied", "go")
    assert code == 4
    assert "error: 1 of the agent's requests were denied" in err


def test_nothing_denied_fails_nothing(command: Command, backend: Any, wire: Any) -> None:
    async def script(session: Any) -> AsyncIterator[Any]:
        del session
        yield wire.system("request_resolved", request_id="r", kind="permission", outcome="allowed", by="callback")
        yield wire.result()

    backend.script = script
    assert command("run", "--fail-on-denied", "go")[0] == 0


@pytest.mark.parametrize("opens", [True, False])
@pytest.mark.parametrize("found", [True, False])
def test_a_missing_login_is_told_before_a_turn_starts(
    command: Command, backend: Any, monkeypatch: pytest.MonkeyPatch, opens: bool, found: bool
) -> None:
    async def account() -> Account:
        if not opens:  # Until the opening has begun, which then never ends.
            await begun.wait()
        return Account("none", needs_login=True)

    async def diagnose() -> Diagnosis:
        advice = (Problem("Fake is not logged in.", "Log in with `fake login`.", code="not_logged_in"),)
        return Diagnosis("fake", problems=advice if found else ())

    def create_session(options: Any) -> Any:
        return stuck()

    async def stuck() -> None:
        begun.set()
        await anyio.sleep_forever()

    begun = anyio.Event()
    monkeypatch.setattr(backend, "account", account)
    monkeypatch.setattr(backend, "diagnose", diagnose)
    if not opens:
        monkeypatch.setattr(backend, "create_session", create_session)
    code, out, err = command("run", "go")
    assert (code, out) == (3, "")
    advice = (
        "Fake is not logged in. Log in with `fake login`." if found else "`agent-sdk doctor --backend fake` says how"
    )
    assert advice in err
    assert all(not opened.prompts and opened.closed for opened in backend.opened)
    assert backend.closed


def test_an_agent_that_is_logged_in_runs(command: Command, backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def account() -> Account:
        return Account("api_key", needs_login=False)

    monkeypatch.setattr(backend, "account", account)
    assert command("run", "go")[0] == 0


def test_a_session_that_does_not_open_is_told_whatever_the_login(
    command: Command, backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create_session(options: Any) -> Any:
        raise SpawnError("no processes left")

    monkeypatch.setattr(backend, "account", anyio.sleep_forever)
    monkeypatch.setattr(backend, "create_session", create_session)
    code, _, err = command("run", "go")
    assert code == 1
    assert "no processes left" in err


def test_a_login_that_is_refused_in_the_turn_exits_3(command: Command, backend: Any, wire: Any) -> None:
    async def script(session: Any) -> AsyncIterator[Any]:
        del session
        yield wire.result(
            subtype="error_during_execution", is_error=True, errors=["401"], error_code="authentication_failed"
        )

    backend.script = script
    assert command("run", "go")[0] == 3
