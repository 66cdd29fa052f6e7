"""Claude's models as the interface's. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from agent_sdk_core.models import ChatModel
from agent_sdk_core.wire.reading import Json, filled_text, texts_of

_DEFAULT = "default"
"""The value under which claude lists what it uses when no model is named."""


def chat_models(listed: Sequence[Json]) -> list[ChatModel]:
    """Return the models of a `list_models` answer, or of the greeting, in claude's order."""
    return [
        ChatModel(
            id=value,
            label=filled_text(model.get("displayName")) or value,
            backend="claude",
            description=filled_text(model.get("description")) or "",
            is_default=value == _DEFAULT,
            efforts=tuple(texts_of(model.get("supportedEffortLevels"))),
            input_modalities=("text", "image"),
        )
        for model in listed
        if (value := filled_text(model.get("value"))) is not None
    ]
