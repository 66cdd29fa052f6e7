"""File systems: whether a folder is on one where SQLite's shared memory does not hold between machines."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_NETWORK: Final = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "webdav", "afs", "ncpfs", "coda"),
        *("9p", "v9fs", "virtiofs", "vboxsf", "prl_fs", "vmhgfs", "drvfs", "fakeowner", "osxfs"),
        *("ceph", "glusterfs", "lustre", "beegfs", "gpfs", "ocfs2", "gfs2", "orangefs", "pvfs2", "fuse"),
    )
)
"""What reaches another machine, or the host of a virtual one; `fuse` and `fuse.NAME` may be anything."""

_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
_MOUNTED: Final = re.compile(r"^.* on (?P<point>/.*) \((?P<kind>[^,)]+)")


def network_file_system(folder: Path) -> str | None:
    """Return the kind of network file system that a folder is on, None for a local one, or where it cannot be told."""
    point, kind = "", ""
    real = os.path.realpath(folder)
    for mounted, its_kind in _mounts():
        is_above = real == mounted or real.startswith(mounted.rstrip("/") + "/")
        if is_above and len(mounted) >= len(point):  # Of two at one point, the later one covers the other.
            point, kind = mounted, its_kind
    family = kind.partition(".")[0]
    return kind if family in _NETWORK else None


def _mounts() -> Iterator[tuple[str, str]]:
    try:
        if sys.platform == "linux":
            yield from mounts_of_linux(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace"))
        else:
            told = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False)
            yield from mounts_of_macos(told.stdout)
    except (OSError, subprocess.SubprocessError):
        return


def mounts_of_linux(text: str) -> Iterator[tuple[str, str]]:
    """Return mount points and kinds out of a `mountinfo` file."""
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        fields = left.split(" ")
        if separator and len(fields) > 4:
            yield _ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4]), right.split(" ")[0]


def mounts_of_macos(text: str) -> Iterator[tuple[str, str]]:
    """Return mount points and kinds out of what the `mount` command prints."""
    for line in text.splitlines():
        if match := _MOUNTED.match(line):
            yield match["point"], match["kind"]
