"""What is wrong with a command line, in the words of this command instead of those of the libraries that read it."""

from __future__ import annotations

import re
from typing import Any, Final

from typer.exceptions import TyperException

from agent_chat.settings import shortened

_OPTION: Final = re.compile(r"Invalid value for '(?P<name>[^' /]+)[^']*':")


def wrong(error: TyperException) -> str:
    """Return a sentence that names what is wrong, and what would be right."""
    message = error.format_message()
    if (option := _OPTION.match(message)) is not None and (takes := _takes(error.__cause__)) is not None:
        return f"{option['name']} takes {takes}."
    if message == "Missing command." and (names := _commands(error)):
        return f"Missing command: name one of {', '.join(names)}."
    if message.startswith("No such command ") and message.endswith("'.") and (names := _commands(error)):
        return f"{message[:-1]}; there are: {', '.join(names)}."
    if message.startswith("No such option: ") and "(" not in message and (path := _path(error)):
        return f"{message}; `{path} --help` shows those that there are."
    return message


def _takes(cause: object) -> str | None:
    """Return what an option takes, and that this is not it, where pydantic said why it refused the value."""
    from pydantic import ValidationError

    if not isinstance(cause, ValidationError):
        return None
    first = cause.errors(include_url=False)[0]
    given, bounds = repr(shortened(str(first["input"]))), first.get("ctx", {})
    match first["type"].partition("_")[0], bounds:
        case "int", _:
            return f"a whole number, not {given}"
        case "float", _:
            return f"a number, not {given}"
        case _, {"ge": least}:
            return f"a number that is at least {least:g}, not {given}"
        case _, {"le": most}:
            return f"a number that is at most {most:g}, not {given}"
        case _:
            return None


def _path(error: TyperException) -> str:
    """Return how the command is called that an error is about."""
    names: list[str] = []
    context: Any = getattr(error, "ctx", None)
    while getattr(context, "parent", None) is not None:
        names.append(context.info_name)
        context = context.parent
    return " ".join(("agent-sdk", *reversed(names)))


def _commands(error: TyperException) -> list[str]:
    context: Any = getattr(error, "ctx", None)
    return list(getattr(getattr(context, "command", None), "commands", {}))
