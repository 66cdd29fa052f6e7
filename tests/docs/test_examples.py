"""Every Python block of the documentation runs as it stands: as a script with top-level await, or as a test file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("README.md", "docs/*.md", "packages/*/README.md", "benchmarks/README.md")
    for path in ROOT.glob(pattern)
)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUNNER = """
import ast, inspect, pathlib, sys, types
import anyio
source = pathlib.Path(sys.argv[1]).read_text()
code = compile(source, sys.argv[1], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
run = types.FunctionType(code, {"__name__": "__main__"})
if code.co_flags & inspect.CO_COROUTINE:
    anyio.run(run)
else:
    run()
"""


def blocks() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append((f"{page.relative_to(ROOT)}:{line}", match[1]))
    return found


@pytest.mark.parametrize(("name", "source"), blocks(), ids=[name for name, _ in blocks()])
def test_example_runs(name: str, source: str, reader_env: dict[str, str], reader_folder: Path) -> None:
    is_test = "def test_" in source
    file = reader_folder / ("test_example.py" if is_test else "example.py")
    file.write_text(source, encoding="utf-8")
    start = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if is_test else ["-W", "error", "-c", RUNNER]
    ran = subprocess.run(
        [sys.executable, *start, str(file)],
        cwd=reader_folder,
        env=reader_env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, f"{name}\n{ran.stdout}\n{ran.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing
