"""Damaged wires of claude, read by a closer behind a session."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import anyio
from tests.damage.damaging import damaged
from tests.damage.playing import PlayedSession, ReadingDriver, complaints

from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.turn_options import TurnOptions
from claude_sdk.normalizer.closer import Closer
from claude_sdk.normalizer.open_cards import blocks
from claude_sdk.normalizer.session_facts import SessionFacts

Json = dict[str, Any]
_FLOWS = Path(__file__).parents[2] / "packages" / "claude-sdk" / "tests" / "flows"
WIRES: dict[str, list[Json]] = {
    path.name.removesuffix(".wire.jsonl"): [json.loads(line) for line in path.read_text().splitlines()]
    for path in sorted(_FLOWS.glob("*.wire.jsonl"))
}


class _Driver(ReadingDriver):
    def __init__(self) -> None:
        self.closer = Closer("s", SessionFacts(cwd="/w"))

    async def start_turn(
        self, prompt: Prompt, uuid: str, *, options: TurnOptions | None = None, answers: AnswerForm | None = None
    ) -> str | None:
        self.closer.expect(uuid, str(prompt))
        return uuid

    def holds(self, uuid: str) -> bool:
        return self.closer.state_of(uuid) in ("sent", "queued")

    def forget(self, uuid: str) -> None:
        self.closer.forget(uuid)

    def abandon(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        return self.closer.end(turn_id, code=code, message=message, terminal_reason=terminal_reason)


async def play(seed: int, host: Host) -> AsyncGenerator[str]:
    """Read one damaged wire, and yield what is wrong with what came of it."""
    random = Random(f"claude {seed}")
    name = random.choice(sorted(WIRES))
    records = damaged(WIRES[name], random)
    driver = _Driver()
    session = PlayedSession(host, driver)
    for record in records:
        frame = record["msg"]
        if record["dir"] == "out":
            if frame["type"] == "user":
                await session.give(str(frame["message"]["content"]), frame["uuid"])
            continue
        session.deliver(driver.closer.feed(frame))
        for uuid in driver.closer.take_dropped():
            session.drop_prompt(uuid)
    with anyio.fail_after(30):
        await session.lose()
    for complaint in complaints(session.told, _texts(records)):
        yield f"claude {seed} ({name}): {complaint}"


def _texts(records: list[Json]) -> Iterator[str]:
    for record in records:
        if record["dir"] == "in" and record["msg"].get("type") == "assistant":
            yield from (text for block in blocks(record["msg"]) if isinstance(text := block.get("text"), str))
