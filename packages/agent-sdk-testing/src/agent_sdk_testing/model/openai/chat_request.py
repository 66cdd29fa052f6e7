"""Parses the body of a request to OpenAI's Chat Completions API into a `Conversation`, and knows opencode's asides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from agent_sdk_testing.model.requests import Conversation, InputMessage, ModelRequest, ToolOutput
from agent_sdk_testing.model.steps import Reply, Text

_ASIDES = ("You are a title generator", "You are a helpful AI assistant tasked with summarizing conversations")
"""How the instructions of requests begin that opencode sends beside its turns (1.18)."""

_CONTEXT = ("<system-reminder>",)


def parse(body: Mapping[str, Any]) -> Conversation:
    """Return the content of a request; what has an unknown shape is left out."""
    messages: list[InputMessage] = []
    outputs: list[ToolOutput] = []
    instructions: list[str] = []
    for entry in _objects(body.get("messages")):
        role, text = str(entry.get("role", "")), _text(entry.get("content"))
        if role in {"developer", "system"}:
            instructions.append(text)
        elif role == "tool":
            outputs.append(ToolOutput(str(entry.get("tool_call_id", "")), text, entry))
        elif text:
            messages.append(InputMessage("context" if _is_context(role, text) else role, text))
    functions = (tool.get("function") for tool in _objects(body.get("tools")))
    return Conversation(
        model=str(body.get("model", "")),
        instructions="\n".join(text for text in instructions if text),
        messages=tuple(messages),
        tool_outputs=tuple(outputs),
        tools={str(tool.get("name", "")): tool for tool in _objects(list(functions))},
    )


def is_aside(request: ModelRequest) -> bool:
    """Say whether a request is no turn of the conversation; raises `ValueError` where its body is no JSON object."""
    return request.instructions.lstrip().startswith(_ASIDES)


def quiet_reply(request: ModelRequest) -> Reply:
    """Return an answer that says nothing."""
    del request
    return Reply((Text(["Nothing."]),))


def _is_context(role: str, text: str) -> bool:
    return role == "user" and text.lstrip().startswith(_CONTEXT)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(part["text"]) for part in _objects(content) if "text" in part)


def _objects(values: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(values, list):
        for value in cast("list[object]", values):
            if isinstance(value, dict):
                yield cast("dict[str, Any]", value)
