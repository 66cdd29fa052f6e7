"""The command line of `agent-sdk`. Commands import what they need when they run, so that `--help` is quick."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from agent_chat import __version__
from agent_chat.cli.chat_commands import chats
from agent_chat.cli.config_commands import config
from agent_chat.cli.ending import complain, finish, unwritten
from agent_chat.cli.fleet_commands import fleet as fleet_commands
from agent_chat.cli.option_values import refuse_empty_values
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

app.add_typer(chats)
app.add_typer(fleet_commands)
app.add_typer(config)
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
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Trust the folder, from now on: the project's settings, hooks and plug-ins apply."),
]
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
        str | None,
        typer.Option("--resume", metavar="ID", help="Go on with this session; without an id: choose one of the last."),
    ] = None,
    tool: Annotated[
        list[str] | None,
        typer.Option("--tool", metavar="NAME", help="Give it an installed tool, such as shell; may be repeated."),
    ] = None,
    trust: Trust = False,
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

    It runs with your own login, and with what is configured. What comes with a project, its settings, hooks and
    plug-ins, is read only where you trust its folder; on a terminal you are asked.

    Exits with 0 if the turn completed, 1 if it failed, 2 if the command line cannot be followed, 3 if the agent is not
    logged in, 4 with --fail-on-denied if something was denied, 5 if the output cannot be written, 124 after --timeout,
    130 if it was interrupted.
    """

    def start() -> int:
        from agent_chat.cli.run import run_prompt
        from agent_chat.settings import RunSettings

        settings = RunSettings(backend, model, cwd, permission_mode, resume, effort, tuple(tool or ()), trust)
        return run_prompt(prompt, settings, as_json=json, timeout=timeout, fail_on_denied=fail_on_denied)

    finish(start, debug=debug)


@app.command()
def chat(
    chat: Annotated[
        str | None,
        typer.Option("--chat", metavar="ID", help="Open this chat, by its id or the beginning of it."),
    ] = None,
    continue_: Annotated[
        bool, typer.Option("--continue", "-c", help="Open the last chat of this folder's project.")
    ] = False,
    new: Annotated[bool, typer.Option("--new", help="Begin a chat without asking which.")] = False,
    backend: Annotated[
        str | None,
        typer.Option(
            "--backend", "-b", metavar="NAME", help="The agent of new chats: claude or codex; absent: as configured."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="MODEL", help="The model of new chats, by the agent's own name."),
    ] = None,
    effort: Annotated[
        str | None, typer.Option("--effort", "-e", metavar="EFFORT", help="How much the model reasons in new chats.")
    ] = None,
    cwd: Annotated[str | None, typer.Option("--cwd", "-C", metavar="FOLDER", help="The folder to work in.")] = None,
    permission_mode: Annotated[
        str | None,
        typer.Option("--permission-mode", metavar="MODE", help="How much the agent of new chats may do unasked."),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store", metavar="URL", help="The store: a path or a URL; absent: as configured, else your own."
        ),
    ] = None,
    trust: Trust = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="Chat with the real agents and a scripted model; no key.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Chat with an agent; the chat is stored, and goes on another time.

    On a terminal one chooses among the chats of the project, types while the agent works, and answers what it asks;
    /help shows the commands. In a pipe each line of standard input is a prompt or a command, one after the other.

    Exits as `run` does, by the last turn; with 0 where a person leaves it.
    """
    name = chat

    def start() -> int:
        from agent_chat.cli.chat import ChatCommand, run_chat
        from agent_chat.settings import RunSettings

        settings = RunSettings(backend, model, cwd, permission_mode, effort=effort, trust=trust)
        return run_chat(ChatCommand(settings, name, last=continue_, new=new, store=store, demo=demo, as_json=json))

    finish(start, debug=debug)


@app.command()
def demo(
    backend: Annotated[
        str | None, typer.Option("--backend", "-b", metavar="NAME", help="Play with this agent alone, such as codex.")
    ] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Answer the approvals yourself instead of by script.")
    ] = False,
    fleet: Annotated[
        bool, typer.Option("--fleet", help="Show a fleet: two hosts on this machine, one of whose workers is killed.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the agents at the same task; needs no key.

    The agents are the real ones, the model that they ask is scripted and on this machine.
    """

    def start() -> int:
        if fleet:
            from agent_chat.cli.fleet_demo import run_fleet_demo

            return run_fleet_demo(backend, interactive=interactive, as_json=json)
        from agent_chat.cli.demo import run_demo

        return run_demo(backend, interactive=interactive, as_json=json)

    finish(start, debug=debug)


@app.command()
def serve(
    backend: Annotated[
        str | None,
        typer.Option("--backend", "-b", metavar="NAME", help="The agent of new chats; absent: as configured."),
    ] = None,
    cwd: Annotated[
        str | None, typer.Option("--cwd", "-C", metavar="FOLDER", help="The folder of new chats; absent: this one.")
    ] = None,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="NUMBER", min=0, max=65535, help="0: any free one.")] = 0,
    behind_proxy: Annotated[
        str | None,
        typer.Option("--behind-proxy", metavar="HOST", help="The host, with its port, of a proxy with TLS before it."),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Serve the real agents with a scripted model; no key.")] = False,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the link as one JSON object.")] = False,
    embed: Annotated[
        bool,
        typer.Option("--embed", help="Be held by a program: a token on stdout, the end with that of stdin."),
    ] = False,
    read_only: Annotated[bool, typer.Option("--read-only", help="Show chats; send and start nothing.")] = False,
    policy: Annotated[
        str | None,
        typer.Option("--policy", metavar="FILE", help="Rules for every chat, beside those that are configured."),
    ] = None,
    trust: Trust = False,
    debug: Debug = False,
) -> None:
    """Open the chats in a browser, until Ctrl-C.

    The server answers on this machine alone. The link that it prints works once; who opens it may use your agents.
    """

    def start() -> int:
        from agent_chat.cli.serve import ServeSettings, run_serve

        return run_serve(
            ServeSettings(
                backend,
                cwd,
                host,
                port,
                demo=demo,
                opens=not no_open,
                as_json=json,
                behind_proxy=behind_proxy,
                embed=embed,
                read_only=read_only,
                trust=trust,
                policy=policy,
            )
        )

    finish(start, debug=debug)


@app.command()
def acp(
    backend: Annotated[
        str | None,
        typer.Option("--backend", "-b", metavar="NAME", help="The agent of new sessions; absent: as configured."),
    ] = None,
    login: Annotated[bool, typer.Option("--login", help="Log in at the agent in this terminal, and end.")] = False,
    debug: Debug = False,
) -> None:
    """Serve an agent to an editor, or any other client of the Agent Client Protocol, over standard input and output.

    It ends when the client closes its input. The editor starts it; docs/editors.md has the few lines for each.
    """

    def start() -> int:
        from agent_chat.cli.acp import run_acp, run_login

        return run_login(backend) if login else run_acp(backend)

    finish(start, debug=debug)


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

    finish(start, debug=debug)


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

    finish(start, debug=debug)


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

    finish(start, debug=debug)


@sessions.command(name="list")
def list_(
    backend: Backend = None,
    cwd: Annotated[
        str | None, typer.Option("--cwd", "-C", metavar="FOLDER", help="Only those of this folder; absent: all.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="NUMBER", min=1, max=100_000, help="How many at most.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="Print every session as one line of JSON.")] = False,
    debug: Debug = False,
) -> None:
    """List the stored sessions, newest first."""

    def start() -> int:
        from agent_chat.cli.sessions import list_sessions

        return list_sessions(backend, cwd, limit=limit, as_json=json)

    finish(start, debug=debug)


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

    finish(start, debug=debug)


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

    finish(start, debug=debug, failure=ExitCode.USAGE)


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

    finish(start, debug=debug, failure=ExitCode.USAGE)


@policy.command("check")
def check_policy(
    policy: PolicyFile = None,
    cwd: PolicyFolder = None,
    json: Annotated[bool, typer.Option("--json", help="Print the rules as one JSON object.")] = False,
    debug: Debug = False,
) -> None:
    """Check the files that hold the policy, and show its rules.

    Exits with 0 if all of them can be used, also where one may cover nothing, of which it warns; 2 if one cannot.
    """

    def start() -> int:
        from agent_chat.cli.policy import check

        return check(policy=policy, cwd=cwd, as_json=json)

    finish(start, debug=debug, failure=ExitCode.USAGE)


refuse_empty_values(app)


def _arguments(given: list[str]) -> list[str]:
    if given[:1] == ["help"]:
        return [*given[1:], "--help"]
    if "--resume" not in given:
        return given or ["--help"]
    from agent_chat.cli.resuming import with_id_of_resume

    return with_id_of_resume(given)


def _log(levels: str, form: str) -> None:
    """Write what is logged to stderr, as the environment asks for."""
    from agent_chat.logs import configure_logging
    from agent_sdk_core.errors import InvalidRequestError

    try:
        configure_logging(levels, form=form)
    except InvalidRequestError as error:
        raise typer.Exit(complain(error.message, ExitCode.USAGE)) from None


def main() -> NoReturn:
    """Run the command line and exit."""
    arguments = _arguments(sys.argv[1:])
    code: object
    try:
        if levels := os.environ.get("AGENT_SDK_LOG"):
            _log(levels, os.environ.get("AGENT_SDK_LOG_FORMAT") or "console")
        code = app(args=arguments, standalone_mode=False)
    except typer.Exit as error:
        code = error.exit_code
    except TyperException as error:
        from agent_chat.cli.usage import wrong

        code = complain(wrong(error), ExitCode.USAGE)
    except OSError as error:  # Of `--help` and `--version`.
        if (code := unwritten(error)) is None:
            raise
    except SystemExit as error:  # What typer makes of a pipe that nobody reads.
        code = unwritten(error.__context__) if isinstance(error.__context__, BrokenPipeError) else error.code
    sys.exit(code if isinstance(code, int) else ExitCode.OK)
