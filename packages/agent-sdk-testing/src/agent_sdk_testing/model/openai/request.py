"""Parses the body of a request to the OpenAI Responses API into a `Conversation`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from agent_sdk_testing.model.requests import Conversation, InputMessage, ToolOutput

_CONTEXT_TAGS = ("<environment_context>", "<turn_aborted>", "<user_instructions>", "# AGENTS.md instructions")
"""How Codex begins the user messages that it writes itself."""


def parse(body: Mapping[str, Any]) -> Conversation:
    """Return the content of a request; what has an unknown shape is left out."""
    messages: list[InputMessage] = []
    outputs: list[ToolOutput] = []
    tools = dict(_tools(_list(body.get("tools"))))
    instructions = [str(body.get("instructions") or "")]
    for entry in _objects(_input(body)):
        kind = str(entry.get("type", "message"))
        if kind == "message":
            role, text = str(entry.get("role", "")), _text(entry.get("content"))
            if role in {"developer", "system"}:
                instructions.append(text)
            else:
                messages.append(InputMessage("context" if _is_context(role, text) else role, text))
        elif kind.endswith("_call_output") and "call_id" not in entry and "name" in entry:
            # Of no call of the model's: codex writes a goal that way from 0.169 on.
            messages.append(InputMessage("context", _text(entry.get("output"))))
        elif kind.endswith("_call_output"):
            outputs.append(ToolOutput(str(entry.get("call_id", "")), _text(entry.get("output")), entry))
        elif kind == "additional_tools":
            tools.update(_tools(_list(entry.get("tools"))))
    return Conversation(
        model=str(body.get("model", "")),
        instructions="\n".join(text for text in instructions if text),
        messages=tuple(messages),
        tool_outputs=tuple(outputs),
        tools=tools,
    )


def _input(body: Mapping[str, Any]) -> list[Any]:
    given = body.get("input")
    return [{"role": "user", "content": given}] if isinstance(given, str) else _list(given)


def _is_context(role: str, text: str) -> bool:
    return role == "user" and text.lstrip().startswith(_CONTEXT_TAGS)


def _text(content: object) -> str:
    """Return the text of a message's or an output's content, which is a string, a list of parts or an object."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return _text(cast("Mapping[str, Any]", content).get("content"))
    return "\n".join(str(part["text"]) for part in _objects(_list(content)) if "text" in part)


def _tools(entries: list[Any], namespace: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for entry in _objects(entries):
        # A tool that the provider runs itself, such as web_search, has a type and no name.
        name = namespace + str(entry.get("name") or entry.get("type", ""))
        if entry.get("type") == "namespace":
            yield from _tools(_list(entry.get("tools")), f"{name}.")
        else:
            yield name, entry


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _objects(values: list[Any]) -> Iterator[Mapping[str, Any]]:
    for value in values:
        if isinstance(value, dict):
            yield cast("dict[str, Any]", value)
