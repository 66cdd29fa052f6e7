"""What streams is read in runs, and says what each of its messages says by itself, however the wire is damaged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random
from typing import Any
from unittest.mock import Mock

import anyio
import pytest
from tests.damage import claude_wires, codex_wires
from tests.damage.damaging import damaged

from agent_sdk_core.errors import AgentError, ProcessExitedError
from agent_sdk_core.messages.conversation import StreamEvent
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.rpc.connection import LineConnection
from agent_sdk_core.rpc.jsonrpc import Peer
from agent_sdk_core.rpc.receiver import Holes, Receiver, Run
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.wire.reading import Json, record_at, text_at
from claude_sdk.normalizer.closer import Closer
from claude_sdk.normalizer.plain_deltas import holes_of
from claude_sdk.normalizer.session_facts import SessionFacts
from claude_sdk.process.control_peer import ControlPeer
from codex_sdk.normalizer import ThreadFacts, ThreadFamily
from codex_sdk.routing.receiver import Dispatcher

SEEDS = range(100)
PIECES = ("a", "word ", "\n", '"', "\\", "\u2028", "é", "🎉", "x" * 300, '","delta":"', "", "\x7f")


class Chunks:
    """A channel with a wire to read, cut anywhere."""

    name = "chunks"

    def __init__(self, wire: bytes, random: Random) -> None:
        self._wire = wire
        self._random = random

    async def read(self) -> bytes:
        size = self._random.choice([1, 50, 5_000, 1_000_000])
        chunk, self._wire = self._wire[:size], self._wire[size:]
        return chunk

    async def write(self, data: bytes) -> None:
        """Nobody listens."""

    def close_input(self) -> None:
        """Nobody listens."""

    async def wait(self) -> object:
        return None

    def exit_error(self) -> AgentError:
        return ProcessExitedError("It ended.")


class Thread:
    """What a session is to the router: it makes messages of what comes."""

    def __init__(self, thread_id: str, told: list[SDKMessage]) -> None:
        self.thread_id = thread_id
        self.family = ThreadFamily(ThreadFacts(thread_id, cwd="/w", model="m"), uuid_prefix="0" * 24)
        self.told = told
        self.runs = 0
        self.when_closed: list[Callable[[], object]] = []
        self.claims, self.thread_of = self.family.claims, self.family.thread_of
        self.take_adopted = self.family.take_adopted

    def feed(self, thread_id: str, method: str, params: Json, raw: Json) -> Sequence[str]:
        self.told += self.family.feed(thread_id, method, params, raw)
        return self.family.adopted

    def feed_run(self, method: str, params: Json, texts: Sequence[str], lines: Sequence[bytes]) -> bool:
        messages = self.family.feed_run(method, params, texts, lines)
        self.told += messages or ()
        self.runs += messages is not None
        return messages is not None

    def flush(self) -> None:
        """It hands on nothing."""


class Claude(Receiver):
    """What reads claude's frames."""

    def __init__(self, told: list[SDKMessage]) -> None:
        self.closer = Closer("s", SessionFacts(cwd="/w"))
        self.told = told
        self.runs = 0

    def on_message(self, name: str, body: Json, raw: Json, /) -> None:
        self.told += self.closer.feed(body)

    def holes_of(self, raw: Json, /) -> Holes | None:
        return holes_of(raw)

    def on_run(self, run: Run, /) -> bool:
        messages = self.closer.feed_run(run)
        self.told += messages or ()
        self.runs += messages is not None
        return messages is not None


async def _write(line: bytes) -> None:
    """Nobody listens."""


async def read_codex(wire: bytes, thread_id: str, random: Random, *, runs: bool) -> tuple[list[SDKMessage], int]:
    told: list[SDKMessage] = []
    host = Host("runs", on_stop=lambda: None, on_abort=lambda error: None)  # type: ignore[arg-type]  # it never ends here
    ignore: Any = Mock()
    dispatcher: Dispatcher[Any] = Dispatcher(host, ignore, ignore, ignore, ignore)
    thread = Thread(thread_id, told)
    dispatcher.attach(thread)
    if not runs:
        dispatcher.on_run = lambda run: False
    await LineConnection(Chunks(wire, random), Peer(_write, dispatcher)).run()
    return told, thread.runs


async def read_claude(wire: bytes, thread_id: str, random: Random, *, runs: bool) -> tuple[list[SDKMessage], int]:
    told: list[SDKMessage] = []
    receiver = Claude(told)
    if not runs:
        receiver.on_run = lambda run: False
    await LineConnection(Chunks(wire, random), ControlPeer(_write, receiver)).run()
    return told, receiver.runs


def streaming(records: list[Json], random: Random) -> Iterator[Json]:
    """Yield what an agent sent, and after each delta some more of its block."""
    for record in records:
        message = record["msg"]
        if record["dir"] != "in":
            continue
        yield message
        params, event = record_at(message, "params"), record_at(message, "event")
        for _ in range(random.randint(0, 6)):
            piece = random.choice(PIECES)
            if "delta" in params:
                yield {**message, "params": {**params, "delta": piece}}
            elif isinstance(event.get("delta"), dict):
                key = next((key for key in ("text", "thinking", "partial_json") if key in event["delta"]), "text")
                uuid = f"{random.getrandbits(48):036x}"
                yield {**message, "uuid": uuid, "event": {**event, "delta": {**event["delta"], key: piece}}}


def written(messages: Iterator[Json], random: Random) -> bytes:
    """Return messages as an agent might write them, a few of the bytes damaged."""
    ascii_only, spaced = random.random() < 0.3, random.random() < 0.2
    lines: list[bytes] = []
    for message in messages:
        try:
            line = json.dumps(message) if ascii_only else json.dumps(message, ensure_ascii=False)
            encoded = (line if spaced else json.dumps(message, ensure_ascii=ascii_only, separators=(",", ":"))).encode()
        except UnicodeEncodeError:
            encoded = json.dumps(message).encode()
        if random.random() < 0.03:
            at = random.randrange(len(encoded))
            encoded = encoded[:at] + random.choice([b"\xff", b'"', b"\\", b"", b"\x00"]) + encoded[at + 1 :]
        lines.append(encoded)
    return b"\n".join(lines) + b"\n"


def shown(message: SDKMessage) -> tuple[object, ...]:
    """Return all of a message but an identity by chance."""
    wire = message.to_wire()
    source = message.source
    if not isinstance(message, StreamEvent) or (source is not None and source.synthetic):
        wire.pop("uuid", None)
    origin = None if source is None else (source.thread_id, source.item_id, source.synthetic, source.failure)
    return type(message), json.dumps(wire), origin, json.dumps(message.raw)


@pytest.mark.parametrize("agent", ["codex", "claude"])
def test_runs_say_what_each_of_their_messages_says(agent: str) -> None:
    wires, reader = (codex_wires.WIRES, read_codex) if agent == "codex" else (claude_wires.WIRES, read_claude)
    in_runs = 0
    for seed in SEEDS:
        random = Random(f"{agent} {seed}")
        name = random.choice(sorted(wires))
        records = damaged(wires[name], random) if random.random() < 0.7 else wires[name]
        thread_id = next(
            (known for logged in wires[name] if (known := text_at(record_at(logged["msg"], "params"), "threadId"))), "t"
        )
        wire = written(streaming(records, random), random)
        read = partial(reader, wire, thread_id)
        told, runs = anyio.run(partial(read, Random(seed), runs=True))
        each, none = anyio.run(partial(read, Random(seed), runs=False))
        assert [shown(message) for message in told] == [shown(message) for message in each], f"{agent} {seed} ({name})"
        in_runs += runs
        assert not none
    assert in_runs > 50, "runs were read as such"
