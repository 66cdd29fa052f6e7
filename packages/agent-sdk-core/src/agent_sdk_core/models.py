"""Models as the agents themselves list them; no model is named in the code."""

from __future__ import annotations

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.forms import WireForm

ReasoningEffort = str
"""How much the model reasons: an open set, "low", "medium", "high" and whatever a model's `efforts` lists."""


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class ChatModel(WireForm):
    """A model that an agent offers.

    Attributes:
        id: What `SessionOptions.model` takes.
        label: Name for people.
        backend: Name of the backend that offers it.
        description: One sentence about it.
        is_default: Whether the agent uses it when none is named.
        efforts: Reasoning efforts it takes.
        default_effort: The effort it uses when none is named.
        context_window: Its size in tokens, where the agent tells.
        input_modalities: What it takes: "text", "image", …
    """

    id: str
    label: str
    backend: str
    description: str = ""
    is_default: bool = False
    efforts: tuple[ReasoningEffort, ...] = ()
    default_effort: ReasoningEffort | None = None
    context_window: int | None = None
    input_modalities: tuple[str, ...] = ("text",)
