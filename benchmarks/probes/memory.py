"""How much memory this process had; light, so that asking adds little to the answer."""

from __future__ import annotations

import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def peak_rss() -> int:
    """Return the most resident memory this process had, in bytes."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return _status(b"VmHWM:") * 1024


def rss_now() -> int:
    """Return the resident memory of this process, in bytes; 0 where the system does not tell."""
    return 0 if sys.platform == "darwin" else _status(b"VmRSS:") * 1024


def pss_of(pids: Iterable[int]) -> int:
    """Return the memory of some processes of Linux, in bytes; what several of them share is counted once in all."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as told:  # noqa: PTH123  # a Path costs more than what it reads
                total += int(next(line for line in told if line.startswith(b"Pss:")).split()[1]) * 1024
        except (OSError, StopIteration):
            continue  # It has ended.
    return total


def _status(name: bytes) -> int:
    # Not ru_maxrss, which on Linux is at least that of the process which started this one.
    with open("/proc/self/status", "rb") as status:  # noqa: PTH123  # pathlib is what must not be loaded
        return int(next(line for line in status if line.startswith(name)).split()[1])
