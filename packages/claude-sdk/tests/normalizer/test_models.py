from __future__ import annotations

from agent_sdk_core import ChatModel
from claude_sdk.normalizer.models import chat_models


def test_models_are_listed_in_claudes_order_with_what_it_tells() -> None:
    listed = [
        {
            "value": "default",
            "displayName": "Default (recommended)",
            "description": "The usual",
            "supportedEffortLevels": ["low", "high", 7],
        },
        {"value": "haiku"},
    ]
    assert chat_models(listed) == [
        ChatModel(
            id="default",
            label="Default (recommended)",
            backend="claude",
            description="The usual",
            is_default=True,
            efforts=("low", "high"),
            input_modalities=("text", "image"),
        ),
        ChatModel(id="haiku", label="haiku", backend="claude", input_modalities=("text", "image")),
    ]


def test_what_has_no_name_is_no_model() -> None:
    assert chat_models([{}, {"value": None}, {"value": ""}, {"displayName": "x"}]) == []
