from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from agent_sdk_core.errors import AgentError, ProcessExitedError
from agent_sdk_core.rpc.connection import LineConnection
from agent_sdk_core.rpc.jsonrpc import Peer
from agent_sdk_core.rpc.receiver import Holes, JsonObject, ProtocolIssue, Receiver, Run
from agent_sdk_core.rpc.runs import Stencil
from agent_sdk_core.transport.framing import OversizedLine

TEXT = Holes(("params", "delta"))
TOLD_APART = Holes(("event", "text"), ("uuid",))


def delta(text: str, item: str = "i" * 80) -> JsonObject:
    return {"method": "delta", "params": {"itemId": item, "delta": text}}


def frame(text: str, uuid: str) -> JsonObject:
    return {"type": "delta", "event": {"kind": "text", "text": text}, "session": "s", "uuid": uuid, "of": "m"}


def stencil(message: JsonObject, holes: Holes = TEXT) -> Stencil:
    made = Stencil.of(to_json(message), message, holes)
    assert made is not None
    return made


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_lines_that_differ_in_their_text_are_one_run(texts: list[str]) -> None:
    lines = [to_json(delta(text)) for text in texts]
    run = stencil(delta("first")).run(lines, 0)
    assert (run is None) == (not texts)
    if run is not None:
        assert list(run.texts) == texts
        assert run.messages() == [delta(text) for text in texts]


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.uuids().map(str))))
def test_what_tells_messages_apart_is_read_with_their_text(told: list[tuple[str, str]]) -> None:
    run = stencil(frame("first", "0" * 36), TOLD_APART).run([to_json(frame(*each)) for each in told], 0)
    assert ([] if run is None else list(zip(run.texts, run.identities, strict=True))) == told


def test_escapes_and_spaces_are_the_writers_own() -> None:
    line = json.dumps(delta("Grüße \u2028")).encode()
    assert (run := stencil_of(line).run([json.dumps(delta('"\\')).encode()], 0)) is not None
    assert run.texts == ['"\\']


def stencil_of(line: bytes) -> Stencil:
    made = Stencil.of(line, json.loads(line), TEXT)
    assert made is None, "what stands in the line is not how we would write it"
    plain = json.dumps(delta("x")).encode()
    made = Stencil.of(plain, json.loads(plain), TEXT)
    assert made is not None
    return made


@pytest.mark.parametrize(
    "line",
    [
        to_json(delta("x", item="j" * 80)),
        to_json({"method": "delta", "params": {"itemId": "i" * 80, "delta": "x", "more": 1}}),
        to_json({"method": "delta", "params": {"itemId": "i" * 80, "delta": 5}}),
        to_json(delta("x"))[:-1],
        to_json(delta("x")) + b" ",
        to_json(delta("x")).replace(b'"x"', b'"x","delta":"y"'),
        to_json(delta("x")).replace(b"x", b"\xff"),
        to_json(delta("x")).replace(b"x", b"\\"),
        to_json(delta("x")).replace(b"x", b"\n"),
        to_json(delta(""))[:-3],
        b"",
        OversizedLine(5, b"{"),
    ],
)
def test_another_line_ends_a_run(line: bytes | OversizedLine) -> None:
    made = stencil(delta("first"))
    assert made.run([line], 0) is None
    run = made.run([to_json(delta("a")), to_json(delta("b")), line, to_json(delta("c"))], 1)
    assert run is not None
    assert run.texts == ["b"]


@pytest.mark.parametrize("end", [b'"}', b'x","uuid":"0","of":"m"}', b'"'])
def test_a_line_of_an_identity_of_another_length_ends_a_run(end: bytes) -> None:
    made = stencil(frame("first", "0" * 36), TOLD_APART)
    good = to_json(frame("x", "1" * 36))
    assert made.run([good[: -len(end) - 3] + end], 0) is None
    assert made.run([good.replace(b"1" * 36, b"1" * 17 + b'","' + b"1" * 16)], 0) is None


def test_a_text_that_stands_elsewhere_too_makes_no_stencil() -> None:
    twice: JsonObject = {"method": "delta", "params": {"delta": "x", "itemId": "x"}}
    assert Stencil.of(to_json(twice), twice, TEXT) is None
    same = frame("uuid", "0" * 36)
    assert Stencil.of(to_json(same), same, Holes(("event", "text"), ("uuid",))) is not None
    assert Stencil.of(to_json(same), same, Holes(("of",), ("session",))) is None


@dataclass
class Owner(Receiver):
    """Takes runs, or each message, and notes in which of the two ways."""

    takes_runs: bool = True
    told: list[tuple[str, object]] = field(default_factory=list[tuple[str, object]])
    issues: list[ProtocolIssue] = field(default_factory=list[ProtocolIssue])
    problem: Exception | None = None

    def on_message(self, name: str, body: JsonObject, raw: JsonObject, /) -> None:
        self.told.append(("message", body.get("delta", name)))

    def holes_of(self, raw: JsonObject, /) -> Holes | None:
        return TEXT if raw.get("method") == "delta" else None

    def on_run(self, run: Run, /) -> bool:
        if self.problem is not None:
            raise self.problem
        self.told += [("run", text) for text in run.texts] if self.takes_runs else []
        return self.takes_runs

    def on_issue(self, issue: ProtocolIssue, /) -> None:
        self.issues.append(issue)


class Chunks:
    """A channel that has something to read, and ends."""

    name = "chunks"

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)

    async def read(self) -> bytes:
        return self.chunks.pop(0) if self.chunks else b""

    async def write(self, data: bytes) -> None:
        raise NotImplementedError

    def close_input(self) -> None:
        """Nothing is written."""

    async def wait(self) -> object:
        return None

    def exit_error(self) -> AgentError:
        return ProcessExitedError("It ended.")


async def read(owner: Owner, *chunks: bytes, tapped: list[JsonObject] | None = None) -> None:
    async def write(line: bytes) -> None:
        raise NotImplementedError

    def tap(direction: str, message: JsonObject) -> None:
        assert tapped is not None
        tapped.append(message)

    await LineConnection(Chunks(*chunks), Peer(write, owner, tap=tap if tapped is not None else None)).run()


LINES = [to_json(each) + b"\n" for each in (delta("a"), delta("b"), delta("c"), {"method": "x"}, delta("d"))]
IN_ORDER = ["a", "b", "c", "x", "d"]


@pytest.mark.anyio
async def test_the_receiver_gets_everything_in_order_and_runs_at_once() -> None:
    owner = Owner()
    await read(owner, b"".join(LINES), *LINES)
    assert [text for _, text in owner.told] == IN_ORDER * 2
    assert [kind for kind, text in owner.told if text != "x"] == ["message"] * 2 + ["run"] * 6


@pytest.mark.anyio
async def test_a_receiver_that_takes_no_run_gets_each_message() -> None:
    owner = Owner(takes_runs=False)
    await read(owner, b"".join(LINES))
    assert owner.told == [("message", text) for text in IN_ORDER]


@pytest.mark.anyio
async def test_a_tap_sees_each_message() -> None:
    owner, tapped = Owner(), list[JsonObject]()
    await read(owner, b"".join(LINES), tapped=tapped)
    assert [kind for kind, _ in owner.told] == ["message"] * 5
    assert [to_json(message) + b"\n" for message in tapped] == LINES


@pytest.mark.anyio
async def test_a_receiver_that_fails_on_a_run_is_reported_with_it_and_the_stream_goes_on() -> None:
    owner = Owner(problem=RuntimeError("no"))
    await read(owner, b"".join(LINES))
    assert [text for _, text in owner.told] == ["a", "b", "x"]
    assert [issue.kind for issue in owner.issues] == ["callback_failed"] * 2
    assert owner.issues[0].raw == [delta("c")]
