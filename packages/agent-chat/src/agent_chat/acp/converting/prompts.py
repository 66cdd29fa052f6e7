"""Prompts of clients as chats take them, and back."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit

from agent_chat.chats.prompts import ChatPrompt
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.messages.blocks import ImageBlock, TextBlock
from agent_sdk_core.messages.conversation import UserMessage
from agent_sdk_core.wire.reading import as_record

_EMPTY: Final = "The prompt is empty: it has neither text nor an image."


def prompt_of(blocks: object) -> ChatPrompt:
    """Return the prompt of content blocks: their texts in order, links by name and place, what is attached behind it.

    Raises:
        InvalidRequestError: It is none, it is empty, or a block cannot be taken; the message says which.
    """
    if not isinstance(blocks, list) or not blocks:
        raise InvalidRequestError("A prompt is a list of content blocks, and not an empty one.")
    said: list[str] = []
    attached: list[str] = []
    images: list[dict[str, object]] = []
    for place, block in enumerate(cast("list[object]", blocks)):
        fields = as_record(block)
        if fields is None:
            raise InvalidRequestError(f"Content block {place} of the prompt is no object.")
        match fields.get("type"):
            case "text":
                said.append(_text(fields, "text", place))
            case "resource_link":
                said.append(_link(_text(fields, "uri", place), fields.get("name")))
            case "resource":
                _attach(as_record(fields.get("resource")) or {}, place, said, attached, images)
            case "image":
                images.append({"media_type": _text(fields, "mimeType", place), "data": _text(fields, "data", place)})
            case kind:
                raise InvalidRequestError(f"The prompt has a block of type {kind!r}, which the agent cannot take.")
    text = "\n\n".join(part for part in ("".join(said), *attached) if part)
    if not text.strip() and not images:
        raise InvalidRequestError(_EMPTY)
    return ChatPrompt.from_wire({"text": text, "images": images})


def blocks_of(message: UserMessage) -> list[dict[str, Any]]:
    """Return a prompt that was sent as content blocks."""
    blocks: list[dict[str, Any]] = []
    for block in message.content:
        if isinstance(block, TextBlock) and block.text:
            blocks.append({"type": "text", "text": block.text})
        elif isinstance(block, ImageBlock):
            data, kind = block.source.get("data"), block.source.get("media_type")
            if isinstance(data, str) and isinstance(kind, str):
                blocks.append({"type": "image", "data": data, "mimeType": kind})
            else:
                blocks.append({"type": "text", "text": "[image]"})
    return blocks


def _attach(
    resource: Mapping[str, object],
    place: int,
    said: list[str],
    attached: list[str],
    images: list[dict[str, object]],
) -> None:
    """Add a resource that the client sent with its content: its name in the text, its content behind it."""
    uri = _text(resource, "uri", place)
    kind = resource.get("mimeType")
    if isinstance(text := resource.get("text"), str):
        said.append(_link(uri, None))
        attached.append(f'<context ref="{uri}">\n{text}\n</context>')
        return
    blob = _text(resource, "blob", place)
    if isinstance(kind, str) and kind.startswith("image/"):
        images.append({"media_type": kind, "data": blob})
        return
    try:
        decoded = base64.b64decode(blob, validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidRequestError(f"The agent cannot take {uri}: it is neither text nor an image.") from None
    said.append(_link(uri, None))
    attached.append(f'<context ref="{uri}">\n{decoded}\n</context>')


def _link(uri: str, name: object) -> str:
    """Return a link as an agent reads it: a file by its path, anything else by name and address."""
    try:
        parts = urlsplit(uri)
    except ValueError:  # What is no address is passed on as it is.
        return f"[@{name}]({uri})" if isinstance(name, str) and name else uri
    if parts.scheme == "file":
        path = unquote(parts.path)
        return f"@{path}"
    label = name if isinstance(name, str) and name else parts.path.rsplit("/", 1)[-1] or uri
    return f"[@{label}]({uri})"


def _text(fields: Mapping[str, object], key: str, place: int) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        raise InvalidRequestError(f"Content block {place} of the prompt lacks {key!r}, a text.")
    return value
