"""Every Python block of the documentation runs as it stands: a program, a test, or the fragment that it says it is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.blocks import FRAGMENT, PAGES, ROOT, Block, blocks

RUN_FRAGMENT = """
import ast, inspect, pathlib, sys, types
import anyio
source = pathlib.Path(sys.argv[1]).read_text()
code = compile(source, sys.argv[1], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
run = types.FunctionType(code, {"__name__": "__main__"})
anyio.run(run) if code.co_flags & inspect.CO_COROUTINE else run()
"""


EXAMPLES = {path.read_text(encoding="utf-8") for path in (ROOT / "examples").rglob("*.py")}
"""Programs that stand in `examples/` too; their tests give them what they need."""


@pytest.mark.parametrize(
    "block", [block for block in blocks() if block.source not in EXAMPLES], ids=lambda block: block.where
)
def test_example_runs(block: Block, reader_env: dict[str, str], reader_folder: Path) -> None:
    assert block.title in (None, FRAGMENT), f'{block.where}: a block is a whole program, or has the title "{FRAGMENT}"'
    file = reader_folder / ("test_example.py" if block.is_test else "example.py")
    file.write_text(block.source, encoding="utf-8")
    start = ["-W", "error"]
    if block.is_test:
        start = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
    elif block.title:
        start += ["-c", RUN_FRAGMENT]
    ran = subprocess.run(
        [sys.executable, *start, str(file)],
        cwd=reader_folder,
        env=reader_env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, f"{block.where}\n{ran.stdout}\n{ran.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    missing = [
        target + anchor
        for target, anchor in re.findall(r"\]\(([^)#:]*)(#[^)]*)?\)", text)
        if not _exists(page.parent / target if target else page, anchor.removeprefix("#"))
    ]
    assert not missing


def _exists(target: Path, anchor: str) -> bool:
    if "docs/reference" in str(target):  # made with the site, which checks it
        return True
    if not target.exists() or not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
