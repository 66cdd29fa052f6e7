"""Content blocks: what prompts, messages and results of tools are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import PlainValidator

from acp_sdk.protocol.model import AcpModel, one_of


class Annotations(AcpModel, frozen=True):
    """For whom a block is, and how much it matters (0 to 1)."""

    audience: list[str] | None = None
    last_modified: str | None = None
    priority: float | None = None


class TextContent(AcpModel, frozen=True):
    """Text, as Markdown where it is a message."""

    type: Literal["text"] = "text"
    text: str
    annotations: Annotations | None = None


class ImageContent(AcpModel, frozen=True):
    """An image: `data` is base64."""

    type: Literal["image"] = "image"
    data: str
    mime_type: str
    uri: str | None = None
    annotations: Annotations | None = None


class AudioContent(AcpModel, frozen=True):
    """A sound: `data` is base64."""

    type: Literal["audio"] = "audio"
    data: str
    mime_type: str
    annotations: Annotations | None = None


class ResourceLink(AcpModel, frozen=True):
    """Something that the agent can read for itself."""

    type: Literal["resource_link"] = "resource_link"
    name: str
    uri: str
    title: str | None = None
    description: str | None = None
    mime_type: str | None = None
    size: int | None = None
    icons: list[dict[str, Any]] | None = None
    annotations: Annotations | None = None


class ResourceContents(AcpModel, frozen=True):
    """What a resource holds: `text`, or `blob` in base64."""

    uri: str
    text: str | None = None
    blob: str | None = None
    mime_type: str | None = None


class EmbeddedResource(AcpModel, frozen=True):
    """A resource with what it holds."""

    type: Literal["resource"] = "resource"
    resource: ResourceContents
    annotations: Annotations | None = None


class UnknownContent(AcpModel, frozen=True):
    """A block that is not known, with all its fields."""


KnownContent = TextContent | ImageContent | AudioContent | ResourceLink | EmbeddedResource

read_content = one_of(
    "type",
    {
        "text": TextContent,
        "image": ImageContent,
        "audio": AudioContent,
        "resource_link": ResourceLink,
        "resource": EmbeddedResource,
    },
    UnknownContent,
)
"""Read a content block, whatever it is."""

ContentBlock = Annotated[KnownContent | UnknownContent, PlainValidator(read_content)]
"""A content block; `match` on its classes."""


def text_of_blocks(blocks: Iterable[KnownContent | UnknownContent]) -> str:
    """Return the text of the blocks that are text, joined."""
    return "".join(block.text for block in blocks if isinstance(block, TextContent))
