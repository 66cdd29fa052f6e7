from __future__ import annotations

from typing import Any

import pytest

from claude_sdk.store.transcript.entries import entry_of, is_command, kind_of, printed, prompt_text

Json = dict[str, Any]


def user(content: Any, **fields: Any) -> Json:
    return {"type": "user", "message": {"role": "user", "content": content}, **fields}


def words(text: str) -> list[Json]:
    return [{"type": "text", "text": text}]


def printing(content: Any) -> Json:
    return {"type": "system", "subtype": "local_command", "content": content}


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (user("hello"), "prompt"),
        (user(words("hello")), "prompt"),
        (user("<command-name>/compact</command-name>"), "prompt"),
        (user("[Request interrupted by user] is what I saw"), "prompt"),
        (user(words("[Request interrupted by user for tool use]")), "interruption"),
        (user("<local-command-stdout>Compacted </local-command-stdout>"), "echo"),
        (user("<task-notification>…", origin={"kind": "task-notification"}), "notice"),
        (user("hello", origin={"kind": "human"}), "prompt"),
        (user("Stop hook feedback:\ngo on", isMeta=True), "synthetic"),
        (user("<local-command-caveat>The command below", isMeta=True), "hidden"),
        (user(words("[Image: source: /tmp/1.png]"), isMeta=True), "hidden"),
        (user("The summary", isCompactSummary=True), "synthetic"),
        (user([{"type": "tool_result", "tool_use_id": "t", "content": ""}]), "results"),
        (user("hello", isVirtual=True), "hidden"),
        ({"type": "assistant", "message": {"content": words("hi")}}, "assistant"),
        ({"type": "assistant", "message": {"model": "<synthetic>", "content": words("API Error")}}, "assistant"),
        (
            {"type": "assistant", "message": {"model": "<synthetic>", "content": words("No response requested.")}},
            "hidden",
        ),
        ({"type": "system", "subtype": "compact_boundary"}, "boundary"),
        (printing("<local-command-stdout>a</local-command-stdout>"), "output"),
        (printing("<local-command-stdout></local-command-stdout>"), "hidden"),
        (printing(5), "hidden"),
        ({"type": "system", "subtype": "stop_hook_summary"}, "hidden"),
        ({"type": "attachment", "attachment": {"type": "queued_command", "source_uuid": "u"}}, "steered"),
        ({"type": "attachment", "attachment": {"type": "queued_command"}}, "hidden"),
        ({"type": "attachment", "attachment": None}, "hidden"),
        ({"type": "from-the-future"}, "hidden"),
        ({}, "hidden"),
    ],
)  # fmt: skip
def test_a_line_is_known_by_what_it_holds(line: Json, kind: str) -> None:
    assert kind_of(line) == kind


def test_a_line_without_a_place_in_the_conversation_is_no_entry() -> None:
    assert entry_of({"type": "mode", "mode": "normal"}, 0, 1) is None
    assert entry_of({"type": "user", "uuid": "u"}, 0, 1) is None
    assert entry_of({"type": "user", "uuid": 5, "parentUuid": None}, 0, 1) is None


def test_an_entry_says_what_it_follows_and_what_it_holds() -> None:
    blocks = [{"type": "tool_use", "id": "t"}, {"type": "tool_use", "id": 5}, "odd"]
    line = {"type": "assistant", "uuid": "u", "parentUuid": "p", "message": {"id": "m", "content": blocks}}
    entry = entry_of({**line, "timestamp": "2026", "isSidechain": True}, 7, 9)
    assert entry is not None
    assert (entry.offset, entry.size, entry.uuid, entry.parent, entry.time) == (7, 9, "u", "p", "2026")
    assert (entry.message_id, entry.calls, entry.results, entry.sidechain) == ("m", ("t",), (), True)
    assert not entry.starts_turn


def test_a_compaction_follows_what_it_compacted() -> None:
    line = {"type": "system", "subtype": "compact_boundary", "uuid": "u", "parentUuid": None, "logicalParentUuid": "l"}
    entry = entry_of(line, 0, 1)
    assert entry is not None
    assert entry.parent == "l"


def test_a_result_that_only_tells_of_the_background_is_marked() -> None:
    line = user(
        [{"type": "tool_result", "tool_use_id": "t"}], uuid="u", parentUuid=None, toolUseResult={"isAsync": True}
    )
    entry = entry_of(line, 0, 1)
    assert entry is not None
    assert (entry.results, entry.detached) == (("t",), True)


def test_the_text_of_a_line_is_that_of_its_text_blocks() -> None:
    assert prompt_text(user("a")) == "a"
    assert prompt_text(user([*words("a"), {"type": "image"}, *words("b"), {"type": "text"}])) == "a\nb"
    assert prompt_text({"message": None}) == ""


def test_a_command_is_told_from_a_prompt() -> None:
    assert is_command("\n<command-name>/x</command-name>")
    assert not is_command("what does <command-name> mean?")


def test_what_a_command_printed_is_told_without_its_tags() -> None:
    assert printed({"content": "<local-command-stdout>a > b\n</local-command-stdout>"}) == "a > b"
    assert printed({"content": "plain"}) == ""
