"""The `demo --fleet` command: the real agents on two hosts of this machine, one of whose workers is killed."""

from __future__ import annotations

import asyncio
import json

import typer

from agent_chat.cli.demo import demo_agents, installed_agents
from agent_chat.cli.fleet_commands import fleet_package
from agent_chat.demo.fleet import Play
from agent_chat.demo.stage import room
from agent_chat.exits import ExitCode
from agent_chat.settings import UsageError


def run_fleet_demo(backend: str | None, *, interactive: bool, as_json: bool) -> int:
    """Play the demo and return the exit code.

    Args:
        backend: The agent to play with; None: all that are installed.
        interactive: Is refused: nobody is asked here.
        as_json: Print one JSON object a line.

    Raises:
        UsageError: `interactive`, or an agent that the demo does not know.
        AgentError: No agent is installed, the fleet's package is not, or a host did not start.
    """
    if interactive:
        raise UsageError("--fleet asks nobody: run it without --interactive.")
    package = fleet_package()
    agents, missing = installed_agents(demo_agents(backend))

    def say(sentence: str) -> None:
        typer.echo(json.dumps({"said": sentence}) if as_json else sentence)

    for sentence in missing:
        say(f"{sentence}.")
    with room():
        return ExitCode.OK if asyncio.run(Play(package, agents, say).run()) else ExitCode.ERROR
