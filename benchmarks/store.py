"""The store of chats measured: appends, the last page, search and import, on SQLite and on a PostgreSQL.

`uv run python benchmarks/store.py [--messages N] [URL…]`; without a URL, SQLite in a temporary folder. Each figure is
the best of three, because other work on the machine only ever slows it down.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from agent_chat.storage.interface import ChatStore
from agent_chat.storage.opening import open_store
from agent_chat.storage.records import ChatMeta

ROUNDS = 3
SAID = "every answer has the word common in it, a number {n}, and more text to make it as long as answers are. " * 3


def message(n: int) -> dict[str, object]:
    text = SAID.format(n=n) + ("needle" if n % 50_000 == 17 else "")
    return {
        "type": "assistant",
        "uuid": f"00000000-0000-4000-8000-{n:012}",
        "session_id": "00000000-0000-4000-8000-000000000000",
        "message": {"id": f"msg-{n}", "role": "assistant", "content": [{"type": "text", "text": text}]},
    }


async def best(call: Callable[[], Awaitable[object]]) -> float:
    """Return the shortest of some runs, in milliseconds."""
    taken: list[float] = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - begun)
    return 1000 * min(taken)


async def appended(store: ChatStore, number: int, writers: int) -> tuple[float, float]:
    """Return acknowledged messages a second, and a second of CPU; each by its own call, from so many at once."""
    rates: list[tuple[float, float]] = []
    for turn in range(ROUNDS):
        chat = await store.create_chat(ChatMeta(f"append-{writers}-{turn}"))

        async def write(part: int, chat_id: str = chat.id) -> None:
            for n in range(part, number, writers):
                await store.append(chat_id, [message(n)])

        begun, used = time.perf_counter(), time.process_time()
        await asyncio.gather(*(write(part) for part in range(writers)))
        rates.append((number / (time.perf_counter() - begun), number / (time.process_time() - used)))
    return max(rate for rate, _ in rates), max(rate for _, rate in rates)


async def measured(url: str, messages: int) -> dict[str, float]:
    found: dict[str, float] = {}
    async with open_store(url) as store:
        for writers, number in ((1, min(1000, messages // 2)), (100, min(10_000, messages))):
            rate, by_cpu = await appended(store, number, writers)
            found[f"append, {writers} at once (messages/s)"] = rate
            found[f"append, {writers} at once (messages/s of CPU)"] = by_cpu
        await store.create_chat(ChatMeta("long"))
        begun, used = time.perf_counter(), time.process_time()
        for start in range(0, messages, 1000):
            await store.append("long", [message(n) for n in range(start, min(start + 1000, messages))])
        found["import, 1000 a call (messages/s)"] = messages / (time.perf_counter() - begun)
        found["import, 1000 a call (messages/s of CPU)"] = messages / (time.process_time() - used)
        await store.create_chat(ChatMeta("short"))
        await store.append("short", [message(n) for n in range(20)])
    async with open_store(url) as store:
        begun = time.perf_counter()
        await store.read_messages("long", limit=100)
        found["first page after opening (ms)"] = 1000 * (time.perf_counter() - begun)
        found["last page of 100 (ms)"] = await best(lambda: store.read_messages("long", limit=100))
        found["search, a rare word (ms)"] = await best(lambda: store.search("needle"))
        found["search, a word of every message (ms)"] = await best(lambda: store.search("common"))
        found["search, two words of every message (ms)"] = await best(lambda: store.search("common answer"))
        found["search, a phrase of every message (ms)"] = await best(lambda: store.search('"the word common"'))
        found["search, a beginning (ms)"] = await best(lambda: store.search("com* num*"))
        found["search, nothing there (ms)"] = await best(lambda: store.search("absent"))
        found["search in a short chat, a word of every message (ms)"] = await best(
            lambda: store.search("common", chat_id="short")
        )
        found["list of chats (ms)"] = await best(lambda: store.list_chats())
    return found


def help_seconds() -> float:
    """Return the CPU seconds of `agent-sdk run --help`, and refuse if it loads SQLAlchemy."""
    code = (
        "import sys, time\nfrom agent_chat.cli.main import app\n"
        "try: app(args=['run', '--help'], standalone_mode=False)\nexcept SystemExit: pass\n"
        "assert 'sqlalchemy' not in sys.modules\nprint(time.process_time(), file=sys.stderr)"
    )
    return min(
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr)
        for _ in range(ROUNDS)
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("urls", nargs="*")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        urls = given.urls or [str(Path(folder) / "chats.db")]
        report = {open_store(url).url: asyncio.run(measured(url, given.messages)) for url in urls}
    if given.json:
        print(json.dumps(report | {"run --help (CPU s)": help_seconds()}, indent=1))
        return
    for url, found in report.items():
        print(url)
        for name, figure in found.items():
            print(f"  {name:55} {figure:12,.1f}")
    print(f"agent-sdk run --help: {help_seconds():.2f} s of CPU, without SQLAlchemy")


if __name__ == "__main__":
    main()
