"""The type checkers over every whole program that a user may copy: `python -m tests.docs.typed`.

Examples and the code blocks of the documentation hold under pyright strict and mypy strict.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.docs.blocks import ROOT, blocks

FOLDER: Final = ROOT / ".cache" / "blocks"
CONFIG: Final = '{"typeCheckingMode": "strict", "pythonVersion": "3.11", "include": ["."]}'


def write_programs(folder: Path) -> list[Path]:
    """Write each whole block into a file of its own, named after where it stands."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "pyrightconfig.json").write_text(CONFIG, encoding="utf-8")
    written: list[Path] = []
    for block in blocks():
        if block.title is None:
            name = block.where.replace("/", "_").replace(".md:", "_").replace("-", "_").replace(".", "_")
            written.append(folder / f"{name}.py")
            written[-1].write_text(block.source, encoding="utf-8")
    return written


def main() -> int:
    """Return the number of checkers that found something."""
    write_programs(FOLDER)
    examples = ROOT / "examples"
    mypy = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--scripts-are-modules",
        "--cache-dir",
        str(ROOT / ".cache" / "mypy"),
    ]
    checks = [
        ["pyright", "--project", str(FOLDER), "--pythonpath", sys.executable],
        [*mypy, *map(str, sorted(FOLDER.glob("*.py")))],
    ]
    if examples.is_dir():
        checks.append([*mypy, *map(str, sorted(examples.rglob("*.py")))])
    return sum(subprocess.run(check, cwd=ROOT, check=False).returncode != 0 for check in checks)


if __name__ == "__main__":
    sys.exit(main())
