"""Exit codes of the `agent-sdk` command."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process exits with; above 128 as shells report a signal."""

    OK = 0
    ERROR = 1
    USAGE = 2
    HUNG_UP = 129
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143
