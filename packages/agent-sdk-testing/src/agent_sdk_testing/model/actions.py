"""Actions: steps that name what the model does, not the tool of one agent, so that one script serves every agent.

An action becomes a call when the request is there: of the tools that the agent offers in it, the one that does it.
Where there is none, the request is refused with the reason, the turn fails at once, and `ScriptedModel.check` says it
again. The later models of Codex call its tools from programs (code mode): there, the action is a program of one call.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final, cast

from agent_sdk_testing.model.requests import ModelRequest
from agent_sdk_testing.model.script import call, custom
from agent_sdk_testing.model.steps import JsonValue, Step

Action = Callable[[ModelRequest], list[Step]]
"""What a reply takes beside steps: the steps that do it at the agent which asks."""

_CWD: Final = re.compile(
    r"<cwd>(.+?)</cwd>|(?:Primary w|W|w)orking directory: (.+)|Workspace Directories:\*\*\n\s*- (.+)"
)
_OWN_NAMESPACES: Final = frozenset({"multi_agent_v1", "collaboration", "functions", "clock"})
_NESTED: Final = re.compile(r"^### `(\w+)`$", re.MULTILINE)
"""How the tool that takes programs names those that they can call (codex 0.163)."""

_DEFERRED: Final = re.compile(r"\bmcp__[A-Za-z0-9_-]+__[A-Za-z0-9_-]+\b")


def run_command(command: str, *, escalate: bool = False) -> Action:
    """Run a shell command: Codex's ``exec_command``, Claude's ``Bash``, those of opencode and Gemini CLI.

    Args:
        command: For ``sh``, in the session's folder.
        escalate: Whether it has to be asked about in mode "default". Codex is asked to run it outside of its sandbox;
            to Claude a command that only reads is hidden in ``eval``, for it would run it unasked.
    """

    def act(request: ModelRequest) -> list[Step]:
        if "Bash" in request.tools:
            hidden = escalate and ">" not in command
            told = f"eval {shlex.quote(command)}" if hidden else command
            return [call("Bash", command=told, description="A command of the test.")]
        lifted: dict[str, JsonValue] = {}
        if escalate:
            lifted = {"sandbox_permissions": "require_escalated", "justification": "The test wants it."}
        if "exec_command" in request.tools:
            return [call("exec_command", lifted, cmd=command)]
        if "shell_command" in request.tools:
            return [call("shell_command", lifted, command=command)]
        for name in ("bash", "run_shell_command"):  # opencode, Gemini CLI
            if name in request.tools:
                return [call(name, command=command, description="A command of the test.")]
        if _takes_programs(request):
            return [_program("exec_command", {**lifted, "cmd": command})]
        raise _not_offered("run_command", request, "Bash", "exec_command", "shell_command", "functions.exec")

    return act


def write_file(path: str | PurePath, content: str) -> Action:
    """Write a file, new or in place of another: Claude's ``Write`` and its likes, a patch that adds the file at Codex.

    Args:
        path: Its path, in the session's folder unless it is absolute. Claude replaces only a file that it has read.
        content: All of it; Codex ends it with a line break.
    """

    def act(request: ModelRequest) -> list[Step]:
        if "Write" in request.tools:
            return [call("Write", file_path=_absolute(path, request), content=content)]
        if "apply_patch" in request.tools or _takes_programs(request):
            added = (f"+{line}" for line in content.splitlines())
            return [_patch(request, f"*** Add File: {PurePath(path)}", *added)]
        if "write" in request.tools:  # opencode
            return [call("write", filePath=_absolute(path, request), content=content)]
        if "write_file" in request.tools:  # Gemini CLI
            return [call("write_file", file_path=_absolute(path, request), content=content)]
        raise _not_offered("write_file", request, "Write", "apply_patch", "functions.exec")

    return act


def edit_file(path: str | PurePath, old: str, new: str) -> Action:
    """Replace lines of a file: Claude's ``Edit``, after the ``Read`` that it needs, a patch at Codex.

    Args:
        path: Its path, in the session's folder unless it is absolute.
        old: Whole lines that stand in it once, without the line break at their end.
        new: The lines in their place.
    """

    def act(request: ModelRequest) -> list[Step]:
        if "Edit" in request.tools:
            file = _absolute(path, request)
            return [call("Read", file_path=file), call("Edit", file_path=file, old_string=old, new_string=new)]
        if "apply_patch" in request.tools or _takes_programs(request):
            lines = [*(f"-{line}" for line in old.splitlines()), *(f"+{line}" for line in new.splitlines())]
            return [_patch(request, f"*** Update File: {PurePath(path)}", "@@", *lines)]
        if "edit" in request.tools:  # opencode
            file = _absolute(path, request)
            return [call("read", filePath=file), call("edit", filePath=file, oldString=old, newString=new)]
        if "replace" in request.tools:  # Gemini CLI
            file = _absolute(path, request)
            return [call("replace", file_path=file, old_string=old, new_string=new, instruction="As the test wants.")]
        raise _not_offered("edit_file", request, "Edit", "apply_patch", "functions.exec")

    return act


def call_tool(name: str, arguments: Mapping[str, JsonValue] | None = None, /, **named: JsonValue) -> Action:
    """Call a tool of the application, or of an MCP server, by its own name.

    Args:
        name: Its name, such as "add"; where several have it, or where the agent lists it only when it is searched for
            (Codex, of MCP servers), with its registry or server: "mcp__tools__add", which is what messages call it.
        arguments: Those whose names are not Python's to write.
        named: The others.
    """

    def act(request: ModelRequest) -> list[Step]:
        given = {**(arguments or {}), **named}
        if _takes_programs(request):
            return [_program(_nested_tool(name, request), given)]
        offered = {found: told for told in _names_of_tools(request) if (found := _in_messages(told)) is not None}
        fitting = [found for found in offered if found == name or found.rpartition("__")[2] == name]
        server, _, hidden = name.removeprefix("mcp__").partition("__")
        if not fitting and name.startswith("mcp__") and hidden and {"ToolSearch", "tool_search"} & set(request.tools):
            told = name if "ToolSearch" in request.tools else f"mcp__{server}.{hidden}"
            fitting, offered = [name], {name: told}
        namespace, _, own = offered[_only(fitting, offered, name)].rpartition(".")
        return [call(own, given, namespace=namespace or None)]

    return act


def ask_user(question: str, *choices: str, multi_select: bool = False) -> Action:
    """Ask the user a question with choices: Claude's ``AskUserQuestion``, Codex's ``request_user_input``.

    Codex asks in permission mode "plan" alone, and one choice a question.

    Args:
        question: The question.
        choices: Two or more.
        multi_select: Whether several may be chosen; Claude's alone.
    """

    def act(request: ModelRequest) -> list[Step]:
        options: list[JsonValue] = [{"label": choice, "description": f"It is {choice}."} for choice in choices]
        asked: dict[str, JsonValue] = {"question": question, "header": "Choice", "options": options}
        if "AskUserQuestion" in request.tools:
            return [call("AskUserQuestion", questions=[{**asked, "multiSelect": multi_select}])]
        for namespace in (None, "functions"):
            told = "request_user_input" if namespace is None else f"{namespace}.request_user_input"
            if told in request.tools and not multi_select:
                return [call("request_user_input", questions=[{**asked, "id": "choice"}], namespace=namespace)]
        raise _not_offered("ask_user", request, "AskUserQuestion", *([] if multi_select else ["request_user_input"]))

    return act


def spawn_agent(prompt: str, *, description: str = "A task of the test.") -> Action:
    """Have a sub-agent do something: Claude's ``Agent``, Codex's ``spawn_agent``, which it offers to some models alone.

    Script what the sub-agent's model says with `ScriptedModel.when`, by its prompt. Claude's runs to its end before the
    call returns; Codex's goes on beside the turn.

    Args:
        prompt: What it is told.
        description: A few words for people.
    """

    def act(request: ModelRequest) -> list[Step]:
        for tool in ("Agent", "Task"):
            if tool in request.tools:
                kind: dict[str, JsonValue] = {"subagent_type": "general-purpose", "description": description}
                fields = cast("Mapping[str, Any]", request.tools[tool].get("input_schema") or {}).get("properties", {})
                own: dict[str, JsonValue] = {"run_in_background": False} if "run_in_background" in fields else {}
                return [call(tool, {**kind, **own}, prompt=prompt)]
        for told in request.tools:
            namespace, _, own_name = told.rpartition(".")
            if own_name == "spawn_agent":
                new = {"task_name": "task", "fork_turns": "none"} if namespace == "collaboration" else {}
                return [
                    call(own_name, cast("Mapping[str, JsonValue]", new), namespace=namespace or None, message=prompt)
                ]
        raise _not_offered("spawn_agent", request, "Agent", "Task", "spawn_agent")

    return act


def _patch(request: ModelRequest, *lines: str) -> Step:
    patch = "\n".join(["*** Begin Patch", *lines, "*** End Patch\n"])
    return custom("apply_patch", patch) if "apply_patch" in request.tools else _program("apply_patch", patch)


def _takes_programs(request: ModelRequest) -> bool:
    """Tell whether the agent has the model write programs that call its tools, in place of calling them."""
    return "exec" in request.tools or "functions.exec" in request.tools


def _program(tool: str, given: JsonValue) -> Step:
    """Return the call of a program that calls one tool, and tells the model what that returned."""
    return custom("exec", f"text(await tools.{tool}({json.dumps(given)}))")


def _nested_tool(name: str, request: ModelRequest) -> str:
    """Return what programs call a tool of the application or of a server; those of servers may be left untold."""
    told = request.tools.get("functions.exec") or request.tools.get("exec") or {}
    listed = [tool for tool in _NESTED.findall(str(told.get("description"))) if "__" in tool]
    own = [tool for tool in listed if tool.partition("__")[0] not in _OWN_NAMESPACES]
    wanted = re.sub(r"\W", "_", name)
    fitting = [tool for tool in own if tool in (wanted, wanted.removeprefix("mcp__")) or tool.endswith(f"__{wanted}")]
    if not fitting and wanted.startswith("mcp__"):
        return wanted
    return _only(fitting, own, name)


def _only(fitting: Sequence[str], offered: Iterable[str], name: str) -> str:
    """Return the one tool that is called so.

    Raises:
        ValueError: There is none, or there are several.
    """
    if len(fitting) != 1:
        others = ", ".join(fitting or offered) or "none"
        problem = "several tools are called so" if fitting else "the agent does not offer it"
        raise ValueError(f"call_tool({name!r}): {problem}; these there are: {others}")
    return fitting[0]


def _absolute(path: str | PurePath, request: ModelRequest) -> str:
    """Return a path as Claude takes it, which is told its folder in the request."""
    if PurePath(path).is_absolute():
        return str(path)
    told = _CWD.search("\n".join((request.instructions, request.text)))
    if told is None:
        raise ValueError(f"the request does not tell the session's folder, so {str(path)!r} has to be absolute")
    return str(PurePath(next(each for each in told.groups() if each).strip()) / path)


def _names_of_tools(request: ModelRequest) -> list[str]:
    """Return the names of the tools that are offered, those included that Claude loads when they are called."""
    names = list(request.tools)
    if "ToolSearch" in request.tools:
        names += _DEFERRED.findall("\n".join((request.instructions, request.text)))
    return list(dict.fromkeys(names))


def _in_messages(told: str) -> str | None:
    """Return what messages call a tool of an application or a server, None for one of the agent's own."""
    if told.startswith("mcp__"):
        return told.replace(".", "__", 1)
    registry, _, name = told.rpartition(".")
    return f"mcp__{registry}__{name}" if registry and registry not in _OWN_NAMESPACES else None


def _not_offered(action: str, request: ModelRequest, *tools: str) -> ValueError:
    offered = ", ".join(request.tools) or "none"
    return ValueError(f"{action}() needs the tool {' or '.join(tools)}, and the agent offers: {offered}")
