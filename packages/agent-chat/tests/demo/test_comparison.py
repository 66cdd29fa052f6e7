from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from agent_chat.demo.comparison import REASONS, Comparison, Emitted, Row, compare, kind_of
from agent_chat.demo.comparison_table import plain_comparison, print_comparison


def sent(wire: Any, *, tool: str = "Bash", progress: int = 0) -> Emitted:
    messages = [
        wire.system("init"),
        wire.prompt("go"),
        wire.delta("m", "text"),
        wire.assistant("m", {"type": "text", "text": "a"}, {"type": "thinking", "thinking": "b"}),
        wire.use("t", tool, {}),
        wire.system("request_opened", request_id="r", kind="permission"),
        wire.system("request_resolved", request_id="r", kind="permission", outcome="allowed", by="callback"),
        *(wire.progress("t", "x") for _ in range(progress)),
        wire.done("t", "done"),
        wire.system("brand_new"),
        wire.result(),
    ]
    return Emitted.of("codex" if progress else "claude", messages)


def test_messages_are_told_apart_by_type_and_blocks(wire: Any) -> None:
    assert sent(wire).conversation == (
        "system/init",
        "user · prompt",
        "assistant · text + thinking",
        "assistant · tool_use Bash",
        "system/request_opened permission",
        "system/request_resolved allowed",
        "user · tool_result",
        "result",
    )
    assert kind_of(wire.make("never_seen")) == "never_seen"


def test_the_conversation_is_compared_and_the_rest_is_counted(wire: Any) -> None:
    comparison = compare([sent(wire), sent(wire, progress=3)])
    assert comparison.same
    assert Row("assistant · tool_use", (1, 1)) in comparison.conversation
    assert comparison.beside == (
        Row("stream_event", (1, 1), REASONS["stream_event"]),
        Row("tool_progress", (0, 3), REASONS["tool_progress"]),
        Row("system/brand_new", (1, 1)),
    )


def test_another_tool_is_another_conversation(wire: Any) -> None:
    assert not compare([sent(wire), sent(wire, tool="Edit", progress=1)]).same


def shown(comparison: Comparison, width: int) -> str:
    out = io.StringIO()
    print_comparison(Console(file=out, width=width, force_terminal=True, color_system=None), comparison)
    assert all(len(line) <= width for line in out.getvalue().splitlines())
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


@pytest.mark.parametrize("width", [110, 60])
def test_a_table_fits_its_terminal_and_tells_why(wire: Any, width: int) -> None:
    text = shown(compare([sent(wire), sent(wire, progress=3)]), width)
    assert text.startswith("✓ The conversation is the same on both")
    assert "claude   codex\nsystem/init " in text
    assert re.search(r"^tool_progress +- +3\b", text, re.MULTILINE)
    assert "Codex streams what a command writes" in text


def test_plain_text_has_the_same_table(wire: Any) -> None:
    lines = list(plain_comparison(compare([sent(wire), sent(wire, progress=3)])))
    assert lines[:4] == [
        "The conversation is the same on both: message by message, block by block, in the same order.",
        "",
        "                             claude   codex",
        "system/init                       1       1",
    ]
    assert f"tool_progress                     -       3  {REASONS['tool_progress']}" in lines


def test_conversations_that_differ_are_told_in_full(wire: Any) -> None:
    comparison = compare([sent(wire), sent(wire, tool="Edit", progress=1)])
    lines = list(plain_comparison(comparison))
    assert lines[0] == "The conversations differ:"
    assert lines[1].startswith("claude: system/init → user · prompt → ")
    assert "assistant · tool_use Edit →" in lines[2]
    assert "The conversations differ:" in shown(comparison, 100)
    assert "tool_use Edit" in shown(comparison, 100)


def test_one_agent_alone_is_counted_without_reasons(wire: Any) -> None:
    comparison = compare([sent(wire, progress=2)])
    assert next(plain_comparison(comparison)) == "What it sent: codex"
    for text in (shown(comparison, 60), "\n".join(plain_comparison(comparison))):
        assert "Beside it:" in text
        assert "Codex streams" not in text


def test_three_of_them_are_compared_alike(wire: Any) -> None:
    comparison = compare([sent(wire), sent(wire, progress=1), Emitted("mini", sent(wire).conversation, {})])
    assert next(plain_comparison(comparison)).startswith("The conversation is the same on all of them")
