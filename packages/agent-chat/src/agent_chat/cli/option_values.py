"""Values of options: one that is empty says nothing, and is no option that was left out, as of `--backend "$UNSET"`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import typer
from typer.core import TyperOption
from typer.exceptions import TyperException

from agent_chat.cli.help_texts import Command, Group


class _Command(Command):
    """A command that refuses an option without a value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line.

        Raises:
            TyperException: An option's value is empty.
        """
        rest = super().parse_args(ctx, args)
        for option in self.params:
            if isinstance(option, TyperOption) and _is_empty(ctx.params.get(option.name)):
                name = max(option.opts, key=len)
                raise TyperException(f"{name} is empty; leave it out, or give it a value.")
        return rest


def refuse_empty_values(app: typer.Typer) -> None:
    """Have all commands, those of groups too, refuse an option whose value is empty, and have help in our words."""
    app.info.cls = Group
    for command in app.registered_commands:
        command.cls = _Command
    for group in app.registered_groups:
        if group.typer_instance is not None:
            refuse_empty_values(group.typer_instance)


def _is_empty(value: object) -> bool:
    values = cast("Iterable[object]", value) if isinstance(value, list | tuple) else (value,)
    return any(isinstance(each, str) and not each.strip() for each in values)
