from __future__ import annotations

from typing import Any

from claude_sdk.store.transcript.entries import kind_of
from claude_sdk.store.transcript.frames import Agent, frame_of

Json = dict[str, Any]

_AGENT = Agent("a1", "toolu_1", "general-purpose", "look")


def frame(line: Json, agent: Agent | None = None) -> Json:
    made = frame_of({"uuid": "u", **line}, kind_of(line), "s", agent)
    assert made is not None
    return made


def user(content: Any, **fields: Any) -> Json:
    return {"type": "user", "message": {"role": "user", "content": content}, **fields}


def test_a_prompt_is_a_replay_with_its_uuid() -> None:
    assert frame(user("hi", timestamp="t", permissionMode="default")) == {
        "type": "user",
        "message": {"role": "user", "content": "hi"},
        "parent_tool_use_id": None,
        "session_id": "s",
        "uuid": "u",
        "timestamp": "t",
        "isReplay": True,
    }


def test_what_a_sub_agent_was_told_is_no_replay() -> None:
    told = frame(user("look"), _AGENT)
    assert told["message"]["content"] == [{"type": "text", "text": "look"}]
    assert "isReplay" not in told
    assert told["parent_tool_use_id"] == "toolu_1"
    assert (told["agent_id"], told["subagent_type"], told["task_description"]) == ("a1", "general-purpose", "look")


def test_only_what_is_known_of_a_sub_agent_is_told() -> None:
    told = frame(user([{"type": "text", "text": "look"}]), Agent("a1", "toolu_1"))
    assert told["message"]["content"] == [{"type": "text", "text": "look"}]
    assert "subagent_type" not in told


def test_the_first_prompt_of_a_background_agent_is_not_told() -> None:
    background = Agent("a1", "toolu_1", background=True)
    assert frame_of(user("look", parentUuid=None), "prompt", "s", background) is None
    assert frame_of(user("and there", parentUuid="p"), "prompt", "s", background) is not None


def test_a_summary_and_a_note_are_synthetic() -> None:
    summary = frame(user("summary", isCompactSummary=True))
    assert (summary["isSynthetic"], summary["isReplay"]) == (True, False)
    note = frame(user("go on", isMeta=True))
    assert note["isSynthetic"]
    assert note["message"]["content"] == [{"type": "text", "text": "go on"}]


def test_results_carry_their_structure_and_how_they_were_permitted() -> None:
    blocks = [{"type": "tool_result", "tool_use_id": "t", "content": "no"}]
    decision = {"decision": "reject", "source": "user_reject", "grantScope": "once"}
    denied = user(blocks, toolUseResult="Error: no", toolDenialKind="permission-rule", permissionDecision=decision)
    assert frame(denied)["tool_use_result"] == "Error: no"
    assert frame(denied)["tool_result_meta"] == [
        {
            "id": "t",
            "non_execution_kind": "permission-rule",
            "permission_decision": {"decision": "reject", "source": "user_reject"},
        }
    ]
    assert not {"tool_use_result", "tool_result_meta"} & frame(user(blocks)).keys()


def test_an_answer_keeps_what_is_known_of_how_it_came_about() -> None:
    line: Json = {"type": "assistant", "message": {"content": []}, "isAbortedMidStream": True, "error": "server_error"}
    made = frame({**line, "isApiErrorMessage": True, "apiErrorStatus": 500, "thinkingDurationMs": 3})
    assert (made["aborted"], made["error"], made["api_error_status"]) == (True, "server_error", 500)
    assert (made["is_api_error_message"], made["thinking_duration_ms"]) == (True, 3)


def test_a_prompt_that_joined_a_turn_has_the_uuid_that_it_was_sent_with() -> None:
    queued = {"type": "queued_command", "prompt": "also", "source_uuid": "sent"}
    made = frame({"type": "attachment", "attachment": queued})
    assert (made["type"], made["uuid"], made["isReplay"]) == ("user", "sent", True)
    assert made["message"] == {"role": "user", "content": "also"}
    notice = {**queued, "origin": {"kind": "task-notification"}, "runId": "r"}
    made = frame({"type": "attachment", "attachment": notice})
    assert made["origin"] == {"kind": "task-notification", "runId": "r"}
    made = frame({"type": "attachment", "attachment": {**queued, "origin": {"kind": "human"}}})
    assert made["origin"] == {"kind": "human"}


def test_a_prompt_keeps_its_origin() -> None:
    assert frame(user("hi", origin={"kind": "human"}))["origin"] == {"kind": "human"}


def test_a_boundary_is_spelled_as_on_the_wire() -> None:
    metadata = {"preTokens": 3, "preservedSegment": {"headUuid": "h"}, "preCompactOrganizationsCoverStart": False}
    line = {"type": "system", "subtype": "compact_boundary", "compactMetadata": metadata, "logicalParentUuid": "l"}
    assert frame(line) == {
        "type": "system",
        "subtype": "compact_boundary",
        "session_id": "s",
        "uuid": "u",
        "compact_metadata": {"pre_tokens": 3, "preserved_segment": {"head_uuid": "h"}},
        "logical_parent_uuid": "l",
    }
    bare = frame({"type": "system", "subtype": "compact_boundary", "compactMetadata": "odd"})
    assert bare["compact_metadata"] == {}
    assert "logical_parent_uuid" not in bare
    assert frame_of(line, "boundary", "s", _AGENT) is None


def test_what_is_hidden_or_starts_a_turn_by_itself_has_no_frame() -> None:
    assert frame_of({}, "hidden", "s") is None
    assert frame_of({}, "notice", "s") is None
