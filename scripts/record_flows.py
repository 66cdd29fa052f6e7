"""Records flows of the real codex binary with a scripted model: wire logs, and readable snapshots of their messages.

Writes `packages/codex-sdk/tests/flows/<name>.wire.jsonl` and `<name>.flow.txt`. Recording again gives the same bytes;
with `--check` nothing is written, and what differs is told. Exit codes: 0 done or the same, 1 differs or failed.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, cast

import anyio

from codex_sdk.playback.player import replay
from flows import agents, grants, servers, speech, tools, unprompted
from flows.snapshot import flow_text
from flows.stage import SCENARIOS, record

ROOT = Path(__file__).resolve().parents[1]
FLOWS = ROOT / "packages" / "codex-sdk" / "tests" / "flows"
_SHOWN = 40
_WIDTH = 300
"""How many lines of a difference are shown, and how much of each."""

SOURCES = (speech, tools, agents, servers, grants, unprompted)
"""The modules whose scenarios are recorded."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Record flows of the real codex binary.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a recording differs")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in SCENARIOS]
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}; there are {', '.join(sorted(SCENARIOS))}")
    put = _compare if options.check else _write
    FLOWS.mkdir(parents=True, exist_ok=True)
    failed = [name for name in options.names or SCENARIOS if not _record(name, put)]
    if failed:
        print(f"{len(failed)} not as they should be: {' '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _record(name: str, put: Callable[[Path, str], bool]) -> bool:
    try:
        records: list[dict[str, Any]] = anyio.run(record, SCENARIOS[name])
    except Exception as error:
        print(f"{name}: {'; '.join(_reasons(error))}", file=sys.stderr)
        return False
    wire = "".join(f"{json.dumps(entry, ensure_ascii=False)}\n" for entry in records)
    same = [put(FLOWS / f"{name}.wire.jsonl", wire), put(FLOWS / f"{name}.flow.txt", flow_text(replay(records)))]
    print(f"{name}: {len(records)} messages on the wire{'' if all(same) else ', not the same as before'}")
    return all(same)


def _reasons(error: BaseException) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return [reason for inner in group.exceptions for reason in _reasons(inner)]
    return [f"{type(error).__name__}: {error}"]


def _write(path: Path, content: str) -> bool:
    path.write_text(content)
    return True


def _compare(path: Path, content: str) -> bool:
    before = path.read_text() if path.exists() else ""
    diff = difflib.unified_diff(before.splitlines(), content.splitlines(), path.name, "now", n=1, lineterm="")
    for line in islice(diff, _SHOWN):
        print(f"  {line[:_WIDTH]}")
    return before == content


if __name__ == "__main__":
    sys.exit(main())
