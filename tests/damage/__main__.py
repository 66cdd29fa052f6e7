"""Reads damaged wires of both agents: `python -m tests.damage N [FIRST_SEED]`; exits with 1 if anything was wrong."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import AsyncGenerator, Callable

import anyio
import anyio.lowlevel
from tests.damage import claude_wires, codex_wires

from agent_sdk_core.runtime.host import Host

PLAYERS: dict[str, Callable[[int, Host], AsyncGenerator[str]]] = {
    "claude": claude_wires.play,
    "codex": codex_wires.play,
}


async def complaints_of(agent: str, seeds: range) -> list[str]:
    """Return what is wrong with the reading of an agent's damaged wires."""
    found: list[str] = []
    host = Host("damage", on_stop=anyio.lowlevel.checkpoint, on_abort=lambda error: None)
    await host.start()
    try:
        for seed in seeds:
            try:
                found += [complaint async for complaint in PLAYERS[agent](seed, host)]
            except Exception:
                found.append(f"{agent} {seed}: raised {traceback.format_exc(limit=-2)}")
    finally:
        await host.aclose()
    return found


def main() -> int:
    """Run the command."""
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    wrong = 0
    for agent in PLAYERS:
        began = time.monotonic()
        found = anyio.run(complaints_of, agent, range(first, first + count))
        wrong += len(found)
        sys.stdout.writelines(f"{complaint!a}\n" for complaint in found[:40])
        took = time.monotonic() - began
        sys.stdout.write(f"{agent}: {count} damaged wires in {took:.0f} s, {len(found)} complaints\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
