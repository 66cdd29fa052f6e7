"""What a session has begun to tell, and what ends it where its agent is gone."""

from __future__ import annotations

from agent_sdk_core import AssistantMessage, SDKMessage, Source, StreamEvent, UserMessage, parse_message
from agent_sdk_core.hosting.closing import OpenTurn


def made(**wire: object) -> SDKMessage:
    return parse_message({"session_id": "s", **wire}, source=Source("codex", thread_id="s", turn_id="t"))


def test_what_is_open_is_ended_with_what_had_come_of_it() -> None:
    turn = OpenTurn()
    turn.feed(made(type="system", subtype="init", tools=[]))
    for name, api_id in (("message_start", "l"), ("message_stop", "l"), ("message_start", "m")):
        turn.feed(made(type="stream_event", event={"type": name}, api_message_id=api_id))
    for kind, words in (("thinking", ["Hm"]), ("text", ["Hel", "lo"])):
        for word in words:
            delta = {"type": f"{kind}_delta", kind: word}
            event = {"type": "content_block_delta", "index": 0 if kind == "thinking" else 1, "delta": delta}
            turn.feed(made(type="stream_event", event=event, api_message_id="m"))
    use: dict[str, object] = {"type": "tool_use", "id": "u", "name": "Bash", "input": {}}
    turn.feed(made(type="assistant", message={"id": "n", "content": [use]}))
    turn.feed(made(type="system", subtype="task_started", task_id="k", tool_use_id="v"))
    first, stop, second, third = turn.close("It died.", session_id="s", backend="fleet", background=True)
    assert isinstance(first, AssistantMessage)
    assert isinstance(stop, StreamEvent)
    assert (stop.event.get("type"), stop.api_message_id) == ("message_stop", "m")
    assert [getattr(block, block.type) for block in first.content] == ["Hm", "Hello"]
    assert isinstance(second, UserMessage)
    [result] = second.tool_results
    assert (result.tool_use_id, result.is_error) == ("u", True)
    assert third.to_wire()["task_id"] == "k"
    assert turn.close("Again.", session_id="s", backend="fleet", background=True) == []


def test_what_was_finalized_is_not_ended_again() -> None:
    turn = OpenTurn()
    event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}
    turn.feed(made(type="stream_event", event=event, api_message_id="m"))
    turn.feed(made(type="assistant", message={"id": "m", "content": [{"type": "text", "text": "Hi"}]}))
    use = {"type": "tool_result", "tool_use_id": "u", "content": "x"}
    turn.feed(made(type="user", message={"role": "user", "content": [use]}))
    turn.feed(made(type="system", subtype="task_notification", task_id="k"))
    turn.feed(made(type="result", subtype="success", user_message_uuids=[]))
    assert turn.source is None
    assert turn.close("x", session_id="s", backend="fleet", background=True) == []


def test_the_end_of_a_turn_ends_its_own_tools_and_leaves_those_of_sub_agents() -> None:
    turn = OpenTurn()
    for use, parent in (("own", None), ("nested", "task")):
        block: dict[str, object] = {"type": "tool_use", "id": use, "name": "Bash", "input": {}}
        turn.feed(made(type="assistant", message={"id": use, "content": [block]}, parent_tool_use_id=parent))
    turn.feed(made(type="result", subtype="success", user_message_uuids=[]))
    [closed] = turn.close("It died.", session_id=None, backend="fleet", background=False)
    assert isinstance(closed, UserMessage)
    assert ([each.tool_use_id for each in closed.tool_results], closed.parent_tool_use_id) == (["nested"], "task")
