"""The `fleet` commands as the command line takes them; the fleet's own package does what they say, if it is there."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_chat.cli.ending import finish

fleet = typer.Typer(name="fleet", help="A fleet: sessions on many machines.", rich_markup_mode=None)

Name = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="What the host is called; absent: as the machine.")
]
Store = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="The fleet's store; absent: the one of this machine.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the details of an error.")]


@fleet.command()
def up(
    name: Name = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="The address that other machines reach this one at.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="NUMBER", min=0, max=65535, help="0: any free one.")] = 0,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Start a fleet on this machine, which is its head and its first host.

    It listens on loopback unless --host says otherwise. Who has its token, and reaches its ports, runs code on it.
    """
    finish(
        lambda: fleet_package().up(name=name, host=host, port=port, as_json=json, say=typer.echo),
        debug=debug,
    )


@fleet.command()
def join(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The head, HOST:PORT, as `fleet up` printed it.")],
    name: Name = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="The address that the others reach this machine at; absent: on the way to the head.",
        ),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Make this machine a host of a fleet; the token is read from AGENT_SDK_FLEET_TOKEN."""
    finish(lambda: fleet_package().join(address, name=name, host=host, as_json=json, say=typer.echo), debug=debug)


@fleet.command()
def status(store: Store = None, json: Json = False, debug: Debug = False) -> None:
    """Show hosts, sessions, prompts that wait, memory and versions."""
    finish(lambda: fleet_package().status(store=store, as_json=json, say=typer.echo), debug=debug)


@fleet.command()
def drain(
    host: Annotated[str, typer.Argument(metavar="HOST", help="The host, as `fleet status` names it.")],
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0, help="How long to wait for its sessions; 0: not.")
    ] = 0.0,
    undo: Annotated[bool, typer.Option("--undo", help="Take new sessions again.")] = False,
    store: Store = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Let a host take no new sessions, and wait until those that it has are closed.

    Exits with 0 if it has none left, 1 if it has.
    """
    finish(
        lambda: fleet_package().drain(host, store=store, timeout=timeout, undo=undo, as_json=json, say=typer.echo),
        debug=debug,
    )


@fleet.command()
def down(json: Json = False, debug: Debug = False) -> None:
    """End what `up` and `join` started on this machine, with all that runs on it."""
    finish(lambda: fleet_package().down(as_json=json, say=typer.echo), debug=debug)


def fleet_package() -> Any:
    """Return the commands of the fleet's package, which this one does not require.

    Raises:
        InvalidRequestError: It is not installed.
    """
    from importlib.metadata import entry_points

    from agent_sdk_core.errors import InvalidRequestError

    for entry in entry_points(group="agent_sdk.commands", name="fleet"):
        return entry.load()
    raise InvalidRequestError(
        'The fleet is a package of its own: `pip install "agent-sdk[fleet]"` brings it.', code="not_installed"
    )
