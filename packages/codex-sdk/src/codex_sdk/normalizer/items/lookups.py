"""What the agent looks up and makes beside files and commands: web pages, images, a pause."""

from __future__ import annotations

from typing import Final

from agent_sdk_core.wire.reading import Json, integer_at, optional_text_at, record_at, records_at, text_at
from codex_sdk.normalizer.items.content import file_image_block, image_block
from codex_sdk.normalizer.items.shapes import Outcome, ToolShape, ToolUse, failed


def _search_uses(item: Json) -> list[ToolUse]:
    action = record_at(item, "action")
    if url := optional_text_at(action, "url"):
        arguments: Json = {"url": url}
        if pattern := optional_text_at(action, "pattern"):
            arguments["pattern"] = pattern
        return [ToolUse("WebFetch", arguments)]
    arguments = {"query": optional_text_at(action, "query") or text_at(item, "query")}
    if queries := action.get("queries"):
        arguments["queries"] = queries
    return [ToolUse("WebSearch", arguments)]


def _search_outcomes(item: Json, streamed: str) -> list[Outcome]:
    del streamed
    results = records_at(item, "results")
    lines = [f"{text_at(entry, 'title')} {text_at(entry, 'url')}".strip() for entry in results]
    result: Json = {"action": record_at(item, "action")}
    if results:
        result["results"] = results
    return [Outcome("\n".join(filter(None, lines)) or "Done.", failed(item), False, result)]


def _view_uses(item: Json) -> list[ToolUse]:
    return [ToolUse("Read", {"file_path": text_at(item, "path")})]


def _view_outcomes(item: Json, streamed: str) -> list[Outcome]:
    del streamed
    return [Outcome([file_image_block(text_at(item, "path"))], False, False, {"filePath": text_at(item, "path")})]


def _drawing_uses(item: Json) -> list[ToolUse]:
    return [ToolUse("ImageGeneration", {"prompt": text_at(item, "revisedPrompt")})]


def _drawing_outcomes(item: Json, streamed: str) -> list[Outcome]:
    del streamed
    saved, data = optional_text_at(item, "savedPath"), text_at(item, "result")
    result: Json = {"status": text_at(item, "status"), "savedPath": saved}
    if failed(item) or item.get("failure") is not None:
        result["failure"] = item.get("failure")
        return [Outcome("The image could not be made.", True, False, result)]
    if data:
        block = image_block(data if data.startswith(("data:", "http")) else f"data:image/png;base64,{data}")
        return [Outcome([block], False, False, result)]
    return [Outcome([file_image_block(saved)] if saved else "Done.", False, False, result)]


def _sleep_uses(item: Json) -> list[ToolUse]:
    return [ToolUse("Sleep", {"duration_ms": integer_at(item, "durationMs") or 0})]


def _sleep_outcomes(item: Json, streamed: str) -> list[Outcome]:
    del item, streamed
    return [Outcome("Done.")]


WEB_SEARCH: Final = ToolShape(_search_uses, _search_outcomes, opens="completed")
"""The shape of webSearch items, whose query is often empty when they start."""

IMAGE_VIEW: Final = ToolShape(_view_uses, _view_outcomes)
"""The shape of imageView items."""

IMAGE_GENERATION: Final = ToolShape(_drawing_uses, _drawing_outcomes, opens="completed")
"""The shape of imageGeneration items, which are empty when they start."""

SLEEP: Final = ToolShape(_sleep_uses, _sleep_outcomes)
"""The shape of sleep items."""
