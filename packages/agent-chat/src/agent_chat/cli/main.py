"""The command line of `agent-sdk`. Commands import what they need when they run, so that `--help` is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from agent_chat import __version__
from agent_chat.exits import ExitCode

HELP_MODE = (
    "How much the agent may do unasked: default, accept_edits, plan, auto, dont_ask, bypass, or inherit from its own "
    "configuration; absent: as configured, else default."
)

app = typer.Typer(
    name="agent-sdk",
    help="One command for coding agents: run one on a prompt, or see a demonstration.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

schema = typer.Typer(name="schema", help="The protocol that an agent speaks.", rich_markup_mode=None)
app.add_typer(schema)
sessions = typer.Typer(name="sessions", help="The sessions that an agent has stored.", rich_markup_mode=None)
app.add_typer(sessions)

policy = typer.Typer(name="policy", help="Rules for what an agent may do.", rich_markup_mode=None)
app.add_typer(policy)

PolicyFile = Annotated[
    str | None, typer.Option("--policy", metavar="FILE", help="A policy file; absent: what is configured.")
]
PolicyFolder = Annotated[
    str | None, typer.Option("--cwd", "-C", metavar="DIR", help="The folder to judge from; absent: this one.")
]

Backend = Annotated[
    str | None,
    typer.Option("--backend", "-b", metavar="NAME", help="The agent: claude or codex; absent: as configured."),
]
Json = Annotated[bool, typer.Option("--json", help="Print every message as one line of JSON, and nothing else.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the details of an error.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"agent-sdk {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """One command for coding agents: run one on a prompt, or see a demonstration."""


@app.command()
def run(
    prompt: Annotated[
        str | None, typer.Argument(metavar="PROMPT", help="What to do; absent or '-': read from standard input.")
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option("--backend", "-b", metavar="NAME", help="The agent: claude or codex; absent: as configured."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="MODEL", help="The model, by the agent's own name.")
    ] = None,
    effort: Annotated[
        str | None,
        typer.Option(
            "--effort", "-e", metavar="EFFORT", help="How much the model reasons, such as low, medium or high."
        ),
    ] = None,
    cwd: Annotated[str | None, typer.Option("--cwd", "-C", metavar="FOLDER", help="The folder to work in.")] = None,
    permission_mode: Annotated[str | None, typer.Option("--permission-mode", metavar="MODE", help=HELP_MODE)] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="ID", help="Go on with the session of this id.")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="SECONDS", help="Interrupt the turn after so many seconds; exits with 124."),
    ] = None,
    fail_on_denied: Annotated[
        bool, typer.Option("--fail-on-denied", help="Exit with 4 if something that the agent wanted was denied.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Run an agent on a prompt; it asks before it acts.

    It runs with your own login, and with what is configured.

    Exits with 0 if the turn completed, 1 if it failed, 2 if the command line cannot be followed, 3 if the agent is not
    logged in, 4 with --fail-on-denied if something was denied, 124 after --timeout, 130 if it was interrupted.
    """

    def start() -> int:
        from agent_chat.cli.run import run_prompt
        from agent_chat.settings import RunSettings

        settings = RunSettings(backend, model, cwd, permission_mode, resume, effort)
        return run_prompt(prompt, settings, as_json=json, timeout=timeout, fail_on_denied=fail_on_denied)

    _finish(start, debug=debug)


@app.command()
def demo(
    backend: Annotated[
        str | None, typer.Option("--backend", "-b", metavar="NAME", help="Play with this agent alone, such as codex.")
    ] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Answer the approvals yourself instead of by script.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the agents at the same task; needs no key.

    The agents are the real ones, the model that they ask is scripted and on this machine.
    """

    def start() -> int:
        from agent_chat.cli.demo import run_demo

        return run_demo(backend, interactive=interactive, as_json=json)

    _finish(start, debug=debug)


@app.command()
def replay(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE…", help="Wire logs, as a backend with wire_log=WireLog(…) writes.")
    ],
    backend: Annotated[
        str, typer.Option("--backend", "-b", metavar="NAME", help="The agent whose wire was recorded.")
    ] = "codex",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show a recorded wire log as the conversation it was."""

    def start() -> int:
        from pathlib import Path

        from agent_chat.cli.replay import replay_logs

        return replay_logs(backend, [Path(file) for file in files], as_json=json)

    _finish(start, debug=debug)


@app.command()
def config(
    cwd: Annotated[
        str | None,
        typer.Option(
            "--cwd", "-C", metavar="FOLDER", help="The folder whose .agent-sdk.toml counts; absent: this one."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the configuration as one JSON object.")] = False,
    debug: Debug = False,
) -> None:
    """Show what is configured, and where each value comes from."""

    def start() -> int:
        from agent_chat.cli.config import show_config

        return show_config(cwd, as_json=json)

    _finish(start, debug=debug, failure=ExitCode.USAGE)


@app.command()
def doctor(
    backend: Annotated[
        str | None,
        typer.Option(
            "--backend", "-b", metavar="NAME", help="The agent to look at, such as codex; absent: all of them."
        ),
    ] = None,
    cwd: Annotated[
        str | None,
        typer.Option(
            "--cwd", "-C", metavar="FOLDER", help="The folder whose .agent-sdk.toml counts; absent: this one."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was found as one JSON object.")] = False,
    debug: Debug = False,
) -> None:
    """Say whether each agent can be used, and what to do if not.

    It starts each agent as a session would, and asks it for its version and its login.
    Exits with 0 if the agent that would be used can be used, 1 if it or the configuration needs attention, 2 if the
    command line cannot be followed.
    """

    def start() -> int:
        from agent_chat.cli.doctor import run_doctor

        return run_doctor(backend, cwd, as_json=json)

    _finish(start, debug=debug)


@app.command()
def models(
    backend: Backend = None,
    json: Annotated[bool, typer.Option("--json", help="Print every model as one line of JSON.")] = False,
    debug: Debug = False,
) -> None:
    """List the models that an agent offers you."""

    def start() -> int:
        from agent_chat.cli.models import show_models

        return show_models(backend, as_json=json)

    _finish(start, debug=debug)


@sessions.command(name="list")
def list_(
    backend: Backend = None,
    cwd: Annotated[
        str | None, typer.Option("--cwd", "-C", metavar="FOLDER", help="Only those of this folder; absent: all.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="NUMBER", help="How many at most.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="Print every session as one line of JSON.")] = False,
    debug: Debug = False,
) -> None:
    """List the stored sessions, newest first."""

    def start() -> int:
        from agent_chat.cli.sessions import list_sessions

        return list_sessions(backend, cwd, limit=limit, as_json=json)

    _finish(start, debug=debug)


@sessions.command()
def show(
    session_id: Annotated[str, typer.Argument(metavar="ID", help="The session, as `sessions list` names it.")],
    backend: Backend = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what was said in a stored session."""

    def start() -> int:
        from agent_chat.cli.sessions import show_session

        return show_session(backend, session_id, as_json=json)

    _finish(start, debug=debug)


@schema.command()
def check(
    codex: Annotated[
        str | None, typer.Option("--codex", metavar="PATH", help="The codex to look at; absent: the one that is used.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as one JSON object.")] = False,
    debug: Debug = False,
) -> None:
    """Compare the protocol of an installed codex with the one that this SDK was made for.

    Exits with 0 if it works, 1 if something that is used is gone or changed, 2 if it could not be compared.
    """

    def start() -> int:
        from agent_chat.cli.schema import check_schema

        return check_schema("codex", codex, as_json=json)

    _finish(start, debug=debug, failure=ExitCode.USAGE)


@policy.command()
def explain(
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="The tool, such as Bash, Edit or mcp__server__tool.")],
    text: Annotated[str, typer.Argument(metavar="INPUT", help="Its input in JSON; for Bash the command itself.")],
    policy: PolicyFile = None,
    cwd: PolicyFolder = None,
    json: Annotated[bool, typer.Option("--json", help="Print the object in one line.")] = False,
    debug: Debug = False,
) -> None:
    """Say what the policy decides about one tool call, and by which rule; nothing runs.

    Exits with 0 if it is allowed, 10 if a person is asked, 11 if it is denied.
    """

    def start() -> int:
        from agent_chat.cli.policy import explain

        return explain(tool, text, policy=policy, cwd=cwd, as_json=json)

    _finish(start, debug=debug, failure=ExitCode.USAGE)


@policy.command("check")
def check_policy(
    policy: PolicyFile = None,
    cwd: PolicyFolder = None,
    json: Annotated[bool, typer.Option("--json", help="Print the rules as one JSON object.")] = False,
    debug: Debug = False,
) -> None:
    """Check the files that hold the policy, and show its rules.

    Exits with 0 if all of them can be used, 2 if one cannot.
    """

    def start() -> int:
        from agent_chat.cli.policy import check

        return check(policy=policy, cwd=cwd, as_json=json)

    _finish(start, debug=debug, failure=ExitCode.USAGE)


def main() -> NoReturn:
    """Run the command line and exit."""
    try:
        code = app(args=sys.argv[1:] or ["--help"], standalone_mode=False)
    except TyperException as error:
        code = _complain(error.format_message(), ExitCode.USAGE)
    sys.exit(code if isinstance(code, int) else ExitCode.OK)


def _finish(start: Callable[[], int], *, debug: bool, failure: ExitCode = ExitCode.ERROR) -> NoReturn:
    """Run a command and exit with its code, or `failure`; what goes wrong is one sentence, details are for `debug`."""
    from agent_chat.settings import UsageError
    from agent_sdk_core.errors import AgentError, AuthenticationError

    try:
        code = start()
    except UsageError as error:
        code = _complain(str(error), ExitCode.USAGE)
    except BrokenPipeError:
        _abandon_stdout()
        code = ExitCode.BROKEN_PIPE
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except AgentError as error:
        code = ExitCode.NOT_LOGGED_IN if isinstance(error, AuthenticationError) else failure
        code = _complain(f"{error.message} [{error.code}]", code)
        if debug:
            _show_details(error)
    except Exception as error:
        code = _complain(f"unexpected {type(error).__name__}: {error} (--debug shows where)", failure)
        if debug:
            _show_details(error)
    raise typer.Exit(code)


def _complain(sentence: str, code: ExitCode) -> ExitCode:
    from agent_chat.transcript.sanitize import clean

    with suppress(OSError, ValueError):
        sys.stderr.write(f"agent-sdk: {clean(sentence).strip()}\n")
        sys.stderr.flush()
    return code


def _show_details(error: Exception) -> None:
    import traceback

    with suppress(OSError, ValueError):
        traceback.print_exception(error, file=sys.stderr)
        for name, value in getattr(error, "details", {}).items():
            sys.stderr.write(f"{name}: {value!r}\n")


def _abandon_stdout() -> None:
    """Point stdout elsewhere, so that the interpreter does not complain when it flushes it at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
