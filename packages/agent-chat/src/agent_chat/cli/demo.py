"""The `demo` command: plays the same task with every agent that is there, and compares what they sent."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import anyio

from agent_chat.cli.stdio import is_screen, open_asker, open_view, question_console, write_progress
from agent_chat.demo import script
from agent_chat.demo.agents import AGENTS, DemoAgent
from agent_chat.demo.comparison import Emitted, compare
from agent_chat.demo.comparison_table import plain_comparison, print_comparison
from agent_chat.demo.ensemble import Ensemble, Part
from agent_chat.demo.recorder import Recorder
from agent_chat.demo.stage import ScriptedAnswers, Stage, room
from agent_chat.exits import ExitCode
from agent_chat.settings import UsageError
from agent_chat.terminal.conversation import Conversation
from agent_chat.terminal.screens import View, terminal_console
from agent_chat.terminal.side_by_side import SideBySide
from agent_chat.transcript.blocks import Notice
from agent_sdk_core.errors import ExecutableNotFoundError


def run_demo(backend: str | None = None, *, interactive: bool, as_json: bool) -> int:
    """Play the demo and return the exit code.

    Args:
        backend: The agent to play with; None: all that are installed.
        interactive: Whether the person at the terminal answers.
        as_json: Print the messages, one agent's after the other's, and nothing else.

    Raises:
        UsageError: `interactive` without a terminal, or an agent that the demo does not know.
        AgentError: No agent is installed, or one could not be started.
        BrokenPipeError: Nobody reads the output any more.
    """
    if interactive and not (sys.stdin.isatty() and question_console(as_json=as_json)):
        raise UsageError("--interactive asks on a terminal, and there is none; run the demo without it.")
    agents, missing = installed_agents(demo_agents(backend))
    view = open_view(as_json=as_json)
    introduction = f"A scripted model answers here, not a real one. {_are_real(agents)}"
    if as_json:
        view.notice(introduction)
    else:
        view.put(Notice(introduction))
    for sentence in missing:
        view.notice(f"{sentence}.", "warning")
    with room():
        parts, code = _play(agents, view, interactive=interactive, as_json=as_json)
    if code != ExitCode.OK:
        return code
    if not as_json:
        _show_comparison(view, parts)
    return _verdict(view, parts)


def demo_agents(backend: str | None) -> Sequence[DemoAgent]:
    """Return the agent of this name, or all; raises `UsageError` where there is none."""
    if backend is None:
        return AGENTS
    found = [agent for agent in AGENTS if agent.name == backend.strip().casefold()]
    if not found:
        names = ", ".join(agent.name for agent in AGENTS)
        raise UsageError(f"The demo does not know the agent {backend!r}; it plays with {names}.")
    return found


def installed_agents(agents: Sequence[DemoAgent]) -> tuple[list[DemoAgent], list[str]]:
    """Return the agents that are there, and a sentence about each that is not."""
    there: list[DemoAgent] = []
    missing: list[str] = []
    for agent in agents:
        try:
            agent.find()
        except FileNotFoundError as error:
            missing.append(f"{agent.name} is not shown. {error}")
        else:
            there.append(agent)
    if not there:
        raise ExecutableNotFoundError(f"There is nothing to show: {' '.join(missing)}")
    return there, missing


def _are_real(agents: Sequence[DemoAgent]) -> str:
    names = " and ".join(f"the real {agent.name}" for agent in agents)
    return f"The agent is {names}." if len(agents) == 1 else f"The agents are {names}."


def _play(agents: Sequence[DemoAgent], view: View, *, interactive: bool, as_json: bool) -> tuple[list[Part], int]:
    """Play with each agent: one after the other where a person answers or room is scarce, else all at once."""
    console = terminal_console(sys.stdout)
    is_terminal = is_screen(sys.stdout) and not as_json
    if interactive or len(agents) == 1 or (is_terminal and not SideBySide.fits(console, len(agents))):
        return _one_by_one(agents, view, interactive=interactive, as_json=as_json)
    ensemble = Ensemble(agents)
    if is_terminal:
        code = anyio.run(ensemble.play_beside, SideBySide(console, [agent.name for agent in agents]))
    else:
        write_progress(f"starting {' and '.join(agent.name for agent in agents)} …")
        first = [open_view(as_json=True, of=agents[0].name)] if as_json else [view]
        views = [*first, *(open_view(as_json=as_json, of=agent.name) for agent in agents[1:])]
        code = anyio.run(ensemble.play_in_turn, views)
    return ensemble.parts, code


def _one_by_one(agents: Sequence[DemoAgent], view: View, *, interactive: bool, as_json: bool) -> tuple[list[Part], int]:
    parts: list[Part] = []
    for number, agent in enumerate(agents):
        shown = view if number == 0 and not as_json else open_view(as_json=as_json, of=agent.name)
        recorder = Recorder(shown)
        asker = open_asker(shown, as_json=as_json) if interactive else ScriptedAnswers(shown)
        stage = Stage(agent, asker.permission)
        write_progress(f"starting {agent.name} …")
        ended = anyio.run(Conversation(stage.open, recorder).run, script.PROMPT)
        parts.append(Part(stage, recorder.messages))
        if ended.exit_code != ExitCode.OK:
            return parts, ended.exit_code
    return parts, ExitCode.OK


def _show_comparison(view: View, parts: Sequence[Part]) -> None:
    comparison = compare([Emitted.of(part.stage.agent.name, part.messages) for part in parts])
    if is_screen(sys.stdout):
        console = terminal_console(sys.stdout)
        console.print()
        print_comparison(console, comparison)
    else:
        sys.stdout.write("".join(f"{line}\n" for line in ("", *plain_comparison(comparison))))
        sys.stdout.flush()


def _verdict(view: View, parts: Sequence[Part]) -> int:
    problems = [f"{part.stage.agent.name}: {problem}" for part in parts for problem in part.stage.problems()]
    if problems:
        view.notice(f"the demo went wrong: {'; '.join(problems)}.", "error")
        return ExitCode.ERROR
    view.notice("Checked on disk: what was allowed happened, what was declined did not.")
    return ExitCode.OK
