"""What a delta costs in instructions: counted by callgrind, so that no noise of the machine is in it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from probes.plan import COUNT_FROM, COUNT_TO, NO_GC

from measure.readers import READERS, Agent, Reader
from measure.report import Row, Section
from measure.scene import Scene, replayed, scene

COUNTS: Final = (500, 3_500)
"""Deltas of the two turns whose difference is counted, so that what begins and ends a turn is not."""

_COLLECTED: Final = re.compile(r"^summary: (\d+)$", re.MULTILINE)


def measure_instructions(agent: Agent, executable: Path | None, progress: Callable[[str], None]) -> Section:
    """Count the instructions of the raw reader and of ours on the same replayed wires.

    Raises:
        RuntimeError: valgrind is missing.
    """
    if shutil.which("valgrind") is None:
        raise RuntimeError("valgrind is not installed, which counts instructions: `apt-get install valgrind`.")
    readers = READERS[agent].raw, READERS[agent].ours
    counted: dict[str, list[int]] = {}
    for deltas in COUNTS:
        with scene(agent, deltas, executable, progress) as place, replayed(place, in_pieces=True) as recording:
            # One seed, so that tables of names collide alike in every run; without the collector, see there.
            fixed = replace(recording, env={**recording.env, "PYTHONHASHSEED": "0", NO_GC: "1"})
            for reader in readers:
                progress(f"{agent}, instructions: {deltas} deltas, {reader.name}")
                fixed.run(reader, "replay")  # It compiles what is not compiled yet, which must not be counted.
                counted.setdefault(reader.name, []).append(_instructions(fixed, reader))
    rows: list[Row] = []
    each = {name: (many - few) / (COUNTS[1] - COUNTS[0]) for name, (few, many) in counted.items()}
    for name, count in each.items():
        rows.append(Row(name, {"instructions": count, "x raw": count / each[readers[0].name]}))
    return Section(f"{agent}-instructions", f"{agent}, replayed: instructions of the reader a delta", rows)


def _instructions(place: Scene, reader: Reader) -> int:
    """Count the instructions of the measured turn alone: how a program starts and ends depends on what else runs."""
    with tempfile.TemporaryDirectory(prefix="bench-callgrind-") as folder:
        out = Path(folder) / "callgrind.out"
        valgrind = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}", "--log-file=/dev/null"]
        valgrind += [f"--zero-before={COUNT_FROM}*", f"--dump-before={COUNT_TO}*"]
        try:
            place.run(reader, "replay", under=valgrind)
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"{reader.name} under callgrind took longer than {error.timeout:g} s.") from error
        dumped = out.with_name(f"{out.name}.1")
        found = dumped.is_file() and _COLLECTED.search(dumped.read_text(encoding="utf-8", errors="replace"))
    if not found:
        raise RuntimeError(f"callgrind counted nothing for {reader.name}.")
    return int(found.group(1))
