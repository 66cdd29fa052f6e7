"""Log lines of the command, and of applications that want the same: as key-value pairs, as JSON, or for a person.

The packages log with the standard library. Here structlog writes what they log: with the backend, session, turn and
request that it belongs to, and without secrets. Nobody else's loggers are touched, and nothing happens on import.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, Final, Literal, TextIO, cast, get_args

import structlog

from agent_chat.transcript.sanitize import visible
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import nearest
from agent_sdk_core.redaction import redact_value
from agent_sdk_core.telemetry.correlation import correlation

LogForm = Literal["console", "key-value", "json"]

PACKAGES: Final[tuple[str, ...]] = (
    "acp_sdk",
    "agent_chat",
    "agent_fleet",
    "agent_sdk",
    "agent_sdk_core",
    "claude_sdk",
    "codex_sdk",
)
"""The loggers below which everything of ours is logged."""

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_MODULE: Final = re.compile(r"[A-Za-z_][\w.]*", re.ASCII)


class _Handler(logging.StreamHandler[TextIO]):
    """The one handler of ours, by which it is found again."""


def configure_logging(levels: str = "warning", *, form: str = "console", stream: TextIO | None = None) -> None:
    """Write what the packages log; called again, it replaces what it set before.

    The root logger, the application's own and their handlers are left alone. What is written here is not handed to
    them, so that no line comes twice.

    Args:
        levels: A level for all of it, and levels by module, as "info,agent_sdk_core.runtime=debug,codex_sdk=error".
        form: "console" for a person, "key-value" or "json" for a program: a line each.
        stream: Where to; absent: stderr.

    Raises:
        InvalidRequestError: There is no such level, module or form; the message says which there are.
    """
    chosen = _levels(levels)
    if form not in get_args(LogForm):
        raise InvalidRequestError(f"A log is written as one of {', '.join(get_args(LogForm))}, not as {form!r}.")
    handler = _Handler(sys.stderr if stream is None else stream)
    handler.setFormatter(_formatter(cast("LogForm", form), colors=handler.stream.isatty()))
    _take_down()
    for name in PACKAGES:
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.propagate = False
    for name, level in chosen.items():
        logging.getLogger(name).setLevel(level)


def _take_down() -> None:
    """Take back what an earlier call set."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in PACKAGES]
    if any(isinstance(each, _Handler) for name in PACKAGES for each in logging.getLogger(name).handlers):
        for name in names:
            logging.getLogger(name).setLevel(logging.NOTSET)
    for name in PACKAGES:
        logger = logging.getLogger(name)
        logger.propagate = True
        for each in [each for each in logger.handlers if isinstance(each, _Handler)]:
            logger.removeHandler(each)


def _levels(text: str) -> dict[str, int]:
    """Return the level of each logger that is named, those of all packages included."""
    found: dict[str, int] = {}
    found.update(dict.fromkeys(PACKAGES, logging.WARNING))
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, given, level = entry.rpartition("=")
        name, level = name.strip(), level.strip().lower()
        if level not in LEVELS:
            raise InvalidRequestError(f"A level of a log is one of {', '.join(LEVELS)}, not {level!r} (in {text!r}).")
        if not given:
            found.update(dict.fromkeys(PACKAGES, _number(level)))
        elif not _MODULE.fullmatch(name) or name.partition(".")[0] not in PACKAGES:
            meant = nearest(name.partition(".")[0], PACKAGES)
            hint = f"; did you mean {meant}?" if meant else f"; modules begin with one of {', '.join(PACKAGES)}."
            raise InvalidRequestError(f"Nothing of ours logs as {name!r}{hint}")
        else:
            found[name] = _number(level)
    return found


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


_Event = MutableMapping[str, Any]


def _belonging(logger: object, method: str, event: _Event) -> _Event:
    """Add what the code that logs belongs to."""
    del logger, method
    for name, value in correlation().items():
        event.setdefault(name, value)
    return event


def _redacted(logger: object, method: str, event: _Event) -> _Event:
    """Take the secrets out."""
    del logger, method
    return cast("_Event", redact_value(event))


def _shown(logger: object, method: str, event: _Event) -> _Event:
    """Spell out what a terminal would obey."""
    del logger, method
    return {name: visible(value) if isinstance(value, str) else value for name, value in event.items()}


def _formatter(form: LogForm, *, colors: bool) -> logging.Formatter:
    stdlib, processors = structlog.stdlib, structlog.processors
    first = ["timestamp", "level", "logger", "event"]
    last: list[Callable[..., Any]]
    match form:
        case "console":
            console = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
            last = [_shown, console]
        case "key-value":
            last = [processors.KeyValueRenderer(key_order=first, drop_missing=True)]
        case "json":
            last = [processors.JSONRenderer(ensure_ascii=False, default=repr)]
    return stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            stdlib.add_logger_name,
            stdlib.add_log_level,
            processors.TimeStamper(fmt="iso", utc=True),
            stdlib.ExtraAdder(),
            _belonging,
        ],
        processors=[
            stdlib.ProcessorFormatter.remove_processors_meta,
            processors.ExceptionRenderer(),
            _redacted,
            *last,
        ],
    )
