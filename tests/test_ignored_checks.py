"""Lines that a check is told to ignore: each says why."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
FOLDERS: Final = ("benchmarks", "examples", "packages", "scripts", "tests")

IGNORED: Final = re.compile(
    r"#\s*(?:noqa\b(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?"
    r"|(?:type|pyright):\s*ignore(?:\[[^\]]*\])?"
    r"|pragma:\s*no (?:cover|branch))"
)
REASON: Final = re.compile(r"\s*[-—#(,:.]*\s*[A-Za-z].*")


def unexplained(line: str) -> bool:
    """Tell whether a line has a check ignored and does not say why behind that."""
    marks = list(IGNORED.finditer(line))
    return bool(marks) and not REASON.fullmatch(line[marks[-1].end() :])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x = 1", False),
        ("x = f()  # type: ignore[misc]", True),
        ("x = f()  # type: ignore[misc]  # JSON", False),
        ("x = f()  # pyright: ignore", True),
        ("except Exception:  # noqa: BLE001 - the caller is told", False),
        ("except Exception:  # noqa: BLE001, S110", True),
        ("import x  # noqa", True),
        ("if never:  # pragma: no cover", True),
        ("if never:  # pragma: no cover - another system", False),
        ("x = f()  # noqa: A001  # pyright: ignore[misc]  # both", False),
    ],
)
def test_a_line_without_a_reason_is_recognised(line: str, expected: bool) -> None:
    assert unexplained(line) is expected


def test_every_ignored_check_says_why() -> None:
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__) and "node_modules" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if unexplained(line)
    ]
    assert lines == []
