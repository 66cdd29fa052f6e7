"""Exit codes of the `agent-sdk` command."""

from __future__ import annotations

import signal
from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """What the process exits with; above 128 as shells report a signal, and 124 as `timeout` does."""

    OK = 0
    ERROR = 1
    USAGE = 2
    NOT_LOGGED_IN = 3
    DENIED = 4
    UNWRITABLE = 5
    TIMED_OUT = 124
    HUNG_UP = 129
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


ENDING_SIGNALS: Final = {signal.SIGTERM: ExitCode.TERMINATED, signal.SIGHUP: ExitCode.HUNG_UP}
"""The signals that end the process, and what it then exits with."""
