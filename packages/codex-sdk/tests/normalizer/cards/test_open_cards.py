from __future__ import annotations

from typing import Any

import pytest

RUNNING = {"command": "/bin/bash -lc 'sleep 9'", "cwd": "/w", "processId": "77", "status": "inProgress"}
DONE = {**RUNNING, "status": "completed", "exitCode": 0, "aggregatedOutput": "a\nb\n", "durationMs": 5}


def result(wire: dict[str, Any]) -> tuple[str, Any, bool]:
    block = wire["message"]["content"][0]
    return block["tool_use_id"], block["content"], block["is_error"]


def test_a_command_is_a_bash_tool_use_with_its_output_and_its_result(scene: Any) -> None:
    scene.begin()
    (use,) = scene.started("commandExecution", **RUNNING)
    block = use["message"]["content"][0]
    assert block == {"type": "tool_use", "id": "item-1", "name": "Bash", "input": {"command": "sleep 9", "cwd": "/w"}}
    (progress,) = scene.printed("a\n")
    assert (progress["tool_use_id"], progress["tool_name"], progress["output"]) == ("item-1", "Bash", "a\n")
    (answer,) = scene.completed("commandExecution", **DONE)
    assert result(answer) == ("item-1", "a\nb\n", False)
    assert answer["tool_use_result"] == {
        "stdout": "a\nb\n",
        "stderr": "",
        "exitCode": 0,
        "interrupted": False,
        "durationMs": 5,
    }
    assert "aggregatedOutput" in scene.thread.item("item-1")
    assert scene.thread.item("item-9") is None


def test_an_item_that_starts_or_completes_twice_is_one_card(scene: Any, rules: Any) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    assert scene.started("commandExecution", **RUNNING) == []
    scene.completed("commandExecution", **DONE)
    assert scene.completed("commandExecution", **DONE) == []
    scene.end()
    assert scene.completed("commandExecution", **DONE) == []
    assert scene.started("commandExecution", **RUNNING) == []
    rules(scene.messages)


def test_an_item_that_never_started_is_a_pair_at_once(scene: Any) -> None:
    scene.begin()
    assert [wire["type"] for wire in scene.completed("commandExecution", **DONE)] == ["assistant", "user"]


def test_a_command_open_at_a_completed_turn_goes_on_as_a_task(scene: Any, rules: Any) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    scene.printed("a\n")
    answer, started, end = scene.end()
    assert result(answer)[2] is False
    assert "Running in background as process 77" in result(answer)[1]
    assert (started["subtype"], started["task_id"], started["description"]) == ("task_started", "item-1", "sleep 9")
    assert end["type"] == "result"
    assert [wire["output"] for wire in scene.printed("b\n")] == ["b\n"]
    (notice,) = scene.completed("commandExecution", **DONE)
    assert (notice["subtype"], notice["status"], notice["summary"]) == (
        "task_notification",
        "completed",
        "The command completed with exit code 0.",
    )
    assert notice["tool_use_result"]["stdout"] == "a\nb\n"
    assert scene.completed("commandExecution", **DONE) == []
    assert scene.printed("late") == []
    rules(scene.messages)


def test_a_task_that_fails_says_so(scene: Any) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    scene.end()
    (notice,) = scene.completed("commandExecution", **{**DONE, "status": "failed", "exitCode": None})
    assert (notice["status"], notice["summary"]) == ("failed", "The command failed.")


def test_an_interrupted_command_is_cut_off_and_its_late_end_ignored(scene: Any) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    scene.printed("a\n")
    assert scene.thread.begin_interrupt("turn-1") == ["77"]
    scene.counted(10)
    answer, end = scene.end("interrupted")
    assert result(answer) == ("item-1", "a\nInterrupted before it finished.", True)
    assert answer["tool_use_result"]["interrupted"] is True
    assert end["terminal_reason"] == "aborted_tools"
    assert scene.thread.foreground_processes("turn-1") == ["77"]
    assert scene.printed("late") == []
    assert scene.completed("commandExecution", **DONE) == []


def test_a_command_that_the_model_left_survives_an_interrupt(scene: Any) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    scene.counted(10)
    assert scene.thread.begin_interrupt("turn-1") == []
    wires = scene.end("interrupted")
    assert [wire["type"] for wire in wires] == ["user", "system", "result"]
    assert wires[-1]["terminal_reason"] == "aborted_streaming"


def test_a_command_left_before_the_next_call_survives_anothers_interrupt(scene: Any) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    scene.counted(10)
    scene.started("commandExecution", "item-2", **{**RUNNING, "processId": "78"})
    wires = scene.end("interrupted")
    assert [result(wire)[2] for wire in wires if wire["type"] == "user"] == [False, True]
    assert scene.thread.foreground_processes("turn-1") == ["78"]


def test_a_call_that_was_just_counted_is_cut_off_when_nobody_announced_the_interrupt(scene: Any) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    scene.counted(10)
    assert result(scene.end("interrupted")[0])[2] is True


def test_writing_to_a_command_makes_the_model_wait_for_it_again(scene: Any) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    scene.counted(10)
    assert scene.thread.foreground_processes("turn-1") == []
    (progress,) = scene.feed("item/commandExecution/terminalInteraction", itemId="item-1", processId="77", stdin="y\n")
    assert progress["stdin"] == "y\n"
    assert scene.thread.foreground_processes("turn-1") == ["77"]
    assert scene.feed("item/commandExecution/terminalInteraction", itemId="item-1", processId="77", stdin="") == []
    assert scene.feed("item/commandExecution/terminalInteraction", itemId="none", processId="1", stdin="y") == []


def test_a_command_whose_process_was_not_named_is_known_by_its_item(scene: Any) -> None:
    scene.begin()
    scene.started("commandExecution", **{**RUNNING, "processId": None})
    scene.started("fileChange", "item-2", changes=[], status="inProgress")
    assert scene.thread.begin_interrupt("turn-1") == []
    assert scene.thread.unnamed_commands("turn-1") == ["item-1"]
    scene.end("interrupted")
    assert scene.thread.foreground_processes("turn-1") == []
    assert scene.thread.unnamed_commands("turn-1") == ["item-1"]
    assert scene.thread.unnamed_commands("turn-9") == []


def test_turns_that_nobody_knows_wait_for_nothing(scene: Any) -> None:
    assert scene.thread.foreground_processes("turn-9") == []
    assert scene.thread.begin_interrupt("turn-9") == []


def test_output_for_an_unknown_item_is_ignored(scene: Any) -> None:
    scene.begin()
    assert scene.printed("x", "item-9") == []


def test_without_partial_messages_there_is_no_progress_but_its_output_counts(quiet_scene: Any) -> None:
    quiet_scene.begin()
    quiet_scene.started("commandExecution", **RUNNING)
    assert quiet_scene.printed("kept\n") == []
    (answer,) = quiet_scene.completed("commandExecution", **{**DONE, "aggregatedOutput": None})
    assert result(answer)[1] == "kept\n"


def test_of_endless_output_the_last_part_is_kept(quiet_scene: Any) -> None:
    quiet_scene.begin()
    quiet_scene.started("commandExecution", **RUNNING)
    for _ in range(5):
        quiet_scene.printed("x" * (1 << 19))
    quiet_scene.printed("end")
    content = result(quiet_scene.completed("commandExecution", **{**DONE, "aggregatedOutput": None})[0])[1]
    assert content.endswith("end")
    assert len(content) < 3 << 20


def test_a_declined_command_is_a_denial_of_the_turn(scene: Any) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    scene.completed("commandExecution", **{**RUNNING, "status": "declined"})
    denial = {"tool_name": "Bash", "tool_use_id": "item-1", "tool_input": {"command": "sleep 9", "cwd": "/w"}}
    assert scene.end()[-1]["permission_denials"] == [denial]


CALL = {"server": "files", "tool": "delete", "arguments": {"path": "/a"}, "status": "inProgress"}
DENIED_CALL = {"tool_name": "mcp__files__delete", "tool_use_id": "item-1", "tool_input": {"path": "/a"}}


def test_a_refused_call_of_an_mcp_server_is_a_denial_of_the_turn(scene: Any) -> None:
    scene.begin()
    scene.started("mcpToolCall", **CALL)
    scene.thread.refuse("item-1")
    error = {"message": "user rejected MCP tool call"}
    (answer,) = scene.completed("mcpToolCall", **{**CALL, "status": "failed", "error": error})
    assert result(answer) == ("item-1", "user rejected MCP tool call", True)
    assert scene.end()[-1]["permission_denials"] == [DENIED_CALL]


def test_a_refused_call_that_is_cut_off_is_a_denial_too(scene: Any) -> None:
    scene.begin()
    scene.started("mcpToolCall", **CALL)
    scene.thread.refuse("item-1")
    assert scene.end("interrupted")[-1]["permission_denials"] == [DENIED_CALL]


def test_a_call_that_fails_unrefused_or_runs_all_the_same_is_no_denial(scene: Any) -> None:
    scene.begin()
    scene.started("mcpToolCall", **CALL)
    scene.thread.refuse("item-2")
    scene.completed("mcpToolCall", **{**CALL, "status": "failed"})
    scene.thread.refuse("item-1")
    scene.started("mcpToolCall", "item-3", **CALL)
    scene.thread.refuse("item-3")
    scene.completed("mcpToolCall", "item-3", **{**CALL, "status": "completed"})
    assert scene.end()[-1]["permission_denials"] == []


def test_what_codex_itself_tells_to_be_refused_is_listed_once(scene: Any) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    scene.thread.refuse("item-1")
    scene.completed("commandExecution", **{**RUNNING, "status": "declined"})
    scene.started("commandExecution", "item-2", **RUNNING)
    scene.thread.refuse("item-2")
    scene.completed("commandExecution", "item-2", **{**DONE, "status": "failed", "exitCode": 1})
    assert [denial["tool_use_id"] for denial in scene.end()[-1]["permission_denials"]] == ["item-1"]


def test_a_patch_that_nobody_completes_is_closed_for_every_file(scene: Any, rules: Any) -> None:
    scene.begin()
    changes = [
        {"path": "/a", "kind": {"type": "add"}, "diff": "x\n"},
        {"path": "/b", "kind": {"type": "delete"}, "diff": ""},
    ]
    uses = scene.started("fileChange", changes=changes, status="inProgress")
    assert [use["message"]["content"][0]["id"] for use in uses] == ["item-1", "item-1#2"]
    assert {use["message"]["id"] for use in uses} == {"item-1"}
    wires = scene.end("interrupted")
    assert [result(wire)[0] for wire in wires[:2]] == ["item-1", "item-1#2"]
    assert all(result(wire)[2] for wire in wires[:2])
    rules(scene.messages)


def test_a_patch_that_grew_gets_a_card_for_the_new_file(scene: Any, rules: Any) -> None:
    scene.begin()
    one = {"path": "/a", "kind": {"type": "add"}, "diff": "x\n"}
    scene.started("fileChange", changes=[one], status="inProgress")
    scene.feed("item/fileChange/patchUpdated", itemId="item-1", changes=[{**one, "diff": "y\n"}])
    assert scene.thread.item("item-1")["changes"][0]["diff"] == "y\n"
    scene.feed("item/fileChange/patchUpdated", itemId="item-9", changes=[])
    wires = scene.completed("fileChange", changes=[{**one, "diff": "y\n"}, {**one, "path": "/b"}], status="completed")
    assert [wire["type"] for wire in wires] == ["assistant", "user", "user"]
    assert wires[1]["tool_use_result"]["input"] == {"file_path": "/a", "content": "y\n"}
    assert "input" not in wires[2]["tool_use_result"]
    rules(scene.messages)


def test_a_patch_that_shrank_fails_the_file_that_it_lost(scene: Any, rules: Any) -> None:
    scene.begin()
    one = {"path": "/a", "kind": {"type": "add"}, "diff": "x\n"}
    scene.started("fileChange", changes=[one, {**one, "path": "/b"}], status="inProgress")
    wires = scene.completed("fileChange", changes=[one], status="completed")
    assert [result(wire)[2] for wire in wires] == [False, True]
    rules(scene.messages)


def test_a_card_open_at_a_completed_turn_that_cannot_run_on_is_an_error(scene: Any) -> None:
    scene.begin()
    scene.started("mcpToolCall", server="s", tool="t", arguments={}, status="inProgress")
    answer, _ = scene.end()
    assert result(answer) == ("item-1", "Codex told no outcome before the turn ended.", True)


def test_a_failed_turn_fails_its_open_cards(scene: Any) -> None:
    scene.begin()
    scene.started("mcpToolCall", server="s", tool="t", arguments={}, status="inProgress")
    assert result(scene.end("failed")[0])[1] == "The turn failed before it finished."


def test_a_tool_that_starts_after_its_turn_appears_when_it_completes(scene: Any, rules: Any) -> None:
    scene.begin()
    scene.end()
    assert scene.started("mcpToolCall", server="s", tool="t", arguments={}) == []
    wires = scene.completed("mcpToolCall", server="s", tool="t", arguments={}, result={"content": []})
    assert [wire["type"] for wire in wires] == ["assistant", "user"]
    wires = scene.started("commandExecution", "late", **RUNNING)
    assert [wire["type"] for wire in wires] == ["assistant", "user", "system"]
    rules(scene.messages)


ENDED = {**RUNNING, "status": "failed", "exitCode": -1, "aggregatedOutput": "a\n", "durationMs": 5}
"""A command that Codex ended, because it was asked to."""


def test_a_task_that_codex_was_asked_to_end_is_stopped(scene: Any, rules: Any) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    scene.end()
    (notice,) = scene.completed("commandExecution", **ENDED)
    assert (notice["status"], notice["summary"]) == ("stopped", "The command was stopped.")
    rules(scene.messages)


@pytest.mark.parametrize("started", [True, False])
def test_a_command_that_codex_ended_was_interrupted_and_one_that_did_not_start_failed(
    scene: Any, rules: Any, started: bool
) -> None:
    scene.begin()
    fields = ENDED if started else {**ENDED, "processId": None, "durationMs": 0}
    answer = scene.completed("commandExecution", **fields)[-1]
    assert result(answer)[1:] == ("a\nInterrupted before it finished." if started else "a\nExit code -1", True)
    assert answer["tool_use_result"]["interrupted"] is started
    scene.end()
    rules(scene.messages)


@pytest.mark.parametrize("ours", [True, False])
def test_a_command_that_was_killed_before_codex_noted_that_it_ends_it_was_interrupted(scene: Any, ours: bool) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    if ours:
        scene.thread.begin_interrupt("turn-1")
    answer = scene.completed("commandExecution", **{**ENDED, "exitCode": 137})[-1]
    assert result(answer)[1:] == ("a\nInterrupted before it finished." if ours else "a\nExit code 137", True)
    assert answer["tool_use_result"]["interrupted"] is ours


def test_a_task_that_was_killed_after_the_interrupt_of_its_turn_failed(scene: Any) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    scene.end()
    scene.thread.begin_interrupt("turn-1")
    (notice,) = scene.completed("commandExecution", **{**ENDED, "exitCode": 137})
    assert (notice["status"], notice["summary"]) == ("failed", "The command failed with exit code 137.")


@pytest.mark.parametrize("ours", [True, False])
def test_a_refusal_that_ends_the_turn_ends_it_in_its_tool(scene: Any, ours: bool) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    scene.completed("commandExecution", **{**RUNNING, "status": "declined"})
    if ours:  # It went on after the refusal, and was interrupted later.
        scene.thread.begin_interrupt("turn-1")
    assert scene.end("interrupted")[-1]["terminal_reason"] == ("aborted_streaming" if ours else "aborted_tools")


def test_the_end_of_the_process_stops_everything(scene: Any, rules: Any) -> None:
    scene.begin()
    scene.started("commandExecution", "task", **RUNNING)
    scene.end()
    scene.begin("turn-2")
    scene.started("commandExecution", "open", turn="turn-2", **RUNNING)
    ended = scene.thread.end(code="process_exited", message="It died.", terminal_reason=None)
    answer, end, notice = scene.take(ended)
    assert result(answer) == ("open", "It died.", True)
    assert (end["error_code"], end["errors"], end["terminal_reason"]) == ("process_exited", ["It died."], None)
    assert (notice["subtype"], notice["status"], notice["task_id"]) == ("task_notification", "stopped", "task")
    assert scene.messages[-2].source.synthetic
    rules(scene.messages)


def test_an_unknown_item_type_is_a_tool_of_its_name(scene: Any) -> None:
    scene.begin()
    (use,) = scene.started("teleport", where="home", status="inProgress")
    assert use["message"]["content"][0]["name"] == "teleport"
    assert use["message"]["content"][0]["input"] == {"where": "home", "status": "inProgress"}
    (answer,) = scene.completed("teleport", where="home", status="failed")
    assert result(answer) == ("item-1", "failed", True)
    assert answer["tool_use_result"]["where"] == "home"


def test_only_the_turn_that_goes_on_leaves_its_commands(scene: Any) -> None:
    scene.begin()
    scene.started("commandExecution", "one", **RUNNING)
    scene.started("mcpToolCall", "two", server="s", tool="t", arguments={})
    scene.counted(10)
    scene.feed("item/commandExecution/terminalInteraction", itemId="one", processId="77", stdin="")
    scene.started("commandExecution", "three", **{**RUNNING, "processId": None})
    scene.counted(20)
    scene.counted(30)
    assert scene.thread.begin_interrupt("turn-1") == []
    assert [result(wire)[2] for wire in scene.end("interrupted") if wire["type"] == "user"] == [False, True, False]


def test_ending_one_turn_leaves_the_tasks_of_others(scene: Any, rules: Any) -> None:
    scene.begin()
    scene.started("commandExecution", "task", **RUNNING)
    scene.end()
    scene.begin("turn-2")
    scene.started("commandExecution", "open", turn="turn-2", **RUNNING)
    ended = scene.thread.end(code="request_timeout", message="No answer.", terminal_reason=None, turn_id="turn-2")
    assert [wire["type"] for wire in scene.take(ended)] == ["user", "result"]
    assert scene.completed("commandExecution", "task", **DONE)[0]["subtype"] == "task_notification"
    rules(scene.messages)


def test_the_end_of_the_process_in_the_middle_of_a_command_leaves_nothing(scene: Any, rules: Any) -> None:
    scene.begin()
    scene.started("commandExecution", **RUNNING)
    scene.counted(10)
    ended = scene.thread.end(code="process_exited", message="It died.", terminal_reason=None)
    assert [wire["type"] for wire in scene.take(ended)] == ["user", "result"]
    rules(scene.messages)
