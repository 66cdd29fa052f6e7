"""Recognises what claude asks a model on the side, and knows the quiet answer to it.

Besides the turns of the conversation claude 2.1.329 sends requests of its own to ``POST /v1/messages``: it checks that
a model exists, names a session, sums up web pages, searches the web and labels what tools did. A script is about turns,
so these must not take its replies. They are told from turns by the words they are known to begin with; one that is not
known yet counts as a turn, and shows as a request that the script does not answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from agent_sdk_testing.model.requests import ModelRequest
from agent_sdk_testing.model.steps import Reply, Text

_INSTRUCTIONS = (
    "You are naming a coding session",
    "You run a web search for another Claude model",
    "Write a short summary label describing what these tool calls accomplished",
)
_PROMPTS = ("Web page content:\n---",)


def is_aside(request: ModelRequest) -> bool:
    """Say whether a request to the Messages API is no turn of the conversation.

    Raises:
        ValueError: its body is not a JSON object.
    """
    content = request.conversation
    # One token is what claude asks for when it only wants to know whether the model exists.
    if request.json.get("max_tokens") == 1 or any(words in content.instructions for words in _INSTRUCTIONS):
        return True
    return not content.tools and any(message.text.lstrip().startswith(_PROMPTS) for message in content.messages)


def quiet_reply(request: ModelRequest) -> Reply:
    """Return an answer of the form that was asked for, and that says nothing."""
    schema = _object(_object(_object(request.json.get("output_config")).get("format")).get("schema"))
    return Reply((Text([json.dumps(_example(schema)) if schema else "Nothing."]),))


def _example(schema: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            return {name: _example(_object(inner)) for name, inner in _object(schema.get("properties")).items()}
        case "array":
            return []
        case "boolean":
            return False
        case "integer" | "number":
            return 0
        case _:
            return "scripted"


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
