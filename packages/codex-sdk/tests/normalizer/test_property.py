"""Whatever happens to the wire, the rules hold: sequences are cut, mixed, repeated and corrupted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Event = tuple[str, dict[str, Any]]

COMMAND = {"type": "commandExecution", "id": "cmd", "command": "bash -lc 'sleep 1'", "processId": "7"}
CHANGES = [
    {"path": "/a", "kind": {"type": "update", "move_path": "/b"}, "diff": "@@ -1 +1 @@\n-a\n+b\n\n\nMoved to: /b"},
    {"path": "/c", "kind": {"type": "add"}, "diff": "c"},
]


def item(done: bool, **fields: Any) -> Event:
    return ("item/completed" if done else "item/started", {"item": fields})


def delta(method: str, item_id: str, text: str, **fields: Any) -> Event:
    return f"item/{method}", {"itemId": item_id, "delta": text, **fields}


TEXT: list[Event] = [
    item(False, type="agentMessage", id="msg", text=""),
    delta("agentMessage/delta", "msg", "Hel"),
    delta("agentMessage/delta", "msg", "lo"),
    item(True, type="agentMessage", id="msg", text="Hello", phase="final_answer"),
]
THINKING: list[Event] = [
    item(False, type="reasoning", id="rs"),
    ("item/reasoning/summaryPartAdded", {"itemId": "rs", "summaryIndex": 0}),
    delta("reasoning/summaryTextDelta", "rs", "One", summaryIndex=0),
    ("item/reasoning/summaryPartAdded", {"itemId": "rs", "summaryIndex": 1}),
    delta("reasoning/summaryTextDelta", "rs", "Two", summaryIndex=1),
    delta("reasoning/textDelta", "rs", "raw", contentIndex=0),
    item(True, type="reasoning", id="rs", summary=["One", "Two"], content=["raw"]),
]
PLAN: list[Event] = [
    item(False, type="plan", id="plan", text=""),
    delta("plan/delta", "plan", '- "a"\n'),
    item(True, type="plan", id="plan", text='- "a"\n- b'),
]
SHELL: list[Event] = [
    item(False, **COMMAND, status="inProgress"),
    delta("commandExecution/outputDelta", "cmd", "out\n"),
    ("item/commandExecution/terminalInteraction", {"itemId": "cmd", "processId": "7", "stdin": "y"}),
    item(True, **COMMAND, status="completed", exitCode=0, aggregatedOutput="out\n"),
]
PATCH: list[Event] = [
    item(False, type="fileChange", id="patch", changes=CHANGES, status="inProgress"),
    ("item/fileChange/patchUpdated", {"itemId": "patch", "changes": CHANGES[:1]}),
    item(True, type="fileChange", id="patch", changes=CHANGES, status="completed"),
    ("turn/diff/updated", {"diff": "diff"}),
]
OTHERS: list[Event] = [
    item(False, type="mcpToolCall", id="mcp", server="s", tool="t", arguments={}, status="inProgress"),
    item(True, type="mcpToolCall", id="mcp", server="s", tool="t", arguments={}, result={"content": []}),
    item(False, type="webSearch", id="web", query=""),
    item(True, type="webSearch", id="web", query="q"),
    item(False, type="teleport", id="new"),
    item(True, type="teleport", id="new", status="failed"),
    item(False, type="contextCompaction", id="compact"),
    item(True, type="contextCompaction", id="compact"),
]
AROUND: list[Event] = [
    item(True, type="userMessage", id="user", clientId="uuid-1", content=[{"type": "text", "text": "hi"}]),
    ("error", {"willRetry": True, "error": {"message": "Reconnecting... 1/2"}}),
    ("error", {"willRetry": False, "error": {"message": "bad", "codexErrorInfo": "badRequest"}}),
    ("turn/plan/updated", {"plan": [{"step": "a", "status": "pending"}]}),
    ("thread/tokenUsage/updated", {"tokenUsage": {"total": {"inputTokens": 10}, "last": {"inputTokens": 10}}}),
    ("thread/tokenUsage/updated", {"tokenUsage": {"total": {"inputTokens": 30}, "last": {"inputTokens": 20}}}),
    ("warning", {"message": "careful"}),
    ("thread/settings/updated", {"threadSettings": {"approvalPolicy": "never", "sandboxPolicy": {"type": "readOnly"}}}),
    ("account/rateLimits/updated", {"rateLimits": {"primary": None}}),
    ("something/new", {"x": 1}),
]
SEQUENCES = [TEXT, THINKING, PLAN, SHELL, PATCH, OTHERS, AROUND]
JUNK = st.sampled_from([None, 5, "x", [], {}, [None], True, {"id": 3}])


@st.composite
def turn(draw: st.DrawFn, turn_id: str) -> list[Event]:
    """One turn whose parts are interleaved, its events lost, repeated, late or corrupted."""
    parts = [list(part) for part in draw(st.lists(st.sampled_from(SEQUENCES), max_size=4, unique_by=id))]
    events: list[Event] = []
    while parts:
        part = draw(st.sampled_from(parts))
        method, own = part.pop(0)
        params: dict[str, Any] = {"threadId": "thread-1", "turnId": turn_id, **own}
        if "item" in params:
            # Ids are the agent's and unique in a thread.
            params["item"] = {**params["item"], "id": f"{turn_id}/{params['item']['id']}"}
        elif "itemId" in params:
            params["itemId"] = f"{turn_id}/{params['itemId']}"
        fate = draw(st.sampled_from(["kept", "kept", "kept", "kept", "lost", "twice", "corrupt"]))
        if fate == "corrupt":
            params = corrupted(draw, params)
        events += [(method, params)] * {"lost": 0, "twice": 2}.get(fate, 1)
        if not part:
            parts.remove(part)
    start = draw(st.integers(0, 2))
    events.insert(min(start, len(events)), ("turn/started", {"turn": {"id": turn_id, "rootTurnId": turn_id}}))
    late = draw(st.integers(0, 3))
    status = draw(st.sampled_from(["completed", "interrupted", "failed", "strange"]))
    end: Event = ("turn/completed", {"threadId": "thread-1", "turn": {"id": turn_id, "status": status}})
    events.insert(len(events) - min(late, len(events) - 1), end)
    return events


def corrupted(draw: st.DrawFn, params: dict[str, Any]) -> dict[str, Any]:
    key = draw(st.sampled_from(sorted(params)))
    if key == "item" and draw(st.booleans()):
        inner = draw(st.sampled_from(sorted(params["item"])))
        return {**params, "item": {**params["item"], inner: draw(JUNK)}}
    # A turn id of junk is no turn; one that is another string would be another turn, which is not what is tested.
    return {**params, key: draw(JUNK)}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=turn("turn-1"), second=turn("turn-2"), interrupt=st.booleans())
def test_the_rules_hold_whatever_the_wire_does(
    make_scene: Callable[[], Any],
    rules: Callable[[list[Any]], None],
    first: list[Event],
    second: list[Event],
    interrupt: bool,
) -> None:
    scene = make_scene()
    scene.thread.expect_prompt("uuid-1", "hi")
    scene.thread.assign_prompt("uuid-1", "turn-1")
    for method, params in [*first, *second]:
        if interrupt and method == "turn/completed":
            scene.thread.begin_interrupt("turn-1")
        scene.feed(method, params)
    scene.take(scene.thread.end(code="process_exited", message="It died.", terminal_reason=None))

    rules(scene.messages)
    ended = [message for message in scene.messages if message.type == "result"]
    assert Counter(message.source.turn_id for message in ended if message.source.turn_id in ("turn-1", "turn-2")) == {
        "turn-1": 1,
        "turn-2": 1,
    }
    assert sum("uuid-1" in message.user_message_uuids for message in ended) == 1
    used = [use.id for message in scene.messages if message.type == "assistant" for use in message.tool_uses]
    answered = [
        result.tool_use_id for message in scene.messages if message.type == "user" for result in message.tool_results
    ]
    assert sorted(used) == sorted(answered)
    started = {
        m.api_message_id for m in scene.messages if m.type == "stream_event" and m.event["type"] == "message_start"
    }
    stopped = {
        m.api_message_id for m in scene.messages if m.type == "stream_event" and m.event["type"] == "message_stop"
    }
    assert started == stopped
