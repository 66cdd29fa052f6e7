"""Recognises what Gemini CLI asks a model on the side, and knows the quiet answer to it (0.61)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from agent_sdk_testing.model.requests import ModelRequest
from agent_sdk_testing.model.steps import Reply, Text

_WORDS = (
    "Analyze *only* the content and structure of your immediately preceding response",
    "You are a specialized Task Routing AI",
    "You are an expert at fixing and correcting",
    "You are a sophisticated AI diagnostic agent",
)


def is_aside(request: ModelRequest) -> bool:
    """Say whether a request is no turn of the conversation; raises `ValueError` where its body is no JSON object."""
    content = request.conversation
    said = [content.instructions, *(message.text for message in content.messages)]
    return not content.tools and any(words in text for text in said for words in _WORDS)


def quiet_reply(request: ModelRequest) -> Reply:
    """Return an answer of the form that was asked for, and that says nothing."""
    settings = request.json.get("generationConfig")
    asked = isinstance(settings, dict) and "responseMimeType" in cast("Mapping[str, Any]", settings)
    return Reply((Text([json.dumps({"reasoning": "scripted", "next_speaker": "user"}) if asked else "Nothing."]),))
