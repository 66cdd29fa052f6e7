"""Content as Codex writes it, as content blocks: what users send, and what MCP and dynamic tools return."""

from __future__ import annotations

import re
from typing import Final

from agent_sdk_core.wire.reading import Json, optional_text_at, records_at, text_at

_DATA_URL: Final = re.compile(r"data:([^;,]+);base64,(.*)", re.DOTALL)


def user_content(item: Json) -> str | list[Json]:
    """Return what a userMessage item holds: plain text if it is one text, else blocks in order."""
    inputs = records_at(item, "content")
    if len(inputs) == 1 and inputs[0].get("type") == "text":
        return text_at(inputs[0], "text")
    return [_user_block(entry) for entry in inputs]


def tool_content(entries: list[Json]) -> str | list[Json]:
    """Return what a tool gave: plain text if it is one text, else blocks; unknown ones are kept as they are."""
    blocks = [_tool_block(entry) for entry in entries]
    if len(blocks) == 1 and blocks[0]["type"] == "text":
        return blocks[0]["text"]
    return blocks


def image_block(url: str) -> Json:
    """Return an image block; a base64 data URL becomes inline data."""
    if match := _DATA_URL.fullmatch(url):
        return {"type": "image", "source": {"type": "base64", "media_type": match[1], "data": match[2]}}
    return {"type": "image", "source": {"type": "url", "url": url}}


def file_image_block(path: str) -> Json:
    """Return an image block for a file on the agent's machine."""
    return {"type": "image", "source": {"type": "file", "path": path}}


def _user_block(entry: Json) -> Json:
    match entry.get("type"):
        case "text":
            return {"type": "text", "text": text_at(entry, "text")}
        case "image" if url := optional_text_at(entry, "url"):
            return image_block(url)
        case "image":
            return {"type": "image", "source": {"type": "file", "file_id": text_at(entry, "fileId")}}
        case "localImage":
            return file_image_block(text_at(entry, "path"))
        case _:
            return _kept(entry)


def _tool_block(entry: Json) -> Json:
    match entry.get("type"):
        case "text" | "inputText":
            return {"type": "text", "text": text_at(entry, "text")}
        case "image":
            source = {"type": "base64", "media_type": text_at(entry, "mimeType"), "data": text_at(entry, "data")}
            return {"type": "image", "source": source}
        case "inputImage":
            return image_block(text_at(entry, "imageUrl"))
        case _:
            return _kept(entry)


def _kept(entry: Json) -> Json:
    kind = text_at(entry, "type") or "unknown"
    # A known name with another shape would not be what the name promises.
    return {**entry, "type": f"codex_{kind}" if kind in _RESERVED else kind}


_RESERVED: Final = frozenset(
    {
        "document",
        "image",
        "redacted_thinking",
        "server_tool_use",
        "text",
        "thinking",
        "tool_result",
        "tool_use",
        "web_search_tool_result",
    }
)
