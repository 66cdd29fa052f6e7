"""What the store of chats costs, on SQLite and on PostgreSQL, in one run."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from store import help_seconds, measured

from agent_sdk_testing import scratch_folder
from measure.report import Row, Section
from measure.scene import BENCHMARKS


def measure_stores(messages: int, progress: Callable[[str], None]) -> Section:
    """Append, read and search on both databases, one after the other.

    Args:
        messages: Messages of the long chat.
        progress: Told what is done.
    """
    figures: dict[str, dict[str, float]] = {}
    with scratch_folder(prefix="bench-store-") as folder:
        progress(f"store: SQLite, {messages:,} messages")
        figures["SQLite"] = asyncio.run(measured(str(folder / "chats.db"), messages))
    with _postgresql() as url:
        if url is not None:
            progress(f"store: PostgreSQL, {messages:,} messages")
            figures["PostgreSQL"] = asyncio.run(measured(url, messages))
    names = [*figures["SQLite"]]
    rows = [Row(name, {database: found[name] for database, found in figures.items()}) for name in names]
    rows.append(Row("`agent-sdk run --help`, without SQLAlchemy (CPU s)", {"SQLite": help_seconds()}))
    note = (
        "Messages of 600 bytes. PostgreSQL as Debian has it, on a unix socket: it waits for the disk at each commit; "
        "SQLite with `synchronous=normal` does not, and survives the end of the process all the same."
    )
    missing = () if "PostgreSQL" in figures else ("There is no PostgreSQL on this machine.",)
    return Section("store", f"the store of chats, {messages:,} messages", rows, (note, *missing))


@contextmanager
def _postgresql() -> Generator[str | None]:
    """Start a server of this machine's PostgreSQL; None where it has none."""
    sys.path.insert(0, str(BENCHMARKS.parent))
    from tests.postgresql import PostgreSQL, programs

    folder = programs()
    if folder is None:
        yield None
        return
    server = PostgreSQL(folder, syncs=True)
    try:
        yield server.url
    finally:
        server.close()
