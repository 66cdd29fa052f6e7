"""Parses the body of a request to Gemini's `generateContent` into a `Conversation`.

Gemini CLI writes the surroundings of a session as the first message of the user (0.61); that is context.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from agent_sdk_testing.model.requests import Conversation, InputMessage, ToolOutput

_CONTEXT = ("<session_context>", "This is the Gemini CLI.", "<hook_context>", "<system-reminder>")
"""How Gemini CLI begins the user messages that it writes itself."""


def parse(body: Mapping[str, Any]) -> Conversation:
    """Return the content of a request; what has an unknown shape is left out."""
    messages: list[InputMessage] = []
    outputs: list[ToolOutput] = []
    for entry in _objects(body.get("contents")):
        role = "assistant" if entry.get("role") == "model" else "user"
        for part in _objects(entry.get("parts")):
            if isinstance(text := part.get("text"), str) and part.get("thought") is not True:
                messages.append(InputMessage(_role(role, text), text))
            returned = part.get("functionResponse")
            if isinstance(returned, dict):
                outputs.append(_output(cast("Mapping[str, Any]", returned)))
    system = body.get("systemInstruction")
    parts = _objects(cast("Mapping[str, Any]", system).get("parts")) if isinstance(system, dict) else ()
    return Conversation(
        model=str(body.get("model", "")),
        instructions="\n".join(str(part["text"]) for part in parts if "text" in part),
        messages=tuple(messages),
        tool_outputs=tuple(outputs),
        tools={
            str(tool.get("name", "")): tool
            for group in _objects(body.get("tools"))
            for tool in _objects(group.get("functionDeclarations"))
        },
    )


def _role(role: str, text: str) -> str:
    return "context" if role == "user" and text.lstrip().startswith(_CONTEXT) else role


def _output(returned: Mapping[str, Any]) -> ToolOutput:
    response = returned.get("response")
    told: object = response
    if isinstance(response, dict):
        fields = cast("Mapping[str, object]", response)
        told = fields.get("output", fields.get("error", fields))
    text = told if isinstance(told, str) else json.dumps(told)
    return ToolOutput(str(returned.get("id") or returned.get("name") or ""), text, returned)


def _objects(values: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(values, list):
        for value in cast("list[object]", values):
            if isinstance(value, dict):
                yield cast("dict[str, Any]", value)
