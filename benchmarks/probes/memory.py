"""How much memory this process had; light, so that asking adds little to the answer."""

from __future__ import annotations

import resource
import sys


def peak_rss() -> int:
    """Return the most resident memory this process had, in bytes."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Not ru_maxrss, which on Linux is at least that of the process which started this one.
    with open("/proc/self/status", "rb") as status:  # noqa: PTH123  # pathlib is what must not be loaded
        peak = next(line for line in status if line.startswith(b"VmHWM:"))
    return int(peak.split()[1]) * 1024
