"""The closer on frames as claude 2.1.329 writes them, in its order."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from agent_sdk_core import (
    AssistantMessage,
    InitMessage,
    ResultMessage,
    SDKMessage,
    StreamEvent,
    TaskNotification,
    UnknownMessage,
    UsageMessage,
    UserMessage,
)
from claude_sdk.normalizer.closer import Closer
from claude_sdk.normalizer.open_cards import blocks
from claude_sdk.normalizer.session_facts import SessionFacts

Json = dict[str, Any]
SESSION = "0b7e5a4e-0000-4000-8000-000000000001"


def frame(kind: str, **fields: Any) -> Json:
    return {"type": kind, "uuid": str(uuid4()), "session_id": SESSION, **fields}


def system(subtype: str, **fields: Any) -> Json:
    return frame("system", subtype=subtype, **fields)


def lifecycle(uuid: str, state: str) -> Json:
    return frame("command_lifecycle", command_uuid=uuid, state=state)


def init(**fields: Any) -> Json:
    return system("init", cwd="/w", model="m", tools=["Bash"], permissionMode="default", **fields)


def event(identity: str, kind: str, **fields: Any) -> Json:
    return frame("stream_event", parent_tool_use_id=None, api_message_id=identity, event={"type": kind, **fields})


def start(identity: str) -> Json:
    return event(identity, "message_start", message={"id": identity, "model": "m", "usage": {"input_tokens": 10}})


def block_start(identity: str, index: int, block: Json) -> Json:
    return event(identity, "content_block_start", index=index, content_block=block)


def delta(identity: str, index: int, **piece: str) -> Json:
    return event(identity, "content_block_delta", index=index, delta={"type": "delta", **piece})


def assistant(identity: str, *blocks: Json, parent: str | None = None, **fields: Any) -> Json:
    message = {"id": identity, "role": "assistant", "model": "m", "content": list(blocks)}
    return frame("assistant", message=message, parent_tool_use_id=parent, **fields)


def use(tool_use_id: str, name: str = "Bash", **tool_input: Any) -> Json:
    return {"type": "tool_use", "id": tool_use_id, "name": name, "input": tool_input or {"command": "ls"}}


def tool_result(tool_use_id: str, parent: str | None = None) -> Json:
    block = {"type": "tool_result", "tool_use_id": tool_use_id, "content": "done", "is_error": False}
    return frame("user", message={"role": "user", "content": [block]}, parent_tool_use_id=parent)


def result(*uuids: str, **fields: Any) -> Json:
    known = {"subtype": "success", "is_error": False, "result": "done", "user_message_uuids": list(uuids)}
    return frame("result", **{**known, **fields})


class Session:
    """A closer, and all that it made."""

    def __init__(self) -> None:
        self.facts = SessionFacts(cwd="/w")
        self.closer = Closer(SESSION, self.facts)
        self.messages: list[SDKMessage] = []

    def feed(self, *frames: Json) -> list[SDKMessage]:
        made = [message for each in frames for message in self.closer.feed(each)]
        self.messages += made
        return made

    def begin(self, uuid: str, content: str = "Go.") -> list[SDKMessage]:
        """Let claude take up a prompt and begin its turn."""
        self.closer.expect(uuid, content)
        return self.feed(lifecycle(uuid, "queued"), lifecycle(uuid, "started"), init())

    def end(self, turn_id: str | None = None) -> list[SDKMessage]:
        made = list(self.closer.end(turn_id, code="process_exited", message="gone", terminal_reason="agent_exited"))
        self.messages += made
        return made

    def results_of(self, tool_use_id: str) -> list[UserMessage]:
        return [
            message
            for message in self.messages
            if isinstance(message, UserMessage)
            and any(block.tool_use_id == tool_use_id for block in message.tool_results)
        ]


@pytest.fixture
def session() -> Session:
    return Session()


def turns(messages: list[SDKMessage]) -> list[str | None]:
    return [message.source.turn_id if message.source else None for message in messages]


def test_frames_pass_through_as_they_are(session: Session) -> None:
    frames = [
        init(),
        assistant("m1", {"type": "text", "text": "Hi"}, aborted=True, extra={"kept": [1]}),
        system("something_new", field=None),
        frame("never_seen", value=1.0),
        frame("rate_limit_event", rate_limit_info={"status": "allowed"}),
    ]
    for each in frames:
        [message] = [made for made in session.feed(each) if made.source and not made.source.synthetic]
        assert message.to_wire() == each
        assert message.raw is each
    assert isinstance(session.messages[-2], UnknownMessage)


def test_a_keep_alive_is_no_message(session: Session) -> None:
    assert session.feed({"type": "keep_alive"}) == []


def test_a_turn_is_called_by_its_prompt_which_is_repeated_after_init(session: Session) -> None:
    queued, started, begun, prompt = session.begin("one", "Say hello.")
    assert turns([queued, started, begun, prompt]) == [None, None, "one", "one"]
    assert isinstance(begun, InitMessage)
    assert isinstance(prompt, UserMessage)
    assert (prompt.uuid, prompt.text, prompt.is_replay) == ("one", "Say hello.", True)
    [ended] = session.feed(result("one"))
    assert isinstance(ended, ResultMessage)
    assert turns([ended]) == ["one"]
    assert not session.closer.running


def test_what_follows_a_result_belongs_to_the_turn_before(session: Session) -> None:
    session.begin("one")
    after = session.feed(result("one"), lifecycle("one", "completed"), system("session_state_changed", state="idle"))
    assert turns(after) == ["one"] * 3


def test_a_turn_without_an_init_of_claudes_gets_one(session: Session) -> None:
    session.begin("one")
    session.feed(result("one"))
    session.closer.expect("two", "/context")
    made = session.feed(lifecycle("two", "started"), assistant("m2", {"type": "text", "text": "Context"}))
    assert [type(message).__name__ for message in made] == [
        "CommandLifecycle",
        "InitMessage",
        "UserMessage",
        "AssistantMessage",
    ]
    assert isinstance(made[1], InitMessage)
    assert (made[1].cwd, made[1].model, made[1].source and made[1].source.synthetic) == ("/w", "m", True)


def test_the_first_turn_without_an_init_is_begun_with_what_is_known(session: Session) -> None:
    session.closer.expect("one", "/cost")
    made = session.feed(lifecycle("one", "started"), result("one"))
    assert isinstance(made[1], InitMessage)
    assert made[1].cwd == "/w"


def test_a_turn_that_nobody_prompted_has_a_name_of_its_own(session: Session) -> None:
    session.begin("one")
    session.feed(result("one"))
    begun, said, ended = session.feed(init(), assistant("m", {"type": "text", "text": "Done."}), result())
    assert len(set(turns([begun, said, ended]))) == 1
    assert turns([begun])[0] not in (None, "one")
    assert isinstance(ended, ResultMessage)
    assert ended.user_message_uuids == []


def test_a_prompt_that_joins_a_turn_of_nobodys_makes_it_its_own(session: Session) -> None:
    session.begin("one")
    session.feed(result("one"), init())
    session.closer.expect("two", "And?")
    lifecycled, begun, prompt = session.feed(lifecycle("two", "started"))
    assert isinstance(begun, InitMessage)
    assert turns([begun, prompt]) == ["two", "two"]
    assert begun.uuid not in {message.uuid for message in session.messages[:-2]}
    [ended] = session.feed(result("two", origin={"kind": "task-notification"}))
    assert turns([ended]) == ["two"]
    assert lifecycled.to_wire()["state"] == "started"


def test_a_prompt_that_joins_a_prompted_turn_is_repeated_there(session: Session) -> None:
    session.begin("one")
    session.closer.expect("two", "And?")
    session.feed(lifecycle("two", "queued"))
    assert session.closer.state_of("two") == "queued"
    _, prompt = session.feed(lifecycle("two", "started"))
    assert isinstance(prompt, UserMessage)
    assert (prompt.uuid, turns([prompt])) == ("two", ["one"])
    session.feed(lifecycle("two", "completed"), result("one", "two"))
    assert session.closer.state_of("one") == session.closer.state_of("two") == "ended"
    assert session.closer.take_dropped() == []


def test_a_prompt_that_claude_lets_go_of_is_told_once(session: Session) -> None:
    session.begin("one")
    session.closer.expect("two", "And?")
    session.feed(lifecycle("two", "queued"), lifecycle("two", "cancelled"), lifecycle("one", "cancelled"))
    assert session.closer.take_dropped() == ["two"]
    assert session.closer.take_dropped() == []
    assert session.closer.state_of("two") == "ended"


def test_the_lifecycle_of_what_another_sent_passes_through(session: Session) -> None:
    [message] = session.feed(lifecycle("theirs", "started"))
    assert message.to_wire()["command_uuid"] == "theirs"
    assert not session.closer.running
    [odd] = session.feed(frame("command_lifecycle", command_uuid=5, state="started"))
    assert odd.to_wire()["command_uuid"] == 5


def test_a_result_that_lists_nothing_ends_the_prompt_of_its_turn(session: Session) -> None:
    session.begin("one")
    [ended] = session.feed({key: value for key, value in result().items() if key != "user_message_uuids"})
    assert isinstance(ended, ResultMessage)
    assert ended.user_message_uuids == ["one"]
    assert "user_message_uuids" not in ended.raw


def test_a_turn_that_compacts_first_has_begun_when_it_does(session: Session) -> None:
    session.closer.expect("one", "/compact", shown=True)
    begun, status, again = session.feed(lifecycle("one", "started"), system("status", status="compacting"), init())[1:]
    assert isinstance(begun, InitMessage)
    assert turns([begun, status, again]) == ["one"] * 3


def test_a_prompt_that_is_not_to_be_shown_is_not_repeated(session: Session) -> None:
    session.closer.expect("one", "/compact", shown=True)
    made = session.feed(lifecycle("one", "started"), init())
    assert [type(message).__name__ for message in made] == ["CommandLifecycle", "InitMessage"]


def test_the_echo_of_a_changed_model_between_turns_begins_none(session: Session) -> None:
    session.begin("one")
    session.feed(result("one"))
    [echo] = session.feed(frame("user", message={"role": "user", "content": "Set model"}, isReplay=True))
    assert not session.closer.running
    assert turns([echo]) == ["one"]


def test_the_tokens_of_a_call_follow_its_message(session: Session) -> None:
    session.begin("one")
    usage = {"input_tokens": 20, "cache_read_input_tokens": 100, "output_tokens": 7, "service_tier": "x"}
    made = session.feed(start("m1"), event("m1", "message_delta", delta={}, usage=usage), event("m1", "message_stop"))
    told = made[-1]
    assert isinstance(told, UsageMessage)
    assert told.usage.model_dump(exclude_none=True) == {
        "input_tokens": 20,
        "cache_read_input_tokens": 100,
        "output_tokens": 7,
    }
    assert told.context_tokens == 127
    assert session.facts.context is not None


def test_a_tool_use_without_a_result_gets_one_before_the_turn_ends(session: Session) -> None:
    session.begin("one")
    closed, ended = session.feed(assistant("m1", use("t1")), result("one"))[1:]
    assert isinstance(closed, UserMessage)
    [block] = closed.tool_results
    assert (block.tool_use_id, block.is_error) == ("t1", True)
    assert isinstance(ended, ResultMessage)


def test_a_result_that_comes_too_late_is_no_second_one_and_not_lost(session: Session) -> None:
    session.begin("one")
    session.feed(assistant("m1", use("t1")), result("one"))
    late = tool_result("t1")
    [notice] = session.feed(late)
    assert notice.to_wire()["subtype"] == "late_tool_result"
    assert notice.raw is late
    assert len(session.results_of("t1")) == 1


def test_what_a_sub_agent_in_the_background_left_open_stays_open_until_it_ends(session: Session) -> None:
    session.begin("one")
    session.feed(
        assistant("m1", use("task", "Task", prompt="Go.")),
        system("task_started", task_id="a1", tool_use_id="task", description="Go", is_backgrounded=True),
        tool_result("task"),
        assistant("m2", use("child"), parent="task"),
        result("one"),
    )
    assert session.results_of("child") == []
    assert [task.task_id for task in session.closer.background_tasks] == ["a1"]
    assert session.closer.tool_use_of("a1") == "task"
    session.feed(system("task_notification", task_id="a1", tool_use_id="task", status="stopped"))
    [closed] = session.results_of("child")
    assert closed.parent_tool_use_id == "task"
    assert session.closer.background_tasks == []


def test_a_sub_agent_that_the_turn_waited_for_is_closed_with_it_children_first(session: Session) -> None:
    session.begin("one")
    session.feed(assistant("m1", use("task", "Task", prompt="Go.")), assistant("m2", use("child"), parent="task"))
    child, parent, ended = session.feed(result("one"))
    assert [block.tool_use_id for message in (child, parent) for block in message.tool_results] == ["child", "task"]  # type: ignore[union-attr]  # both are user messages, which the line asserts
    assert isinstance(ended, ResultMessage)


def test_a_background_command_is_known_by_what_it_runs(session: Session) -> None:
    session.begin("one")
    session.feed(
        assistant("m1", use("t1", command="sleep 9")),
        system("task_started", task_id="b1", tool_use_id="t1", description="Sleeps", is_backgrounded=True),
    )
    [task] = session.closer.background_tasks
    assert (task.task_id, task.command, task.cwd) == ("b1", "sleep 9", "/w")


@pytest.mark.parametrize("ending", ["result", "retry", "next message", "exit"])
def test_a_block_that_broke_off_is_completed_as_far_as_it_came(session: Session, ending: str) -> None:
    session.begin("one")
    session.feed(
        start("m1"),
        block_start("m1", 0, {"type": "thinking", "thinking": "", "signature": ""}),
        delta("m1", 0, thinking="Hm"),
        block_start("m1", 1, {"type": "text", "text": ""}),
        delta("m1", 1, text="Hel"),
        delta("m1", 1, text="lo"),
    )
    made = {
        "result": lambda: session.feed(result("one")),
        "retry": lambda: session.feed(system("api_retry", attempt=1)),
        "next message": lambda: session.feed(start("m2")),
        "exit": session.end,
    }[ending]()
    thought, first, text, second, stop = made[:5]
    assert isinstance(thought, AssistantMessage)
    assert isinstance(text, AssistantMessage)
    assert (thought.aborted, text.aborted, text.text) == (True, True, "Hello")
    assert thought.content[0].to_wire()["thinking"] == "Hm"
    assert [message.event.get("type") for message in (first, second, stop) if isinstance(message, StreamEvent)] == [
        "content_block_stop",
        "content_block_stop",
        "message_stop",
    ]
    assert {message.api_message_id for message in (first, second, stop) if isinstance(message, StreamEvent)} == {"m1"}


def test_a_block_that_came_whole_only_gets_its_stop(session: Session) -> None:
    session.begin("one")
    session.feed(
        start("m1"),
        block_start("m1", 0, {"type": "text", "text": ""}),
        delta("m1", 0, text="Hi"),
        assistant("m1", {"type": "text", "text": "Hi"}),
    )
    stop, end, _ = session.feed(result("one"))
    assert isinstance(stop, StreamEvent)
    assert isinstance(end, StreamEvent)
    assert (stop.event.get("type"), end.event.get("type")) == ("content_block_stop", "message_stop")


def test_a_tool_use_whose_input_broke_off_is_told_with_what_came_and_a_result(session: Session) -> None:
    session.begin("one")
    session.feed(
        start("m1"),
        block_start("m1", 0, {"type": "tool_use", "id": "t1", "name": "Bash", "input": {}}),
        delta("m1", 0, partial_json='{"comm'),
    )
    made = session.feed(system("api_retry", attempt=1))
    assert isinstance(made[0], AssistantMessage)
    assert made[0].content[0].to_wire()["partial_input"] == '{"comm'
    assert len(session.results_of("t1")) == 1
    session.feed(result("one"))
    assert len(session.results_of("t1")) == 1


def test_a_message_that_ended_leaves_nothing_to_finish(session: Session) -> None:
    session.begin("one")
    session.feed(
        start("m1"),
        block_start("m1", 0, {"type": "text", "text": ""}),
        delta("m1", 0, text="Hi"),
        assistant("m1", {"type": "text", "text": "Hi"}),
        event("m1", "content_block_stop", index=0),
        event("m1", "message_stop"),
    )
    assert len(session.feed(result("one"))) == 1


def test_a_malformed_end_of_a_message_ends_nothing(session: Session) -> None:
    session.begin("one")
    session.feed(start("m1"))
    assert [message.type for message in session.feed(event("m1", "message_stop", delta=None))] == ["stream_event"]
    stop, _ = session.feed(result("one"))
    assert isinstance(stop, StreamEvent)
    assert stop.event.get("type") == "message_stop"


def test_the_death_of_the_process_ends_everything(session: Session) -> None:
    session.begin("one")
    session.feed(
        assistant("m1", use("t1")),
        system("task_started", task_id="b1", tool_use_id="t0", description="x", is_backgrounded=True),
    )
    closed, task, ended = session.end()
    assert isinstance(closed, UserMessage)
    assert isinstance(task, TaskNotification)
    assert (task.task_id, task.status) == ("b1", "stopped")
    assert isinstance(ended, ResultMessage)
    assert (ended.user_message_uuids, ended.error_code, ended.terminal_reason) == (
        ["one"],
        "process_exited",
        "agent_exited",
    )
    assert session.end() == []


def test_only_the_turn_that_is_meant_is_ended(session: Session) -> None:
    session.begin("one")
    assert session.end("another") == []
    [ended] = session.end("one")
    assert isinstance(ended, ResultMessage)


def test_a_cleared_conversation_goes_on_under_another_id(session: Session) -> None:
    session.begin("one")
    session.feed(frame("conversation_reset", new_conversation_id="new"))
    assert session.closer.session_id == "new"
    [ended] = session.feed(result("one", session_id="new"))
    assert ended.session_id == "new"
    assert ended.source is not None
    assert (ended.source.thread_id, ended.source.turn_id) == ("new", "one")


@pytest.mark.parametrize(
    ("fields", "code", "retryable"),
    [
        ({"error": "server_error", "api_error": "connection_failed"}, "connection_failed", True),
        ({"error": "unknown", "api_error_type": "overloaded_error"}, "overloaded", True),
        ({"error": "billing_error"}, "usage_limit", False),
        ({"error": "something_new"}, "turn_failed", False),
    ],
)
def test_a_failure_is_of_the_class_that_the_assistants_message_tells(
    session: Session, fields: Json, code: str, retryable: bool
) -> None:
    session.begin("one")
    session.feed(assistant("m1", {"type": "text", "text": "API Error"}, **fields))
    wire = result("one", is_error=True, terminal_reason="api_error", result="API Error")
    [ended] = session.feed(wire)
    assert isinstance(ended, ResultMessage)
    assert ended.to_wire() == wire
    assert ended.error is not None
    assert (ended.error.code, ended.error.retryable, ended.error.backend) == (code, retryable, "claude")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"terminal_reason": "prompt_too_long"}, "context_window_exceeded"),
        ({"stop_reason": "refusal"}, "content_policy"),
    ],
)
def test_a_failure_is_of_the_class_that_the_result_tells(session: Session, fields: Json, code: str) -> None:
    session.begin("one")
    [ended] = session.feed(result("one", is_error=True, **fields))
    assert isinstance(ended, ResultMessage)
    assert ended.error is not None
    assert ended.error.code == code


def test_the_error_of_one_turn_is_not_that_of_the_next(session: Session) -> None:
    session.begin("one")
    session.feed(assistant("m1", {"type": "text", "text": "x"}, error="rate_limit"), result("one", is_error=True))
    session.begin("two")
    [ended] = session.feed(result("two", is_error=True))
    assert isinstance(ended, ResultMessage)
    assert ended.error is not None
    assert ended.error.code == "turn_failed"


@pytest.mark.parametrize("frame", [{}, {"message": None}, {"message": {}}, {"message": {"content": "text"}}])
def test_a_frame_without_blocks_has_none(frame: Json) -> None:
    assert blocks(frame) == []
