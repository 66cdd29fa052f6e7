"""Starts that fail for reasons which pass: which these are, and how often such a start is tried again."""

from __future__ import annotations

import errno
import random
import re
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Final, TypeVar

import anyio

from agent_sdk_core.errors import AgentError, HandshakeError, StartupTimeoutError

T = TypeVar("T")

_PASSING: Final = re.compile(
    r"database (table )?is locked|failed to initialize sqlite state runtime|text file busy"
    r"|resource temporarily unavailable",
    re.IGNORECASE,
)
"""What agents, and the shells that start them, say of a file that another one writes (codex 0.163, on a new home)."""

_AT_ONCE: Final = (errno.ETXTBSY, errno.EAGAIN)
_TRIES: Final = 8
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0


def is_passing(words: str) -> bool:
    """Tell whether what an agent said of its failed start is likely to pass."""
    return _PASSING.search(words) is not None


async def start_patiently(start: Callable[[float], Awaitable[T]], *, seconds: float) -> T:
    """Start something, again and again while it fails for a reason that passes; those who wait come back one by one.

    Args:
        start: Called with the seconds that are left; leaves nothing behind when it fails.
        seconds: How long all tries may take.

    Raises:
        AgentError: The failure of the last try; where only the time had run out by then, that of the one before.
    """
    deadline = anyio.current_time() + seconds
    before: AgentError | None = None
    for tried in count(1):
        try:
            return await start(deadline - anyio.current_time())
        except AgentError as error:
            if before is not None and isinstance(error, StartupTimeoutError):
                raise before from error  # Which says why the time has run out.
            before = error
            passing = error.details.get("errno") in _AT_ONCE or isinstance(error, HandshakeError)
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**tried) * random.uniform(0.3, 1)  # noqa: S311  # no secret
            if not error.retryable or not passing or tried == _TRIES or anyio.current_time() + pause >= deadline:
                raise
        await anyio.sleep(pause)
    raise AssertionError("unreachable")
