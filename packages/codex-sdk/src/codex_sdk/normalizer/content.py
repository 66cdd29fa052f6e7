"""Content as Codex writes it, as content blocks: what users send, and what MCP and dynamic tools return."""

from __future__ import annotations

import re
from typing import Final

from codex_sdk.normalizer.wire import Wire, optional_text, records, text

_DATA_URL: Final = re.compile(r"data:([^;,]+);base64,(.*)", re.DOTALL)


def user_content(item: Wire) -> str | list[Wire]:
    """Return what a userMessage item holds: plain text if it is one text, else blocks in order."""
    inputs = records(item, "content")
    if len(inputs) == 1 and inputs[0].get("type") == "text":
        return text(inputs[0], "text")
    return [_user_block(entry) for entry in inputs]


def tool_content(entries: list[Wire]) -> str | list[Wire]:
    """Return what a tool gave: plain text if it is one text, else blocks; unknown ones are kept as they are."""
    blocks = [_tool_block(entry) for entry in entries]
    if len(blocks) == 1 and blocks[0]["type"] == "text":
        return blocks[0]["text"]
    return blocks


def image_block(url: str) -> Wire:
    """Return an image block; a base64 data URL becomes inline data."""
    if match := _DATA_URL.fullmatch(url):
        return {"type": "image", "source": {"type": "base64", "media_type": match[1], "data": match[2]}}
    return {"type": "image", "source": {"type": "url", "url": url}}


def file_image_block(path: str) -> Wire:
    """Return an image block for a file on the agent's machine."""
    return {"type": "image", "source": {"type": "file", "path": path}}


def _user_block(entry: Wire) -> Wire:
    match entry.get("type"):
        case "text":
            return {"type": "text", "text": text(entry, "text")}
        case "image" if url := optional_text(entry, "url"):
            return image_block(url)
        case "image":
            return {"type": "image", "source": {"type": "file", "file_id": text(entry, "fileId")}}
        case "localImage":
            return file_image_block(text(entry, "path"))
        case _:
            return _kept(entry)


def _tool_block(entry: Wire) -> Wire:
    match entry.get("type"):
        case "text" | "inputText":
            return {"type": "text", "text": text(entry, "text")}
        case "image":
            source = {"type": "base64", "media_type": text(entry, "mimeType"), "data": text(entry, "data")}
            return {"type": "image", "source": source}
        case "inputImage":
            return image_block(text(entry, "imageUrl"))
        case _:
            return _kept(entry)


def _kept(entry: Wire) -> Wire:
    kind = text(entry, "type") or "unknown"
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
