"""Parses the body of a request to the Anthropic Messages API into a `Conversation`.

Claude writes much in the user's name: reminders, the output of commands, requests to go on. What it is known to begin
them with was seen of claude 2.1.329; a prompt that a user sends into a running turn comes within one of them, and from
2.1.332 on without one, beside the result of a tool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from agent_sdk_testing.model.requests import Conversation, InputMessage, ToolOutput

_REMINDER, _REMINDER_END = "<system-reminder>", "</system-reminder>"

_CONTEXT = (
    _REMINDER,
    "<bash-input>",
    "<bash-stdout>",
    "<command-message>",
    "<command-name>",
    "<local-command-caveat>",
    "<local-command-stderr>",
    "<local-command-stdout>",
    "<task-notification>",
    "CRITICAL: Respond with TEXT ONLY.",
    "Output token limit hit.",
    "Stop hook feedback:",
    "This session is being continued from a previous conversation",
    "Your response above was ",
    "[Image: source: ",
    "[Request interrupted by user",
    "[Your previous response had no visible output",
)
"""How claude begins the user messages that it writes itself."""

_QUEUED = re.compile(
    r"^The user sent a new message while you were working:\n(.*?)\n\nThis is how Claude Code surfaces",
    re.DOTALL | re.MULTILINE,
)

_ACCOUNTING = "x-anthropic-billing-header:"
"""How a system block begins that tells the provider about the client, and the model nothing."""


def parse(body: Mapping[str, Any]) -> Conversation:
    """Return the content of a request; what has an unknown shape is left out."""
    messages: list[InputMessage] = []
    outputs: list[ToolOutput] = []
    for message in objects(body.get("messages")):
        role = str(message.get("role", ""))
        content = list(blocks(message.get("content")))
        in_turn = any(block.get("type") == "tool_result" for block in content)
        for block in content:
            match block.get("type"):
                case "text":
                    messages += _said(role, str(block.get("text", "")), in_turn=in_turn)
                case "tool_result":
                    text, reminders = _without_reminders(_text(block.get("content")))
                    outputs.append(ToolOutput(str(block.get("tool_use_id", "")), text, block))
                    for reminder in reminders:
                        messages += _said(role, reminder)
                case _:
                    pass
    return Conversation(
        model=str(body.get("model", "")),
        instructions=_text(body.get("system")),
        messages=tuple(messages),
        tool_outputs=tuple(outputs),
        tools={str(tool.get("name", "")): tool for tool in objects(body.get("tools"))},
    )


def is_reminder(text: str) -> bool:
    """Say whether the text of a user message is one of claude's reminders."""
    return text.lstrip().startswith(_REMINDER)


def blocks(content: object) -> Iterator[Mapping[str, Any]]:
    """Yield the content blocks of a message, whose content may also be a string."""
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    else:
        yield from objects(content)


def objects(values: object) -> Iterator[Mapping[str, Any]]:
    """Yield the objects in what should be a list of them."""
    if isinstance(values, list):
        for value in cast("list[object]", values):
            if isinstance(value, dict):
                yield cast("dict[str, Any]", value)


def _said(role: str, text: str, *, in_turn: bool = False) -> Iterator[InputMessage]:
    is_queued = in_turn and _QUEUED.match(text) is not None
    if role == "system" or (role == "user" and (is_queued or text.lstrip().startswith(_CONTEXT))):
        yield InputMessage("context", text)
        for queued in _QUEUED.findall(text):
            yield InputMessage("user", queued)
    else:
        yield InputMessage(role, text)


def _text(content: object) -> str:
    texts = (str(block["text"]) for block in blocks(content) if "text" in block)
    return "\n".join(text for text in texts if not text.startswith(_ACCOUNTING))


def _without_reminders(text: str) -> tuple[str, list[str]]:
    """Return what a tool returned, and the reminders that claude added at its end."""
    reminders: list[str] = []
    while text.rstrip().endswith(_REMINDER_END) and (start := text.rfind(_REMINDER)) >= 0:
        reminders.insert(0, text[start:])
        text = text[:start].rstrip("\n")
    return text, reminders
