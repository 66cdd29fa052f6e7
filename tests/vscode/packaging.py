"""The package of the extension: the same bytes whenever, wherever and by whomever it is made."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from tests.vscode.installing import npm

EPOCH: Final = "1700000000"
"""The date of what is built, and of every file in the package."""

_DATE: Final = (2023, 11, 14, 22, 13, 20)
_MODE: Final = 0o100644


def package(sources: Path, target: Path) -> None:
    """Build the extension from sources whose development packages are installed, and package it.

    Raises:
        OSError: It cannot be built.
    """
    env = {"SOURCE_DATE_EPOCH": EPOCH}
    npm("run", "build", cwd=sources, env=env)
    npm("run", "package", "--", "--out", str(target), cwd=sources, env=env)
    _settle(target)


def _settle(file: Path) -> None:
    """Leave out of the package what comes from the machine: the time zone, the rights of files, their order."""
    with zipfile.ZipFile(file) as made:
        entries = {info.filename: made.read(info) for info in made.infolist()}
    with zipfile.ZipFile(file, "w") as settled:
        for name, data in sorted(entries.items()):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, _MODE << 16, 3
            settled.writestr(entry, data, compresslevel=9)
