"""Claude's models as the interface's. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from agent_sdk_core.models import ChatModel
from claude_sdk.frames import Json, text, texts

_DEFAULT = "default"
"""The value under which claude lists what it uses when no model is named."""


def chat_models(listed: Sequence[Json]) -> list[ChatModel]:
    """Return the models of a `list_models` answer, or of the greeting, in claude's order."""
    return [
        ChatModel(
            id=value,
            label=text(model.get("displayName")) or value,
            backend="claude",
            description=text(model.get("description")) or "",
            is_default=value == _DEFAULT,
            efforts=tuple(texts(model.get("supportedEffortLevels"))),
            input_modalities=("text", "image"),
        )
        for model in listed
        if (value := text(model.get("value"))) is not None
    ]
