"""Help of commands: whole sentences where typer cuts them off, and arguments by the name that they have in texts."""

from __future__ import annotations

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup


class Group(TyperGroup):
    """A group of commands, which tells the whole first sentence of each."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, each with what it does, over as many lines as that takes."""
        rows = [(name, _first_sentence(command)) for name, command in self.commands.items() if not command.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class Command(TyperCommand):
    """A command that tells its arguments without the names of Python's types."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what may be written behind the command's name."""
        arguments = [each for each in self.params if isinstance(each, TyperArgument)]
        pieces = (_name(each) if each.required else f"[{_name(each)}]" for each in arguments)
        return [*([self.options_metavar] if self.options_metavar else []), *pieces]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, each with what it is."""
        arguments: list[tuple[str, str]] = []
        options: list[tuple[str, str]] = []
        for each in self.get_params(ctx):
            if (record := each.get_help_record(ctx)) is None:
                continue
            if isinstance(each, TyperArgument):
                arguments.append((_name(each), each.help or ""))
            else:
                options.append(record)
        for title, rows in (("Arguments", arguments), ("Options", options)):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def _name(argument: TyperArgument) -> str:
    return argument.metavar or str(argument.name).upper()


def _first_sentence(command: Any) -> str:
    return " ".join(str(command.short_help or command.help or "").partition("\n\n")[0].split())
