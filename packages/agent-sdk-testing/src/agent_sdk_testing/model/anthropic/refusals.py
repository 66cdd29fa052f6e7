"""Requests that Anthropic's Messages API refuses with a 400 before a model is asked, in words of its kind.

Only what is cheap to see in one request and easy to get wrong: roles, empty contents, tools and their inputs, and
whether uses and results of tools belong together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from agent_sdk_testing.model.anthropic.request import blocks, objects
from agent_sdk_testing.model.steps import HttpError

_ROLES: Final = ("user", "assistant", "system")
_TOOL_NAME: Final = "^[a-zA-Z0-9_-]{1,128}$"
_INPUT_NAME: Final = "^[a-zA-Z0-9_.-]{1,64}$"
_CHOICES: Final = frozenset({"oneOf", "allOf", "anyOf"})

Turn = tuple[int, str, list[Mapping[str, Any]]]
"""What one side says at once: the place of its first message, its role, and its blocks."""


def refused(body: Mapping[str, Any]) -> HttpError | None:
    """Return the answer to a request that the API does not take; None where it takes it."""
    problem = next(_problems(body), None)
    return None if problem is None else HttpError(400, problem, "invalid_request_error")


def _problems(body: Mapping[str, Any]) -> Iterator[str]:
    yield from _tool_problems(list(objects(body.get("tools"))))
    messages = list(objects(body.get("messages")))
    if not messages:
        yield "messages: at least one message is required"
    for index, message in enumerate(messages):
        yield from _content_problems(index, message, last=index == len(messages) - 1)
    turns = _turns(messages)
    before: Turn = (0, "user", [])
    for turn in turns:
        yield from _pairing_problems(before, turn)
        before = turn


def _tool_problems(tools: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = [str(tool.get("name")) for tool in tools]
    if len(set(names)) < len(names):
        yield "tools: Tool names must be unique."
    for index, tool in enumerate(tools):
        if tool.get("type", "custom") != "custom":  # The provider runs it itself.
            continue
        place = f"tools.{index}.custom"
        schema = cast("Mapping[str, Any]", tool.get("input_schema") or {})
        if not re.fullmatch(_TOOL_NAME, names[index]):
            yield f"{place}.name: String should match pattern '{_TOOL_NAME}'"
        if schema.get("type") != "object":
            yield f"{place}.input_schema.type: {'Input should be `object`' if 'type' in schema else 'Field required'}"
        if _CHOICES & schema.keys():
            yield f"{place}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level"
        if not all(re.fullmatch(_INPUT_NAME, name) for name in schema.get("properties", {})):
            yield f"{place}.input_schema.properties: Property keys should match pattern '{_INPUT_NAME}'"


def _content_problems(index: int, message: Mapping[str, Any], *, last: bool) -> Iterator[str]:
    role = message.get("role")
    if role not in _ROLES:
        yield f"messages.{index}.role: Input should be 'user' or 'assistant'"
    parts = list(blocks(message.get("content")))
    if not parts and role != "system" and not (last and role == "assistant"):  # Claude sends settings as the system's.
        yield (
            f"messages.{index}: all messages must have non-empty content except for the optional final assistant "
            "message"
        )
    for part in parts:
        said = str(part.get("text") or "")
        if part.get("type") == "text" and not said.strip():
            must = "contain non-whitespace text" if said else "be non-empty"
            yield f"messages: text content blocks must {must}"


def _turns(messages: Sequence[Mapping[str, Any]]) -> list[Turn]:
    """Return the messages with those of one side in a row taken as one; what the system says is no side's."""
    turns: list[Turn] = []
    for index, message in enumerate(messages):
        role = str(message.get("role"))
        if role == "system":
            continue
        if not turns or turns[-1][1] != role:
            turns.append((index, role, []))
        turns[-1][2].extend(blocks(message.get("content")))
    return turns


def _pairing_problems(before: Turn, turn: Turn) -> Iterator[str]:
    used = _ids(before, "tool_use", "id") if before[1] == "assistant" else []
    results = _ids(turn, "tool_result", "tool_use_id")
    if len(set(used)) < len(used):
        yield f"messages.{before[0]}: `tool_use` ids must be unique"
    for use in results:
        if use not in used:
            yield (
                f"messages.{turn[0]}.content: unexpected `tool_use_id` found in `tool_result` blocks: {use}. Each "
                "`tool_result` block must have a corresponding `tool_use` block in the previous message."
            )
    if missing := [use for use in used if use not in results]:
        yield (
            f"messages.{before[0]}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
            "message."
        )


def _ids(turn: Turn, kind: str, key: str) -> list[str]:
    return [str(part.get(key)) for part in turn[2] if part.get("type") == kind]
