"""Whatever happens to recorded wires, the rules hold: they are cut, mixed, repeated and corrupted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_sdk_core.wire_log import read_wire_log
from codex_sdk.playback.player import replay

Record = dict[str, Any]

WIRES = [list(read_wire_log(path)) for path in sorted(Path(__file__).parent.glob("*.wire.jsonl"))]

JUNK: Any = st.sampled_from([None, 5, "x", [], {}, [None], True, {"id": 3}])
FATES = st.sampled_from(["kept", "kept", "kept", "kept", "kept", "lost", "twice", "late", "corrupt"])
BOUNDED = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def marked(records: list[Record], mark: str) -> list[Record]:
    """Return a log whose ids no other log has: of threads, turns, prompts, items and requests."""
    text = json.dumps(records)
    kinds = "thread|turn|prompt|item|call|msg|rs|fc|ctc|ws|exec"
    text = re.sub(rf'"(?=(?:{kinds})[-_](?:id-)?\d)', f'"{mark}', text)
    copies = json.loads(text)
    for record in copies:
        if isinstance(record["msg"].get("id"), int):
            record["msg"]["id"] = f"{mark}{record['msg']['id']}"
        params: Record = record["msg"].get("params") or {}
        if "requestId" in params:
            params["requestId"] = f"{mark}{params['requestId']}"
    return copies


@st.composite
def wounded(draw: st.DrawFn) -> list[Record]:
    """A log some of whose notifications were lost, repeated, late or corrupted."""
    records = draw(st.sampled_from(WIRES))
    result: list[Record] = []
    held: list[Record] = []
    for record in records:
        fate = draw(FATES) if "params" in record["msg"] and record["dir"] == "in" else "kept"
        if fate == "late":
            held.append(record)
            continue
        if fate == "corrupt":
            record = corrupted(draw, record)
        result += [record] * {"lost": 0, "twice": 2}.get(fate, 1)
        if held and draw(st.booleans()):
            result.append(held.pop(0))
    return result


def corrupted(draw: st.DrawFn, record: Record) -> Record:
    params: Record = record["msg"]["params"]
    key = draw(st.sampled_from(sorted(params)))
    inner = params.get("item") or params.get("turn")
    if isinstance(inner, dict) and draw(st.booleans()):
        field: str = draw(st.sampled_from(sorted(inner)))  # pyright: ignore[reportUnknownArgumentType]  # keys of JSON
        name = "item" if "item" in params else "turn"
        params = {**params, name: {**inner, field: draw(JUNK)}}
    else:
        params = {**params, key: draw(JUNK)}
    return {**record, "msg": {**record["msg"], "params": params}}


@st.composite
def broken_off(draw: st.DrawFn) -> list[Record]:
    """A log that begins late or ends early."""
    records = draw(st.sampled_from(WIRES))
    start = draw(st.integers(0, 5))
    return records[start : draw(st.integers(start, len(records)))]


@st.composite
def mixed(draw: st.DrawFn) -> tuple[list[Record], list[Record], list[Record]]:
    """Two logs whose ids differ, and both in one, each in its order."""
    first, second = (marked(draw(st.sampled_from(WIRES)), mark) for mark in ("left-", "right-"))
    left, right, both = list(first), list(second), list[Record]()
    while left or right:
        source = left if left and (not right or draw(st.booleans())) else right
        both.append(source.pop(0))
    return first, second, both


def by_session(messages: list[Any]) -> dict[str, list[Any]]:
    sessions: dict[str, list[Any]] = {}
    for message in messages:
        sessions.setdefault(message.session_id, []).append(message)
    return sessions


@BOUNDED
@given(records=wounded(), partial=st.booleans())
def test_a_wounded_wire_keeps_the_rules(records: list[Record], partial: bool, rules: Any, schema: Any) -> None:
    messages = list(replay(records, partial=partial))
    for session in by_session(messages).values():
        rules(session)
    schema(messages)


@BOUNDED
@given(records=broken_off())
def test_a_log_that_breaks_off_keeps_the_rules(records: list[Record], rules: Any) -> None:
    for session in by_session(list(replay(records))).values():
        rules(session)


@BOUNDED
@given(logs=mixed())
def test_two_sessions_in_one_log_never_meet(logs: tuple[list[Record], list[Record], list[Record]], rules: Any) -> None:
    sessions = by_session(list(replay(logs[2])))
    for mark, other, log in (("left-", "right-", logs[0]), ("right-", "left-", logs[1])):
        mine = [message for key, messages in sessions.items() if mark in key for message in messages]
        assert other not in "".join(message.to_json() for message in mine)
        assert [_without_uuids(message) for message in mine] == [_without_uuids(message) for message in replay(log)]
        rules(mine)


def _without_uuids(message: Any) -> dict[str, Any]:
    """Return a message without the ids that tell how many sessions and requests came before; a prompt's is its own."""
    wire = message.to_wire()
    if "request" in wire:
        wire["request"] = {**wire["request"], "request_id": None}
    ours = ("request_id",) if "prompt-" in wire["uuid"] else ("uuid", "request_id")
    return {key: value for key, value in wire.items() if key not in ours}
