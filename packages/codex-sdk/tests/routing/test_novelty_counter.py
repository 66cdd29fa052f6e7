from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_sdk_core.wire_log import read_wire_log
from codex_sdk.protocol.methods import SERVER_NOTIFICATIONS, SERVER_REQUESTS
from codex_sdk.routing.novelty_counter import OTHERS, Unknowns

Json = dict[str, Any]

WIRES = sorted((Path(__file__).parents[1] / "flows").glob("*.wire.jsonl"))
OPENING = ("thread/start", "thread/resume", "thread/fork")
IDS: Json = {"threadId": "t", "turnId": "u"}


class Seen:
    """What was counted, and what was told of it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.unknowns = Unknowns(self.told.append)

    @property
    def counts(self) -> Json:
        unknowns = self.unknowns
        tables = {
            "methods": unknowns.methods, "items": unknowns.items, "fields": unknowns.fields, "values": unknowns.values
        }  # fmt: skip
        return {name: dict(table) for name, table in tables.items() if table}


@pytest.fixture
def seen() -> Seen:
    return Seen()


def messages(wire: Path) -> Iterator[tuple[str, Json]]:
    """Yield what Codex sent: a method, or the method of the request that is answered, and the message."""
    asked: dict[object, str] = {}
    for record in read_wire_log(wire):
        message = record["msg"]
        if record["dir"] == "out":
            asked[message.get("id")] = message.get("method", "")
        else:
            yield message.get("method") or asked[message["id"]], message


def show(unknowns: Unknowns, method: str, message: Json) -> None:
    if "method" not in message:
        unknowns.response(method, message.get("result"))
    elif "id" in message:
        unknowns.request(method, message["params"])
    else:
        unknowns.notification(method, message["params"])


@pytest.mark.parametrize("wire", WIRES, ids=lambda path: path.name.partition(".")[0])
def test_nothing_that_the_pinned_codex_sent_is_unknown(wire: Path, seen: Seen) -> None:
    for method, message in messages(wire):
        show(seen.unknowns, method, message)
    assert seen.counts == {}


def test_fields_and_values_are_counted_and_told_once_together_as_a_turn_ends(seen: Seen) -> None:
    turn = {"id": "u", "status": "paused", "mood": "good"}
    for _ in range(3):
        seen.unknowns.notification("turn/started", {"threadId": "t", "turn": turn})
    assert seen.told == []
    for _ in range(2):
        seen.unknowns.notification("turn/completed", {"threadId": "t", "turn": {**turn, "end": 1}})
    assert seen.counts == {"fields": {"Turn.mood": 5, "Turn.end": 2}, "values": {'TurnStatus "paused"': 5}}
    [told] = seen.told
    assert told.startswith("codex sent fields or values that this SDK does not know: ")
    assert sorted(told.removesuffix(".").split(": ")[1].split(", ")) == ["Turn.end", "Turn.mood", 'TurnStatus "paused"']


def test_of_many_new_names_a_sentence_lists_some(seen: Seen) -> None:
    seen.unknowns.notification("turn/completed", {"turn": {"id": "u", **{f"x{number}": 1 for number in range(23)}}})
    [told] = seen.told
    assert told.endswith(", Turn.x19 and 3 more.")


def test_a_field_of_a_delta_is_found_after_others_without_it(seen: Seen) -> None:
    method, delta = "item/agentMessage/delta", {**IDS, "itemId": "i", "delta": "a"}
    seen.unknowns.notification(method, delta)
    assert seen.unknowns.plain[method] == frozenset(delta)
    seen.unknowns.notification(method, {**delta, "logprobs": []})
    assert seen.counts == {"fields": {"AgentMessageDeltaNotification.logprobs": 1}}


def test_a_field_of_an_item_is_named_with_the_item_wherever_the_item_comes(seen: Seen) -> None:
    item = {"type": "commandExecution", "id": "i", "command": "ls", "sandboxed": True}
    for method in ("item/started", "item/completed"):
        seen.unknowns.notification(method, {**IDS, "item": item})
    seen.unknowns.response("thread/resume", {"thread": {"id": "t", "turns": [{"id": "u", "items": [item]}]}})
    assert seen.counts == {"fields": {"ThreadItem.commandExecution.sandboxed": 3}}


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("turn/completed", {"turn": {"id": "u", "status": "paused"}}, 'TurnStatus "paused"'),
        ("turn/completed", {"turn": {"error": {"codexErrorInfo": "bored"}}}, 'CodexErrorInfo "bored"'),
        ("error", {"error": {"codexErrorInfo": {"bored": {"since": 1}}}}, 'CodexErrorInfo "bored"'),
        ("thread/status/changed", {"status": {"type": "asleep"}}, 'ThreadStatus "asleep"'),
        ("item/completed", {"item": {"type": "mcpToolCall", "status": "queued"}}, 'McpToolCallStatus "queued"'),
    ],
)
def test_a_value_is_counted_by_its_name(method: str, params: Json, name: str, seen: Seen) -> None:
    for _ in range(2):
        seen.unknowns.notification(method, {"threadId": "t", **params})
    assert seen.counts == {"values": {name: 2}}
    seen.unknowns.tell_gathered()
    assert seen.told == [f"codex sent fields or values that this SDK does not know: {name}."]


def test_a_request_is_looked_at_as_well(seen: Seen) -> None:
    asked = {**IDS, "itemId": "i", "kind": "guess", "danger": 9}
    seen.unknowns.request("item/commandExecution/requestApproval", asked)
    assert seen.counts == {
        "fields": {"CommandExecutionRequestApprovalParams.danger": 1},
        "values": {'CommandExecutionApprovalKind "guess"': 1},
    }
    seen.unknowns.request("item/dance", {"with": "me"})
    assert seen.unknowns.methods == {"item/dance": 1}
    assert seen.told[-1] == "codex sent a request that this SDK does not know: item/dance."


def test_so_is_the_answer_to_a_request_of_ours(seen: Seen) -> None:
    seen.unknowns.response("thread/start", {"thread": {"id": "t", "colour": "red"}, "approvalPolicy": "sometimes"})
    seen.unknowns.response("some/method", {"anything": 1})
    assert seen.counts == {"fields": {"Thread.colour": 1}, "values": {'AskForApproval "sometimes"': 1}}


def test_an_unknown_item_is_counted_by_its_type_alone(seen: Seen) -> None:
    item = {"type": "dream", "id": "i", "about": "sheep"}
    for method in ("item/started", "item/completed"):
        seen.unknowns.notification(method, {**IDS, "item": item})
    assert seen.counts == {"items": {"dream": 1}}
    assert len(seen.told) == 1


def test_kinds_are_bounded_in_number_and_in_length(seen: Seen) -> None:
    for number in range(1_500):
        seen.unknowns.notification(f"new/{number}", {})
    seen.unknowns.notification("turn/started", {"turn": {"x" * 10_000_000: 1}})
    assert len(seen.unknowns.methods) == 1_001
    assert seen.unknowns.methods[OTHERS] == 500
    seen.unknowns.tell_gathered()
    assert len(seen.told) == 1_002
    assert all(len(line) < 300 for line in seen.told)


NAMES = st.sampled_from(["item", "type", "turn", "error", "status", "codexErrorInfo", "items", "thread", "turns", "id"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("completed"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | NAMES, inner, max_size=4),
    max_leaves=12,
)
METHODS = st.sampled_from([*SERVER_NOTIFICATIONS, *SERVER_REQUESTS, *OPENING, "no/such"])


@given(method=METHODS, params=st.dictionaries(NAMES | st.text(max_size=5), JSON, max_size=6))
def test_whatever_comes_nothing_is_raised(method: str, params: Json) -> None:
    told: list[str] = []
    unknowns = Unknowns(told.append)
    for _ in range(2):
        unknowns.notification(method, params)
        unknowns.request(method, params)
        unknowns.response(method, params)
    tables = (unknowns.methods, unknowns.items, unknowns.fields, unknowns.values)
    unknowns.tell_gathered()
    assert len(told) <= sum(map(len, tables))
    assert all(count % 2 == 0 for table in tables for count in table.values())
