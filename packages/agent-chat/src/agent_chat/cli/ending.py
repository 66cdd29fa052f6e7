"""The end of a command: its exit code, and one sentence about what went wrong."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn, TextIO, cast

from agent_chat.exits import ExitCode

if TYPE_CHECKING:
    import io

    from agent_sdk_core.errors import AgentError

_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Why a stream that could be opened takes no more."""


def open_streams() -> None:
    """Open the standard streams that were closed, as by `<&-`: no prompt comes, and no complaint is read.

    Their descriptors would else be given to the next file that is opened, such as the store. Standard output takes
    nothing: who writes to it hears that, as `unwritten` tells. What the encoding of one that is open cannot say, such
    as a title in ASCII, becomes a question mark.
    """
    for name, mode, access in (("stdin", "r", os.O_RDWR), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_RDWR)):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, access)  # The lowest that is free: that of the stream.
            setattr(sys, name, open(nothing, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  # open to the end
    cast("io.TextIOWrapper[io.BufferedWriter]", sys.stdout).reconfigure(errors="replace")


def finish(start: Callable[[], int], *, debug: bool, failure: ExitCode = ExitCode.ERROR) -> NoReturn:
    """Run a command and exit with its code, or `failure`; what goes wrong is one sentence, details are for `debug`."""
    import typer

    raise typer.Exit(code_of(start, debug=debug, failure=failure))


def code_of(start: Callable[[], int], *, debug: bool = False, failure: ExitCode = ExitCode.ERROR) -> int:
    """Run a command as `finish` does, and return its exit code."""
    from agent_chat.settings import UsageError
    from agent_sdk_core.errors import AgentError

    try:
        code = start()
        if (out := cast("TextIO | None", sys.stdout)) is not None:
            out.flush()
    except UsageError as error:
        code = complain(str(error), ExitCode.USAGE)
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except AgentError as error:
        code = complain(f"{error.message}{_hint(error)} [{error.code}]", _code_of(error, failure))
        if debug:
            _show_details(error)
    except Exception as error:
        if (lost := unwritten(error)) is None:
            code = complain(f"unexpected {type(error).__name__}: {error} (--debug shows where)", failure)
        else:
            code = lost
        if debug:
            _show_details(error)
    return code


def unwritten(error: Exception) -> ExitCode | None:
    """Return the code of an output that could not be written, and say why; None for any other error."""
    if isinstance(error, BrokenPipeError):
        _abandon_stdout()
        return ExitCode.BROKEN_PIPE
    if not isinstance(error, OSError) or error.filename is not None:
        return None
    if error.errno in _UNWRITABLE:
        why = f"{error.strerror or 'it takes no more'}. Make room, or write it elsewhere."
    elif error.errno == errno.EBADF and _is_read_only(sys.stdout):
        why = "standard output is closed. Leave it open, or write it elsewhere."
    else:
        return None
    _abandon_stdout()
    return complain(f"The output cannot be written: {why}", ExitCode.UNWRITABLE)


def _code_of(error: AgentError, failure: ExitCode) -> ExitCode:
    """Return the code of an error: what was asked for cannot be is the command line's fault, the rest the agent's."""
    from agent_sdk_core.errors import AuthenticationError, InvalidRequestError, UnsupportedOptionError

    match error:
        case AuthenticationError():
            return ExitCode.NOT_LOGGED_IN
        case InvalidRequestError() | UnsupportedOptionError():
            return ExitCode.USAGE
        case _:
            return failure


def _hint(error: AgentError) -> str:
    """Return what helps at a command line, where the error itself says nothing of it."""
    from agent_sdk_core.errors import SessionNotFoundError

    if not isinstance(error, SessionNotFoundError):
        return ""
    backend = f" --backend {error.backend}" if error.backend else ""
    end = "" if error.message.endswith((".", "!", "?")) else "."
    return f"{end} `agent-sdk sessions list{backend}` shows those that are stored."


def complain(sentence: str, code: ExitCode) -> ExitCode:
    """Say on stderr what is wrong, and return the code."""
    from agent_chat.transcript.sanitize import clean

    with suppress(OSError, ValueError):
        sys.stderr.write(f"agent-sdk: {clean(sentence).strip()}\n")
        sys.stderr.flush()
    return code


def _show_details(error: Exception) -> None:
    import traceback

    with suppress(OSError, ValueError):
        traceback.print_exception(error, file=sys.stderr)
        for name, value in getattr(error, "details", {}).items():
            sys.stderr.write(f"{name}: {value!r}\n")


def _is_read_only(stream: TextIO) -> bool:
    """Tell whether a stream takes nothing, be it that it was closed or that a file was given for reading."""
    import fcntl  # Not on Windows, where this module can still be imported.

    try:
        return fcntl.fcntl(stream.fileno(), fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    except (OSError, ValueError):
        return False


def _abandon_stdout() -> None:
    """Point stdout elsewhere, so that the interpreter does not complain when it flushes it at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
