"""What the agent looks up and makes beside files and commands: web pages, images, a pause."""

from __future__ import annotations

from typing import Final

from codex_sdk.normalizer.content import file_image_block, image_block
from codex_sdk.normalizer.shapes import Outcome, ToolShape, ToolUse, failed
from codex_sdk.normalizer.wire import Wire, integer, optional_text, record, records, text


def _search_uses(item: Wire) -> list[ToolUse]:
    action = record(item, "action")
    if url := optional_text(action, "url"):
        arguments: Wire = {"url": url}
        if pattern := optional_text(action, "pattern"):
            arguments["pattern"] = pattern
        return [ToolUse("WebFetch", arguments)]
    arguments = {"query": optional_text(action, "query") or text(item, "query")}
    if queries := action.get("queries"):
        arguments["queries"] = queries
    return [ToolUse("WebSearch", arguments)]


def _search_outcomes(item: Wire, streamed: str) -> list[Outcome]:
    del streamed
    results = records(item, "results")
    lines = [f"{text(entry, 'title')} {text(entry, 'url')}".strip() for entry in results]
    result: Wire = {"action": record(item, "action")}
    if results:
        result["results"] = results
    return [Outcome("\n".join(filter(None, lines)) or "Done.", failed(item), False, result)]


def _view_uses(item: Wire) -> list[ToolUse]:
    return [ToolUse("Read", {"file_path": text(item, "path")})]


def _view_outcomes(item: Wire, streamed: str) -> list[Outcome]:
    del streamed
    return [Outcome([file_image_block(text(item, "path"))], False, False, {"filePath": text(item, "path")})]


def _drawing_uses(item: Wire) -> list[ToolUse]:
    return [ToolUse("ImageGeneration", {"prompt": text(item, "revisedPrompt")})]


def _drawing_outcomes(item: Wire, streamed: str) -> list[Outcome]:
    del streamed
    saved, data = optional_text(item, "savedPath"), text(item, "result")
    result: Wire = {"status": text(item, "status"), "savedPath": saved}
    if failed(item) or item.get("failure") is not None:
        result["failure"] = item.get("failure")
        return [Outcome("The image could not be made.", True, False, result)]
    if data:
        block = image_block(data if data.startswith(("data:", "http")) else f"data:image/png;base64,{data}")
        return [Outcome([block], False, False, result)]
    return [Outcome([file_image_block(saved)] if saved else "Done.", False, False, result)]


def _sleep_uses(item: Wire) -> list[ToolUse]:
    return [ToolUse("Sleep", {"duration_ms": integer(item, "durationMs") or 0})]


def _sleep_outcomes(item: Wire, streamed: str) -> list[Outcome]:
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
