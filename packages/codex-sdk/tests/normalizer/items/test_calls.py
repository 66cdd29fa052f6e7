from __future__ import annotations

from typing import Any

import pytest

from codex_sdk.normalizer.items.tool_shapes import tool_shape

TEXT = {"type": "text", "text": "ok"}
IMAGE = {"type": "image", "mimeType": "image/png", "data": "AAAA"}
BLOCK = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}


def outcome(item: dict[str, Any], streamed: str = "") -> tuple[Any, bool, dict[str, Any]]:
    (result,) = tool_shape(item["type"]).outcomes(item, streamed)
    return result.content, result.is_error, result.result


def use(item: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    (tool_use,) = tool_shape(item["type"]).uses(item)
    return tool_use.name, tool_use.input


def test_an_mcp_call_is_named_as_on_claude() -> None:
    item = {"type": "mcpToolCall", "server": "files", "tool": "find", "arguments": {"q": "x"}}
    assert use(item) == ("mcp__files__find", {"q": "x"})
    assert use({**item, "arguments": None})[1] == {}
    assert use({**item, "arguments": [1]})[1] == {"arguments": [1]}


def test_an_mcp_result_keeps_its_blocks_and_its_structure() -> None:
    resource = {"type": "resource", "resource": {"uri": "a"}}
    thinking = {"type": "thinking", "odd": 1}
    result = {"content": [TEXT, IMAGE, resource, thinking, {}], "structuredContent": {"n": 1}}
    content, is_error, structured = outcome(
        {"type": "mcpToolCall", "status": "completed", "result": result, "durationMs": 3}
    )
    assert content == [TEXT, BLOCK, resource, {"type": "codex_thinking", "odd": 1}, {"type": "unknown"}]
    assert (is_error, structured) == (False, {"durationMs": 3, "structuredContent": {"n": 1}})


def test_a_failed_mcp_call_says_why() -> None:
    item = {"type": "mcpToolCall", "status": "failed", "error": {"message": "rejected"}}
    assert outcome(item)[:2] == ("rejected", True)
    assert outcome({"type": "mcpToolCall", "status": "failed"})[:2] == ("The tool failed.", True)


def test_progress_of_an_mcp_call_is_told(scene: Any) -> None:
    scene.begin()
    scene.started("mcpToolCall", server="s", tool="t", arguments={})
    (wire,) = scene.feed("item/mcpToolCall/progress", itemId="item-1", message="half")
    assert (wire["tool_name"], wire["output"]) == ("mcp__s__t", "half")


def test_the_applications_own_tools_are_named_like_those_of_a_server() -> None:
    item = {"type": "dynamicToolCall", "namespace": "app", "tool": "add", "arguments": {"a": 1}}
    assert use(item) == ("mcp__app__add", {"a": 1})
    assert use({**item, "namespace": None})[0] == "add"


def test_a_dynamic_result_keeps_its_content() -> None:
    items = [{"type": "inputText", "text": "42"}, {"type": "inputImage", "imageUrl": "data:image/png;base64,AAAA"}]
    item = {"type": "dynamicToolCall", "status": "completed", "success": True, "contentItems": items}
    assert outcome(item)[0] == [{"type": "text", "text": "42"}, BLOCK]
    assert outcome({**item, "contentItems": items[:1], "success": False})[:2] == ("42", True)
    assert outcome({**item, "contentItems": None, "status": "failed"})[:2] == ("The tool failed.", True)
    assert outcome({**item, "contentItems": None})[:2] == ("", False)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"query": "rain", "action": {"type": "search", "query": "rain"}}, ("WebSearch", {"query": "rain"})),
        ({"query": "rain"}, ("WebSearch", {"query": "rain"})),
        ({"action": {"type": "search", "queries": ["a"]}}, ("WebSearch", {"query": "", "queries": ["a"]})),
        ({"action": {"type": "openPage", "url": "http://a"}}, ("WebFetch", {"url": "http://a"})),
        (
            {"action": {"type": "findInPage", "url": "http://a", "pattern": "x"}},
            ("WebFetch", {"url": "http://a", "pattern": "x"}),
        ),
    ],
)
def test_a_web_search_is_what_it_turned_out_to_be(item: dict[str, Any], expected: tuple[str, dict[str, Any]]) -> None:
    assert use({"type": "webSearch", **item}) == expected


def test_a_web_search_appears_when_it_completes(scene: Any) -> None:
    scene.begin()
    assert scene.started("webSearch", query="") == []
    results = [{"title": "A", "url": "http://a"}, {}]
    wires = scene.completed("webSearch", query="rain", results=results)
    assert [wire["type"] for wire in wires] == ["assistant", "user"]
    assert wires[1]["message"]["content"][0]["content"] == "A http://a"
    assert wires[1]["tool_use_result"]["results"] == results
    assert scene.started("webSearch", "item-2", query="") == []
    assert [wire["type"] for wire in scene.end("interrupted")] == ["result"]


def test_a_viewed_image_is_read() -> None:
    item = {"type": "imageView", "path": "/i.png"}
    assert use(item) == ("Read", {"file_path": "/i.png"})
    assert outcome(item)[0] == [{"type": "image", "source": {"type": "file", "path": "/i.png"}}]


@pytest.mark.parametrize(
    ("item", "content", "is_error"),
    [
        ({"result": "AAAA", "status": "completed"}, [BLOCK], False),
        ({"result": "http://i"}, [{"type": "image", "source": {"type": "url", "url": "http://i"}}], False),
        ({"savedPath": "/i.png"}, [{"type": "image", "source": {"type": "file", "path": "/i.png"}}], False),
        ({}, "Done.", False),
        ({"status": "failed"}, "The image could not be made.", True),
        ({"failure": {"code": "x"}}, "The image could not be made.", True),
    ],
)
def test_a_made_image_is_shown(item: dict[str, Any], content: Any, is_error: bool) -> None:
    assert outcome({"type": "imageGeneration", **item})[:2] == (content, is_error)
    assert use({"type": "imageGeneration", "revisedPrompt": "a cat"}) == ("ImageGeneration", {"prompt": "a cat"})


def test_a_search_without_results_is_done() -> None:
    assert outcome({"type": "webSearch", "query": "rain"}) == ("Done.", False, {"action": {}})


def test_a_pause_is_a_tool() -> None:
    assert use({"type": "sleep", "durationMs": 5}) == ("Sleep", {"duration_ms": 5})
    assert outcome({"type": "sleep"})[0] == "Done."


def test_the_output_of_a_function_is_a_pair() -> None:
    item = {"type": "functionCallOutput", "name": "add", "namespace": "app", "output": "3"}
    assert use(item) == ("mcp__app__add", {})
    assert use({**item, "namespace": None})[0] == "add"
    assert outcome(item)[0] == "3"
    entries = [
        {"type": "input_text", "text": "3"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
        {"type": "input_image", "image_url": {"odd": 1}},
    ]
    content = outcome({**item, "output": entries})[0]
    assert content[:2] == [{"type": "text", "text": "3"}, BLOCK]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"type": "image", "url": "http://i"}, {"type": "image", "source": {"type": "url", "url": "http://i"}}),
        ({"type": "image", "fileId": "f1"}, {"type": "image", "source": {"type": "file", "file_id": "f1"}}),
        ({"type": "localImage", "path": "/i"}, {"type": "image", "source": {"type": "file", "path": "/i"}}),
        ({"type": "mention", "name": "a", "path": "/a"}, {"type": "mention", "name": "a", "path": "/a"}),
    ],
)
def test_what_a_user_sends_are_blocks(scene: Any, entry: dict[str, Any], expected: dict[str, Any]) -> None:
    scene.begin()
    (wire,) = scene.completed("userMessage", content=[{"type": "text", "text": "see"}, entry])
    assert wire["message"]["content"] == [{"type": "text", "text": "see"}, expected]
