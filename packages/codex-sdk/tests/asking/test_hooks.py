"""Codex's hooks as events: which tool it is, in the words of messages, and what of it can be changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent_sdk_core import ToolRegistry, tool
from agent_sdk_core.runtime.asking.hooking import HookOutcome
from codex_sdk.asking.hooks import answer_of, event_of, prompt_answer, tool_call


@tool
async def look(word: str) -> str:
    """Look."""
    return word


OWN = [ToolRegistry("box", [look])]


def call(name: str, **tool_input: Any) -> dict[str, Any]:
    return {
        "hook_event_name": "PreToolUse",
        "tool_name": name,
        "tool_input": tool_input,
        "cwd": "/w",
        "tool_use_id": "1",
    }


@pytest.mark.parametrize(
    ("native", "name", "shown"),
    [
        (call("Bash", command="ls"), "Bash", {"command": "ls"}),
        (call("mcp__a__b", x=1), "mcp__a__b", {"x": 1}),
        (call("boxlook", word="x"), "mcp__box__look", {"word": "x"}),
        (call("view_image", path="/x.png"), "Read", {"file_path": "/x.png"}),
        (call("update_plan", plan=[]), "TodoWrite", {"plan": []}),
        (call("spawn_agent", message="x"), "Agent", {"message": "x"}),
        (call("multi_agent_v1send_input", id="x"), "SendInput", {"id": "x"}),
        (call("multi_agent_v2wait_agent", id="x"), "WaitAgent", {"id": "x"}),
        (call("multi_agent_v1newer", id="x"), "multi_agent_v1newer", {"id": "x"}),
        (call("request_user_input", questions=[]), "AskUserQuestion", {"questions": []}),
        (call("request_permissions", reason="x"), "RequestPermissions", {"reason": "x"}),
        (call("tool_search", query="x"), "ToolSearch", {"query": "x"}),
        (call("read_mcp_resource", server="a"), "mcp__a__read_mcp_resource", {"server": "a"}),
        (call("list_mcp_resources"), "mcp__codex__list_mcp_resources", {}),
        (call("newer", a=1), "newer", {"a": 1}),
    ],
)
def test_a_tool_has_the_name_that_messages_have(native: Any, name: str, shown: Any) -> None:
    event: Any = event_of(native, OWN)
    assert (event.tool_name, event.input, event.tool_use_id, event.cwd) == (name, shown, "1", "/w")


@pytest.mark.parametrize(
    ("lines", "name", "names", "paths"),
    [
        (["Add File: a", "+x"], "Write", {"Write", "Edit"}, ["/w/a"]),
        (["Update File: /a/b", "@@", "-x", "+y"], "Edit", {"Edit"}, ["/a/b"]),
        (["Delete File: a"], "Delete", {"Delete", "Edit"}, ["/w/a"]),
        (["Update File: a", "*** Move to: b"], "Edit", {"Edit", "Move"}, ["/w/a", "/w/b"]),
        (["Add File: a", "+x", "*** Delete File: b"], "Edit", {"Write", "Delete", "Edit"}, ["/w/a", "/w/b"]),
        (["nonsense"], "Edit", {"Edit"}, []),
        (["Add File: a", "+x", " \t*** Delete File: b"], "Edit", {"Write", "Delete", "Edit"}, ["/w/a", "/w/b"]),
        (["Update File: a", "\u2003*** Move to: b \r"], "Edit", {"Edit", "Move"}, ["/w/a", "/w/b", "/w/b "]),
    ],
)
def test_a_patch_is_all_that_it_does(lines: list[str], name: str, names: set[str], paths: list[str]) -> None:
    text = "\n".join(["*** Begin Patch", f"*** {lines[0]}", *lines[1:], "*** End Patch"])
    found = tool_call(call("apply_patch", command=text), OWN)
    assert (found.tool_name, set(found.names), found.input["file_paths"]) == (name, names, paths)
    assert found.input["diff"] == text
    assert found.input.get("content") == ("x\n" if name == "Write" else None)
    done: Any = found.input.get("changes", [])
    assert {each["tool_name"] for each in done} | {"Edit"} == (names if done else {"Edit"})
    assert [each["input"]["file_path"] for each in done] == (paths if len(paths) > 1 else [])


def test_a_file_whose_name_versions_read_differently_is_named_both_ways() -> None:
    found = tool_call(call("apply_patch", command="*** Begin Patch\n*** Delete File:  a\n*** End Patch"), OWN)
    assert (found.tool_name, found.input["file_paths"]) == ("Delete", ["/w/ a", "/w/a"])


def test_of_a_command_and_a_patch_the_text_alone_can_be_changed() -> None:
    command = tool_call(call("Bash", command="ls"), OWN)
    assert command.changed({"command": "pwd"}) == {"command": "pwd"}
    assert command.changed({"command": "pwd", "cwd": "/"}) is None
    assert command.changed({"command": 5}) is None
    patch = tool_call(call("apply_patch", command="*** Add File: a\n+x"), OWN)
    assert patch.changed({**patch.input, "diff": "y"}) == {"command": "y"}
    assert patch.changed({**patch.input, "file_path": "/elsewhere"}) is None
    image = tool_call(call("view_image", path="/x.png"), OWN)
    assert image.changed({"file_path": "/y.png"}) == {"path": "/y.png"}
    assert tool_call(call("mcp__a__b", x=1), OWN).changed({"y": 2}) == {"y": 2}


def test_what_is_answered_is_what_codex_can_read() -> None:
    command = tool_call(call("Bash", command="ls"), OWN)
    assert answer_of("PreToolUse", HookOutcome(), command) == ("{}", "", 0)
    assert answer_of("PreToolUse", HookOutcome(block="no"), command) == ("", "no", 2)
    assert answer_of("PreToolUse", HookOutcome(stop="no"), command) == ("", "no", 2)
    out, _, code = answer_of("PreToolUse", HookOutcome(input={"command": "pwd"}, context=("x",)), command)
    told = {"hookEventName": "PreToolUse", "permissionDecision": "allow", "updatedInput": {"command": "pwd"}}
    assert (json.loads(out), code) == ({"hookSpecificOutput": {**told, "additionalContext": "x"}}, 0)
    refused = answer_of("PreToolUse", HookOutcome(input={"cwd": "/"}), command)
    assert refused == ("", "A hook changed the input of Bash, of which Codex can change 'command' alone.", 2)
    for event, outcome in (("PreCompact", HookOutcome(block="no")), ("PostToolUse", HookOutcome(stop="no"))):
        assert json.loads(answer_of(event, outcome)[0]) == {"continue": False, "stopReason": "no"}
    assert json.loads(prompt_answer("proof", None)[0]) == {"systemMessage": "proof"}
    assert "additionalContext" in prompt_answer("proof", "x")[0]


def test_half_a_character_in_an_answer_is_replaced_for_codex_cannot_read_it() -> None:
    command, half = tool_call(call("Bash", command="ls"), OWN), "caf\udce9"
    changed = answer_of("PreToolUse", HookOutcome(input={"command": f"cat {half}"}, context=(half,)), command)
    for out in (changed[0], prompt_answer("proof", half)[0], answer_of("PreCompact", HookOutcome(block=half))[0]):
        assert "caf\\ufffd" in out
    assert answer_of("PreToolUse", HookOutcome(block=half), command) == ("", "caf\ufffd", 2)


@pytest.mark.parametrize(
    ("native", "kind"),
    [
        (
            {"hook_event_name": "PostToolUse", "tool_name": "mcp__a__b", "tool_response": {"isError": True}},
            "PostToolUseEvent",
        ),
        ({"hook_event_name": "Stop", "last_assistant_message": "x", "stop_hook_active": True}, "StopEvent"),
        ({"hook_event_name": "PreCompact", "trigger": "auto"}, "PreCompactEvent"),
        ({"hook_event_name": "PostCompact", "trigger": "manual"}, "PostCompactEvent"),
        ({"hook_event_name": "SubagentStart", "agent_id": "a", "agent_type": "default"}, "SubagentStartEvent"),
        ({"hook_event_name": "SubagentStop", "agent_id": "a", "agent_type": "default"}, "SubagentStopEvent"),
        ({"hook_event_name": "SessionStart"}, "NoneType"),
    ],
)
def test_each_event_is_one_of_ours_or_told_otherwise(native: Any, kind: str) -> None:
    assert type(event_of(native, OWN)).__name__ == kind
