"""Where a value came from, and the error for one that cannot be used, which says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.records import dataclass

SourceKind = Literal["default", "user", "workspace", "environment", "argument"]
"""A layer, the lowest first: a value of a later one beats those of earlier ones."""

INVALID: Final = "invalid_configuration"
"""The code of every error of the configuration."""


@checked_class()
@dataclass(frozen=True, slots=True)
class ValueSource:
    """Where a value came from.

    Attributes:
        kind: Its layer.
        path: The file, for "user" and "workspace".
        line: The line in it, from 1, where it is known.
        variable: The environment variable, for "environment".
    """

    kind: SourceKind
    path: Path | None = None
    line: int | None = None
    variable: str | None = None

    def __str__(self) -> str:
        if self.path is not None:
            return f"{self.path}:{self.line}" if self.line is not None else str(self.path)
        return self.variable or self.kind


DEFAULT_SOURCE: Final = ValueSource("default")


def invalid(sentence: str, source: ValueSource, key: str | None = None) -> InvalidRequestError:
    """Return the error for a value that cannot be used.

    Args:
        sentence: What is wrong with it and what to do, without the place; it ends with a full stop.
        source: Where it is.
        key: Its dotted path.
    """
    place = "" if source.path is None else f"{source.path}{f', line {source.line}' if source.line else ''}: "
    details = {
        "key": key,
        "file": None if source.path is None else str(source.path),
        "line": source.line,
        "variable": source.variable,
    }
    return InvalidRequestError(
        f"{place}{sentence}",
        code=INVALID,
        details={name: value for name, value in details.items() if value is not None},
    )
