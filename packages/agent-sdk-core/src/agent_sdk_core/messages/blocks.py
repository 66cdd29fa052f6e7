"""The content blocks of assistant and user messages, as Anthropic's Messages API spells them.

A block whose type is not known, or that lacks what its type needs, becomes an `UnknownBlock` with all its fields.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, cast

from pydantic import Discriminator, Field, SerializeAsAny, StrictBool, Tag, ValidationError, WrapValidator
from pydantic.functional_validators import ModelWrapValidatorHandler

from agent_sdk_core.messages.kinds import ToolKind, tool_kind
from agent_sdk_core.wire.model import NamedModel, WireModel


class TextBlock(NamedModel, frozen=True):
    """Text for the user."""

    type: Literal["text"] = "text"
    text: str


class ThinkingBlock(NamedModel, frozen=True):
    """The model's reasoning, or a summary of it."""

    type: Literal["thinking"] = "thinking"
    thinking: str
    signature: str | None = None


class RedactedThinkingBlock(NamedModel, frozen=True):
    """Reasoning that only the provider can read."""

    type: Literal["redacted_thinking"] = "redacted_thinking"
    data: str


class ToolUseBlock(NamedModel, frozen=True):
    """A call of a tool.

    Attributes:
        id: Identity of the call; exactly one `ToolResultBlock` answers it.
        name: Name of the tool, in Claude's vocabulary on both agents where both have it.
        input: The tool's arguments.
        declared_kind: Kind that the backend knows better than the name tells; on the wire as `kind`.
    """

    type: Literal["tool_use"] = "tool_use"
    id: str
    name: str
    input: dict[str, object]
    declared_kind: ToolKind | None = Field(default=None, alias="kind")

    @property
    def kind(self) -> ToolKind:
        """What the tool does."""
        return self.declared_kind or tool_kind(self.name)


class ImageBlock(NamedModel, frozen=True):
    """An image; `source` is base64 data with its media type, a URL, or a file."""

    type: Literal["image"] = "image"
    source: dict[str, object]


class DocumentBlock(NamedModel, frozen=True):
    """A document; `source` as in `ImageBlock`, or text."""

    type: Literal["document"] = "document"
    source: dict[str, object]


class ServerToolUseBlock(NamedModel, frozen=True):
    """A call of a tool that runs at the provider."""

    type: Literal["server_tool_use"] = "server_tool_use"
    id: str
    name: str
    input: dict[str, object]

    @property
    def kind(self) -> ToolKind:
        """What the tool does."""
        kinds: dict[str, ToolKind] = {"web_search": "search", "web_fetch": "fetch"}
        return kinds.get(self.name, "other")


class WebSearchToolResultBlock(NamedModel, frozen=True):
    """What the provider's web search found, or its error."""

    type: Literal["web_search_tool_result"] = "web_search_tool_result"
    tool_use_id: str
    content: object = None


class UnknownBlock(NamedModel, frozen=True):
    """A block of a type that this version does not know; its fields are attributes."""

    type: str = ""


class ToolResultBlock(NamedModel, frozen=True):
    """The outcome of a tool use.

    Attributes:
        tool_use_id: The call it answers.
        content: Text, blocks, or nothing.
        is_error: Whether the tool failed, was declined or was cut off; None only where an agent sent null.
    """

    type: Literal["tool_result"] = "tool_result"
    tool_use_id: str
    content: str | list[ContentBlock] | None = None
    is_error: StrictBool | None = False

    @property
    def text(self) -> str:
        """The textual part of the content."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(block.text for block in self.content or () if isinstance(block, TextBlock))


KNOWN_BLOCKS: Final = frozenset(
    {
        "text",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "tool_result",
        "image",
        "document",
        "server_tool_use",
        "web_search_tool_result",
    }
)


def _tag(value: object) -> str:
    kind = cast("dict[str, object]", value).get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return kind if isinstance(kind, str) and kind in KNOWN_BLOCKS else "unknown"


def _or_unknown(value: object, handler: ModelWrapValidatorHandler[WireModel]) -> WireModel:
    try:
        return handler(value)
    except ValidationError:
        return UnknownBlock.model_validate(value)


ContentBlock = SerializeAsAny[
    Annotated[
        Annotated[TextBlock, Tag("text")]
        | Annotated[ThinkingBlock, Tag("thinking")]
        | Annotated[RedactedThinkingBlock, Tag("redacted_thinking")]
        | Annotated[ToolUseBlock, Tag("tool_use")]
        | Annotated[ToolResultBlock, Tag("tool_result")]
        | Annotated[ImageBlock, Tag("image")]
        | Annotated[DocumentBlock, Tag("document")]
        | Annotated[ServerToolUseBlock, Tag("server_tool_use")]
        | Annotated[WebSearchToolResultBlock, Tag("web_search_tool_result")]
        | Annotated[UnknownBlock, Tag("unknown")],
        Discriminator(_tag),
        WrapValidator(_or_unknown),
    ]
]
"""Any content block; `match` on its classes."""
