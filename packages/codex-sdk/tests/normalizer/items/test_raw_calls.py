"""Calls of the model that Codex makes no item of: a tool use and its result, from what the model said and heard."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agent_sdk_core.wire.recent import Recent
from codex_sdk.normalizer.items.raw_calls import RawCalls

RAN = "Chunk ID: a1\nWall time: 0.0 seconds\nProcess exited with code {code}\nOriginal token count: 12\nOutput:\n{said}"
REFUSED = RAN.format(code=1, said="touch: cannot touch 'x': Read-only file system\n")


def raw(scene: Any, kind: str, call_id: str = "call-1", **fields: Any) -> list[Any]:
    return scene.feed("rawResponseItem/completed", item={"type": kind, "call_id": call_id, **fields})


def called(scene: Any, name: str, output: Any, *, custom: bool = False, **fields: Any) -> list[Any]:
    prefix = "custom_tool" if custom else "function"
    assert raw(scene, f"{prefix}_call", name=name, **fields) == []
    return raw(scene, f"{prefix}_call_output", output=output)


def use_of(told: list[Any]) -> Any:
    return told[0]["message"]["content"][0]


def result_of(told: list[Any]) -> Any:
    return told[1]["message"]["content"][0]


def test_a_command_that_the_sandbox_refused_is_a_pair_and_a_denial(scene: Any, rules: Callable[..., None]) -> None:
    scene.begin()
    told = called(scene, "exec_command", REFUSED, arguments=json.dumps({"cmd": "touch x", "workdir": "/w"}))
    use, result = use_of(told), result_of(told)
    assert (use["id"], use["name"], use["input"]) == ("call-1", "Bash", {"command": "touch x", "cwd": "/w"})
    said = "touch: cannot touch 'x': Read-only file system\nExit code 1"
    assert (result["tool_use_id"], result["content"], result["is_error"]) == ("call-1", said, True)
    assert told[1]["tool_use_result"]["exitCode"] == 1
    denial = {"tool_name": "Bash", "tool_use_id": "call-1", "tool_input": use["input"]}
    assert scene.end()[-1]["permission_denials"] == [denial]
    rules(scene.messages)


@pytest.mark.parametrize(
    ("name", "output", "denied"),
    [
        ("exec_command", "approval policy is Never; reject command — you cannot ask for escalated permissions", True),
        ("exec_command", "exec_command failed for `x`: CreateProcess { No such file or directory }", False),
        ("apply_patch", "apply_patch verification failed: Failed to find expected lines", False),
        ("teleport", "unsupported call: teleport", False),
    ],
)
def test_a_call_that_never_ran_is_a_pair_that_failed(scene: Any, name: str, output: str, denied: bool) -> None:
    scene.begin()
    told = called(scene, name, output, arguments="{}")
    assert (result_of(told)["content"], result_of(told)["is_error"]) == (output, True)
    assert bool(scene.end()[-1]["permission_denials"]) is denied


def test_a_call_without_an_item_that_succeeded_is_no_error(scene: Any) -> None:
    scene.begin()
    output = [{"type": "input_text", "text": "two"}, {"type": "input_text", "text": "lines"}]
    told = called(scene, "look", output, arguments='{"at": 1}', namespace="mcp__eyes")
    assert (use_of(told)["name"], use_of(told)["input"]) == ("mcp__eyes__look", {"at": 1})
    assert (result_of(told)["content"], result_of(told)["is_error"]) == ("two\nlines", False)


def test_a_patch_without_an_item_shows_what_it_wanted(scene: Any) -> None:
    scene.begin()
    told = called(scene, "apply_patch", "verification failed", custom=True, input="*** Begin Patch")
    assert (use_of(told)["name"], use_of(told)["input"]) == ("Edit", {"diff": "*** Begin Patch"})
    told = raw(scene, "custom_tool_call", "call-2", name="paint", input="red") + raw(
        scene, "custom_tool_call_output", "call-2", output="done"
    )
    assert use_of(told)["input"] == {"input": "red"}


def test_a_call_that_an_item_names_is_told_once(scene: Any, rules: Callable[..., None]) -> None:
    scene.begin()
    raw(scene, "function_call", name="exec_command", arguments="{}")
    scene.started("commandExecution", "call-1", command="echo")
    scene.completed("commandExecution", "call-1", command="echo", exitCode=0)
    assert raw(scene, "function_call_output", output=RAN.format(code=0, said="")) == []
    raw(scene, "function_call", "call-2", name="exec_command", arguments="{}")
    raw(scene, "function_call_output", "call-2", output=REFUSED)
    assert scene.started("commandExecution", "call-2", command="echo") == []
    assert scene.completed("commandExecution", "call-2", command="echo") == []
    rules(scene.messages)


@pytest.mark.parametrize("name", ["update_plan", "write_stdin", "request_user_input", "exec"])
def test_what_is_told_otherwise_is_no_pair(scene: Any, name: str) -> None:
    scene.begin()
    assert called(scene, name, "done", arguments="{}") == []


@pytest.mark.parametrize(
    "item",
    [
        {"type": "message", "role": "user"},
        {"type": "function_call"},
        {"type": "function_call_output", "output": "x"},
        {"type": "function_call_output", "call_id": "unknown", "output": "x"},
        {"type": {}, "call_id": []},
        None,
    ],
    ids=str,
)
def test_all_else_that_the_model_said_or_heard_is_nothing(scene: Any, item: Any) -> None:
    scene.begin()
    assert scene.feed("rawResponseItem/completed", item=item) == []
    assert scene.feed("rawResponse/completed", usage={}) == []


def test_a_call_and_an_output_that_name_no_call_are_no_pair(scene: Any) -> None:
    scene.begin()
    for item in (
        {"type": "function_call", "name": "x"},
        {"type": "function_call_output", "name": "goal", "output": "x"},
    ):
        assert scene.feed("rawResponseItem/completed", item=item) == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ('{"cmd": "x", "sandbox_permissions": "require_escalated", "justification": "It writes."}', "It writes."),
        ('{"cmd": "x", "sandbox_permissions": "require_escalated"}', ""),
        ('{"cmd": "x", "sandbox_permissions": "use_default"}', None),
        ('{"cmd": "x"}', None),
        ("require_escalated", None),
    ],
)
def test_a_call_that_wants_out_of_the_sandbox_is_known_before_it_runs(arguments: str, why: str | None) -> None:
    calls = RawCalls(Recent())
    assert calls.lifts_sandbox("call-1") is None
    calls.take({"type": "function_call", "call_id": "call-1", "name": "exec_command", "arguments": arguments})
    assert calls.lifts_sandbox("call-1") == why
