"""Damaged wires of codex, replayed, and read by a thread family behind a session."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path
from random import Random

import anyio
from tests.damage.damaging import damaged
from tests.damage.playing import PlayedSession, ReadingDriver, complaints

from agent_sdk_core.errors import ProcessExitedError
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.turn_options import TurnOptions
from agent_sdk_core.wire.reading import Json, record_at, text_at
from agent_sdk_core.wire_log import read_wire_log
from codex_sdk.normalizer import ThreadFacts, ThreadFamily
from codex_sdk.playback.player import replay

_FLOWS = Path(__file__).parents[2] / "packages" / "codex-sdk" / "tests" / "flows"
WIRES: dict[str, list[Json]] = {
    path.name.removesuffix(".wire.jsonl"): list(read_wire_log(path)) for path in sorted(_FLOWS.glob("*.wire.jsonl"))
}


class _Driver(ReadingDriver):
    def __init__(self, thread_id: str) -> None:
        self.family = ThreadFamily(ThreadFacts(thread_id, cwd="/w", model="gpt-test"))
        self.responses: dict[str, anyio.Event] = {}
        self.turns: dict[str, str | None] = {}
        self.gone = False

    async def start_turn(
        self, prompt: Prompt, uuid: str, *, options: TurnOptions | None = None, answers: AnswerForm | None = None
    ) -> str | None:
        self.family.main.expect_prompt(uuid, str(prompt))
        self.responses[uuid] = answered = anyio.Event()
        await answered.wait()
        turn_id = self.turns.get(uuid)
        if turn_id is None:
            self.family.main.forget_prompt(uuid)
            raise ProcessExitedError("refused")
        self.family.main.assign_prompt(uuid, turn_id)
        return turn_id

    def answer(self, uuid: str, turn_id: str | None) -> None:
        self.turns[uuid] = turn_id
        if (response := self.responses.get(uuid)) is not None:
            response.set()

    def forget(self, uuid: str) -> None:
        self.family.main.forget_prompt(uuid)

    def abandon(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        return self.family.end(code=code, message=message, terminal_reason=terminal_reason, turn_id=turn_id)


async def play(seed: int, host: Host) -> AsyncGenerator[str]:
    """Read one damaged wire both ways, and yield what is wrong with what came of it."""
    random = Random(f"codex {seed}")
    name = random.choice(sorted(WIRES))
    records = damaged(WIRES[name], random)
    threads = {thread for logged in WIRES[name] for thread in _thread_ids(logged["msg"])}
    for complaint in complaints(list(replay(records)), _texts(records, threads)):
        yield f"codex {seed} ({name}, replayed): {complaint}"
    main = next((thread for logged in WIRES[name] for thread in _thread_ids(logged["msg"])), "thread-1")
    driver = _Driver(main)
    session = PlayedSession(host, driver)
    asked: dict[object, str] = {}
    for logged in records:
        message: Json = logged["msg"]
        params, method, native_id = record_at(message, "params"), text_at(message, "method"), message.get("id")
        if logged["dir"] == "out" and params.get("threadId") == main and "clientUserMessageId" in params:
            asked[native_id] = params["clientUserMessageId"]
            await session.give("go", params["clientUserMessageId"])
        elif logged["dir"] == "in" and "method" not in message:
            uuid = asked.get(native_id) if isinstance(native_id, int | str) else None
            if uuid is not None:
                driver.answer(uuid, text_at(record_at(record_at(message, "result"), "turn"), "id") or None)
                await session.breathe()
        elif logged["dir"] == "in" and "id" not in message and method:
            thread_id = text_at(params, "threadId")
            if driver.family.normalizer(thread_id) is None:
                thread_id = driver.family.thread_of(params) or thread_id
            session.deliver(driver.family.feed(thread_id, method, params, message))
    for uuid in driver.responses:
        driver.answer(uuid, driver.turns.get(uuid))
    with anyio.fail_after(30):
        await session.lose()
    for complaint in complaints(session.told, _texts(records, {main})):
        yield f"codex {seed} ({name}, live): {complaint}"


def _thread_ids(message: Json) -> Iterator[str]:
    if thread_id := text_at(record_at(message, "params"), "threadId"):
        yield thread_id


def _texts(records: list[Json], threads: set[str]) -> Iterator[str]:
    """Return what the agent said in full on these threads, whatever else of its event is damaged."""
    for logged in records:
        message: Json = logged["msg"]
        params = record_at(message, "params")
        if message.get("method") == "thread/unsubscribe":
            return
        if message.get("method") == "item/completed" and "id" not in message and text_at(params, "threadId") in threads:
            yield text_at(record_at(params, "item"), "text")
