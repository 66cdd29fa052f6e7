from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import pytest

from agent_sdk_testing.model.actions import (
    Action,
    ask_user,
    call_tool,
    edit_file,
    run_command,
    spawn_agent,
    write_file,
)
from agent_sdk_testing.model.requests import Conversation, InputMessage, ModelRequest
from agent_sdk_testing.model.steps import Call, Custom, Step

CLAUDE = (
    "Bash",
    "Read",
    "Write",
    "Edit",
    "AskUserQuestion",
    "Agent",
    "mcp__tools__add",
    "mcp__a__both",
    "mcp__b__both",
)
CODEX = (
    "exec_command",
    "apply_patch",
    "request_user_input",
    "tools.add",
    "mcp__a.both",
    "mcp__b.both",
    "multi_agent_v1.spawn_agent",
)
CLAUDES_WORDS = "# Environment\n - Primary working directory: /work space\n - Is a git repository: no"


def request(
    *tools: str, instructions: str = "", said: str = "", schemas: Mapping[str, Any] | None = None
) -> ModelRequest:
    offered = {name: (schemas or {}).get(name, {"name": name}) for name in tools}
    told = Conversation(tools=offered, instructions=instructions, messages=(InputMessage("user", said),))
    return ModelRequest("POST", "/v1/model", {}, b"{}", parse=lambda body: told)


def calls(steps: Sequence[Step]) -> list[tuple[str | None, str, Any]]:
    made: list[tuple[str | None, str, Any]] = []
    for step in steps:
        if isinstance(step, Call):
            made.append((step.namespace, step.name, json.loads(step.arguments)))
        else:
            assert isinstance(step, Custom)
            made.append((None, step.name, step.input))
    return made


def on_claude(action: Action) -> list[tuple[str | None, str, Any]]:
    return calls(action(request(*CLAUDE, instructions=CLAUDES_WORDS)))


def on_codex(action: Action) -> list[tuple[str | None, str, Any]]:
    return calls(action(request(*CODEX, said="<environment_context><cwd>/work</cwd></environment_context>")))


def test_a_command() -> None:
    told = {"command": "make", "description": "A command of the test."}
    assert on_claude(run_command("make")) == [(None, "Bash", told)]
    assert on_codex(run_command("make")) == [(None, "exec_command", {"cmd": "make"})]
    assert calls(run_command("make")(request("shell_command"))) == [(None, "shell_command", {"command": "make"})]
    [program] = calls(run_command("echo 'a'")(request("exec")))
    assert program == (None, "exec", """text(await tools.exec_command({"cmd": "echo 'a'"}))""")


def test_an_agent_that_takes_programs() -> None:
    described = {
        "description": "Run JavaScript.\n\n### `exec_command`\nRuns.\n\n### `calc__my_add`\nAdds.\n### `clock__now`\n"
    }

    def program(action: Action) -> str:
        schemas = {"functions.exec": described}
        asked = request("functions.exec", "functions.request_user_input", schemas=schemas)
        [(_, name, told)] = calls(action(asked))
        assert name == "exec"
        return told

    assert program(run_command("make")) == 'text(await tools.exec_command({"cmd": "make"}))'
    assert program(write_file("a.txt", "one\n")) == (
        'text(await tools.apply_patch("*** Begin Patch\\n*** Add File: a.txt\\n+one\\n*** End Patch\\n"))'
    )
    assert "@@\\n-one\\n+two\\n" in program(edit_file("a.txt", "one", "two"))
    assert program(call_tool("my-add", first=1)) == 'text(await tools.calc__my_add({"first": 1}))'
    assert program(call_tool("mcp__calc__my-add")) == "text(await tools.calc__my_add({}))"
    assert program(call_tool("mcp__other__find")) == "text(await tools.mcp__other__find({}))"
    for missing in ("now", "find"):
        with pytest.raises(ValueError, match="the agent does not offer it; these there are: calc__my_add"):
            program(call_tool(missing))
    [(_, name, _)] = calls(ask_user("Which?", "A", "B")(request("functions.request_user_input")))
    assert name == "request_user_input"


def test_a_command_that_is_asked_about() -> None:
    assert on_claude(run_command("ls", escalate=True))[0][2]["command"] == "eval ls"
    assert on_claude(run_command("ls > a", escalate=True))[0][2]["command"] == "ls > a"
    told = on_codex(run_command("ls", escalate=True))[0][2]
    assert told == {"cmd": "ls", "sandbox_permissions": "require_escalated", "justification": "The test wants it."}


def test_a_file() -> None:
    written = {"file_path": "/work space/a.txt", "content": "one\ntwo\n"}
    assert on_claude(write_file("a.txt", "one\ntwo\n")) == [(None, "Write", written)]
    assert on_claude(write_file(PurePath("/b/a.txt"), ""))[0][2]["file_path"] == "/b/a.txt"
    patch = "*** Begin Patch\n*** Add File: a.txt\n+one\n+two\n*** End Patch\n"
    assert on_codex(write_file("a.txt", "one\ntwo\n")) == [(None, "apply_patch", patch)]


def test_an_edit() -> None:
    file = "/work space/a.txt"
    edit = {"file_path": file, "old_string": "one", "new_string": "two\nthree"}
    assert on_claude(edit_file("a.txt", "one", "two\nthree")) == [
        (None, "Read", {"file_path": file}),
        (None, "Edit", edit),
    ]
    patch = "*** Begin Patch\n*** Update File: a.txt\n@@\n-one\n+two\n+three\n*** End Patch\n"
    assert on_codex(edit_file("a.txt", "one", "two\nthree")) == [(None, "apply_patch", patch)]


def test_a_path_needs_the_folder_that_claude_tells() -> None:
    with pytest.raises(ValueError, match=r"'a\.txt' has to be absolute"):
        write_file("a.txt", "")(request("Write"))


def test_a_tool_by_its_name_or_its_whole_name() -> None:
    for name in ("add", "mcp__tools__add"):
        assert on_claude(call_tool(name, {"from": 1}, to=2)) == [(None, "mcp__tools__add", {"from": 1, "to": 2})]
        assert on_codex(call_tool(name, {"from": 1}, to=2)) == [("tools", "add", {"from": 1, "to": 2})]
    assert on_claude(call_tool("mcp__b__both")) == [(None, "mcp__b__both", {})]
    assert on_codex(call_tool("mcp__b__both")) == [("mcp__b", "both", {})]


def test_a_tool_that_claude_loads_when_it_is_called() -> None:
    asked = request("ToolSearch", said="<system-reminder>deferred: mcp__tools__add</system-reminder>")
    assert calls(call_tool("add")(asked)) == [(None, "mcp__tools__add", {})]


def test_a_tool_that_is_listed_when_it_is_searched_for_needs_its_whole_name() -> None:
    assert calls(call_tool("mcp__a__b")(request("tool_search"))) == [("mcp__a", "b", {})]
    assert calls(call_tool("mcp__a__b")(request("ToolSearch"))) == [(None, "mcp__a__b", {})]
    for name in ("b", "mcp__b"):
        with pytest.raises(ValueError, match="the agent does not offer it"):
            call_tool(name)(request("tool_search"))


@pytest.mark.parametrize("on", [on_claude, on_codex])
def test_a_tool_of_two_servers_or_of_none_is_refused(on: Any) -> None:
    with pytest.raises(ValueError, match=r"several tools are called so; these there are: mcp__a__both, mcp__b__both"):
        on(call_tool("both"))
    with pytest.raises(ValueError, match=r"'gone'\): the agent does not offer it; these there are: mcp__tools__add"):
        on(call_tool("gone"))
    with pytest.raises(ValueError, match="these there are: none"):
        call_tool("gone")(request("Bash"))


def test_a_question() -> None:
    options = [{"label": label, "description": f"It is {label}."} for label in ("red", "blue")]
    asked = {"question": "Which?", "header": "Choice", "options": options}
    [(_, name, told)] = on_claude(ask_user("Which?", "red", "blue", multi_select=True))
    assert (name, told) == ("AskUserQuestion", {"questions": [{**asked, "multiSelect": True}]})
    [(_, name, told)] = on_codex(ask_user("Which?", "red", "blue"))
    assert (name, told) == ("request_user_input", {"questions": [{**asked, "id": "choice"}]})
    with pytest.raises(ValueError, match=r"ask_user\(\) needs the tool AskUserQuestion, and"):
        on_codex(ask_user("Which?", "red", "blue", multi_select=True))


def test_a_sub_agent() -> None:
    told = {"subagent_type": "general-purpose", "description": "look", "prompt": "look around"}
    assert on_claude(spawn_agent("look around", description="look")) == [(None, "Agent", told)]
    schema: dict[str, Any] = {"Task": {"input_schema": {"properties": {"run_in_background": {}}}}}
    [(_, name, told)] = calls(spawn_agent("look")(request("Task", schemas=schema)))
    assert (name, told["run_in_background"]) == ("Task", False)
    assert on_codex(spawn_agent("look")) == [("multi_agent_v1", "spawn_agent", {"message": "look"})]
    [(space, _, told)] = calls(spawn_agent("look")(request("collaboration.spawn_agent")))
    assert (space, told) == ("collaboration", {"task_name": "task", "fork_turns": "none", "message": "look"})


@pytest.mark.parametrize(
    "action",
    [run_command("a"), write_file("a", ""), edit_file("a", "b", "c"), ask_user("a", "b", "c"), spawn_agent("a")],
)
def test_what_no_tool_does_is_refused_with_what_there_is(action: Action) -> None:
    with pytest.raises(ValueError, match=r"\(\) needs the tool .* and the agent offers: view_image"):
        action(request("view_image"))
    with pytest.raises(ValueError, match="the agent offers: none"):
        action(request())
