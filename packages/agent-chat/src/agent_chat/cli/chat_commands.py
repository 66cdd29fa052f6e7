"""The `chats` commands as the command line takes them; what they do is loaded when one runs."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_chat.cli.ending import finish

chats = typer.Typer(name="chats", help="The chats of the store, with whichever agent.", rich_markup_mode=None)

Store = Annotated[
    str | None,
    typer.Option("--store", metavar="URL", help="The store: a path or a URL; absent: as configured, else your own."),
]
Id = Annotated[str, typer.Argument(metavar="ID", help="The chat, as `chats list` names it.")]
Project = Annotated[
    str | None,
    typer.Option("--cwd", "-C", metavar="FOLDER", help="Only chats of the project of this folder; absent: all."),
]
Limit = Annotated[int, typer.Option("--limit", metavar="NUMBER", min=1, max=100_000, help="How many at most.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line, and nothing else.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the details of an error.")]


@chats.command("list")
def list_(
    backend: Annotated[
        str | None, typer.Option("--backend", "-b", metavar="NAME", help="Only chats with this agent.")
    ] = None,
    cwd: Project = None,
    tag: Annotated[str | None, typer.Option("--tag", metavar="WORD", help="Only chats with this tag.")] = None,
    archived: Annotated[bool, typer.Option("--archived", help="Archived ones too.")] = False,
    limit: Limit = 20,
    store: Store = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List the chats, those used last first."""

    def start() -> int:
        from agent_chat.cli.chats import list_chats

        return list_chats(store, backend=backend, cwd=cwd, tag=tag, archived=archived, limit=limit, as_json=json)

    finish(start, debug=debug)


@chats.command()
def show(
    chat_id: Id,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="NUMBER", min=1, help="Only the last messages; absent: all.")
    ] = None,
    store: Store = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what was said in a chat."""

    def start() -> int:
        from agent_chat.cli.chats import show_chat

        return show_chat(store, chat_id, limit=limit, as_json=json)

    finish(start, debug=debug)


@chats.command()
def search(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="The words; 'begin*', or '\"next to each other\"' in quotes.")
    ],
    chat: Annotated[str | None, typer.Option("--chat", metavar="ID", help="Only messages of this chat.")] = None,
    cwd: Project = None,
    limit: Limit = 20,
    store: Store = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Find the messages that hold every word, newest first."""

    def start() -> int:
        from agent_chat.cli.chats import search_chats

        return search_chats(store, text, chat_id=chat, cwd=cwd, limit=limit, as_json=json)

    finish(start, debug=debug)


@chats.command()
def export(
    chat_ids: Annotated[list[str] | None, typer.Argument(metavar="ID…", help="The chats; absent: all.")] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="The file; absent: standard output.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    store: Store = None,
    json: Annotated[bool, typer.Option("--json", help="With --output: say what was written as a JSON object.")] = False,
    debug: Debug = False,
) -> None:
    """Write chats as lines of JSON, which `chats import` reads."""

    def start() -> int:
        from agent_chat.cli.moving import export_to

        return export_to(store, chat_ids or (), output=output, force=force, as_json=json)

    finish(start, debug=debug)


@chats.command("import")
def import_(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="What `chats export` wrote; '-': read from standard input.")
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option("--backend", "-b", metavar="NAME", help="Instead of a file: the agent whose sessions to take."),
    ] = None,
    cwd: Annotated[
        str | None, typer.Option("--cwd", "-C", metavar="FOLDER", help="Only sessions of this folder; absent: all.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="NUMBER", min=1, help="Only the newest sessions; absent: all.")
    ] = None,
    store: Store = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Take chats in, from a file or from the sessions of an agent; it may be repeated.

    Exits with 0 if all was read, 1 if some could not be; the rest is in the store then.
    """

    def start() -> int:
        from agent_chat.cli.moving import import_from

        return import_from(store, file, backend=backend, cwd=cwd, limit=limit, as_json=json)

    finish(start, debug=debug)


@chats.command()
def delete(
    chat_ids: Annotated[list[str], typer.Argument(metavar="ID…", help="The chats.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: Store = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Delete chats from the store; the agents' own sessions stay."""

    def start() -> int:
        from agent_chat.cli.moving import delete_chats

        return delete_chats(store, chat_ids, yes=yes, as_json=json)

    finish(start, debug=debug)


@chats.command()
def check(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="First make anew what follows from the messages: index, counts, lists.")
    ] = False,
    store: Store = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say whether the store is sound, and what it holds.

    Exits with 0 if it is sound, 1 if something is wrong, 2 if the command line cannot be followed.
    """

    def start() -> int:
        from agent_chat.cli.chats import check_store

        return check_store(store, rebuild=rebuild, as_json=json)

    finish(start, debug=debug)
