from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent_chat.transcript.blocks import Block, Card, Ending, Header, Notice, Prompted, Said
from agent_chat.transcript.transcript import Transcript

if TYPE_CHECKING:
    from agent_sdk_core.messages.parse import SDKMessage


def feed(transcript: Transcript, *messages: SDKMessage) -> list[Block]:
    return [block for message in messages for block in transcript.feed(message)]


def test_streamed_text_is_shown_once_by_paragraphs_and_finished_by_the_full_message(wire: Any) -> None:
    transcript = Transcript()
    assert feed(transcript, wire.delta("m", "one\n"), wire.delta("m", "\ntw")) == [Said("one\n\n")]
    assert transcript.live == (Said("tw"),)
    assert feed(transcript, wire.text("m", "one\n\ntwo")) == [Said("two", continues=True)]
    assert transcript.live == ()


def test_a_full_message_without_deltas_is_shown(wire: Any) -> None:
    assert feed(Transcript(), wire.text("m", "hello"), wire.text("n", "  ")) == [Said("hello")]


def test_a_full_message_adds_nothing_when_everything_was_shown(wire: Any) -> None:
    transcript = Transcript("line")
    assert feed(transcript, wire.delta("m", "one\n"), wire.text("m", "one\n")) == [Said("one\n")]


def test_interleaved_messages_keep_their_own_text(wire: Any) -> None:
    transcript = Transcript("line")
    blocks = feed(
        transcript,
        wire.delta("a", "a1\na"),
        wire.delta("b", "b1\n", thinking=True),
        wire.delta("a", "2\n"),
        wire.thinking("b", "b1\nb2"),
        wire.text("a", "a1\na2\n"),
    )
    assert blocks == [
        Said("a1\n"),
        Said("b1\n", thinking=True),
        Said("a2\n"),
        Said("b2", thinking=True),
    ]


def test_reasoning_and_text_of_one_message_are_kept_apart(wire: Any) -> None:
    transcript = Transcript()
    feed(transcript, wire.delta("m", "hm", thinking=True), wire.delta("m", "so", index=1))
    assert feed(transcript, wire.thinking("m", "hmm"), wire.text("m", "so")) == [Said("hmm", thinking=True), Said("so")]


def test_aborted_text_says_so(wire: Any) -> None:
    transcript = Transcript("line")
    assert feed(transcript, wire.delta("m", "one\ntw"), wire.text("m", "one\ntw", aborted=True)) == [
        Said("one\n"),
        Said("tw", continues=True, aborted=True),
    ]


def test_text_that_no_full_message_came_for_is_kept_at_the_end(wire: Any) -> None:
    transcript = Transcript()
    blocks = feed(transcript, wire.delta("m", "lost"), wire.result())
    assert blocks == [Said("lost", aborted=True), Ending("completed", facts=("1.5 s",))]


def test_a_command_shows_a_preview_while_it_runs_and_its_output_once(wire: Any) -> None:
    transcript = Transcript()
    assert feed(transcript, wire.use("t", "Bash", {"command": "make"}), wire.progress("t", "a\n")) == []
    assert transcript.live == (Card("t", "", command="make", output="a"),)
    blocks = feed(transcript, wire.done("t", "a\nb\n", exitCode=0, durationMs=20))
    assert blocks == [Card("t", "", command="make", state="completed", output="a\nb", exit_code=0, duration_ms=20)]
    assert transcript.live == ()


def test_progress_of_a_tool_that_is_not_open_is_ignored(wire: Any) -> None:
    transcript = Transcript()
    feed(transcript, wire.progress("gone", "late"), wire.progress("gone", ""))
    assert transcript.live == ()


@pytest.mark.parametrize("asked_first", [True, False])
def test_a_tool_waits_while_its_permission_is_open_and_is_declined_when_denied(wire: Any, asked_first: bool) -> None:
    transcript = Transcript()
    asked = wire.system("request_opened", request_id="r", kind="permission", request={"tool_use_id": "t"})
    use = wire.use("t", "Bash", {"command": "make"})
    feed(transcript, *((asked, use) if asked_first else (use, asked)))
    assert [block.state for block in transcript.live if isinstance(block, Card)] == ["waiting"]
    resolved = wire.system("request_resolved", request_id="r", kind="permission", outcome="denied", by="callback")
    feed(transcript, resolved)
    [card] = feed(transcript, wire.done("t", "declined", error=True))
    assert isinstance(card, Card)
    assert card.state == "declined"


def test_a_tool_that_waited_as_its_session_ended_is_not_declined(wire: Any) -> None:
    transcript = Transcript()
    [card] = feed(
        transcript,
        wire.use("t", "Bash", {"command": "make"}),
        wire.system("request_opened", request_id="r", kind="permission", request={"tool_use_id": "t"}),
        wire.system("request_resolved", request_id="r", kind="permission", outcome="denied", by="close"),
        wire.done("t", "ended", error=True),
    )
    assert isinstance(card, Card)
    assert card.state == "failed"


def test_an_allowed_tool_goes_on_running(wire: Any) -> None:
    transcript = Transcript()
    feed(
        transcript,
        wire.use("t", "Bash", {"command": "make"}),
        wire.system("request_opened", request_id="r", kind="permission", request={"tool_use_id": "t"}),
        wire.system("request_resolved", request_id="r", kind="permission", outcome="allowed", by="callback"),
        wire.system("request_resolved", request_id="unknown", kind="permission", outcome="denied", by="callback"),
        wire.system("request_opened", request_id="q", kind="question", request={}),
    )
    assert [block.state for block in transcript.live if isinstance(block, Card)] == ["running"]


def test_a_tool_denied_without_asking_is_declined(wire: Any) -> None:
    transcript = Transcript()
    [card] = feed(
        transcript,
        wire.use("t", "Bash", {"command": "make"}),
        wire.system("permission_denied", tool_name="Bash", tool_use_id="t"),
        wire.system("permission_denied", tool_name="Bash"),
        wire.done("t", "no", error=True),
    )
    assert isinstance(card, Card)
    assert card.state == "declined"


def test_a_change_that_a_question_showed_is_brief(wire: Any) -> None:
    transcript = Transcript()
    transcript.reviewed("t")
    [card] = feed(transcript, wire.use("t", "Write", {"file_path": "f", "content": "x"}), wire.done("t", "ok"))
    assert isinstance(card, Card)
    assert card.brief


def test_a_result_without_its_tool_use_is_still_shown(wire: Any) -> None:
    [card] = feed(Transcript(), wire.done("ghost", "boo"))
    assert card == Card("ghost", "Tool", state="completed", output="boo")


def test_the_session_is_introduced_once(wire: Any) -> None:
    transcript = Transcript()
    init = wire.system("init", cwd="/w", model="m", permissionMode="default", version="1.2")
    assert feed(transcript, init, init) == [Header("codex", "1.2", "m", "/w", "default")]
    assert feed(Transcript(), wire.system("init", parent_tool_use_id="t")) == []


def test_paths_are_shown_relative_to_the_folder_of_the_session(wire: Any) -> None:
    transcript = Transcript()
    feed(transcript, wire.system("init", cwd="/w"), wire.use("t", "Read", {"file_path": "/w/a/b.txt"}))
    assert [block.subject for block in transcript.live if isinstance(block, Card)] == ["a/b.txt"]


def test_prompts_of_the_user_are_shown_but_not_what_the_agent_writes_in_their_name(wire: Any) -> None:
    synthetic = wire.make("user", message={"role": "user", "content": "hint"}, isSynthetic=True)
    assert feed(Transcript(), wire.prompt("do it\x1b[2J"), synthetic) == [Prompted("do it")]


def test_the_last_usage_tells_how_full_the_context_is(wire: Any) -> None:
    blocks = feed(
        Transcript(),
        wire.system("usage", usage={}, context_tokens=5_000, context_window=100_000),
        wire.system("usage", usage={}, context_tokens=9, parent_tool_use_id="child"),
        wire.result(),
    )
    assert blocks == [Ending("completed", facts=("1.5 s", "context 5% of 100k"))]


def test_what_tells_a_person_nothing_is_left_out(wire: Any) -> None:
    assert (
        feed(
            Transcript(),
            wire.make("mystery", field=1),
            wire.make("command_lifecycle", command_uuid="u", state="queued"),
            wire.make("rate_limit_event", rate_limit_info={"status": "allowed"}),
            wire.system("status", status="requesting"),
            wire.system("some_new_subtype"),
            wire.make("stream_event", event={"type": "message_start"}, api_message_id="m"),
            wire.assistant("m", {"type": "redacted_thinking", "data": "x"}),
        )
        == []
    )


def test_blocks_that_cannot_be_shown_are_named(wire: Any) -> None:
    blocks = feed(
        Transcript(),
        wire.assistant("m", {"type": "holo\x07gram"}),
        wire.make("rate_limit_event", rate_limit_info={"status": "allowed_warning"}),
    )
    assert blocks == [Notice("[hologram]"), Notice("Usage limit: allowed warning", "warning")]


def test_a_search_at_the_provider_is_a_card(wire: Any) -> None:
    transcript = Transcript()
    feed(
        transcript,
        wire.assistant("m", {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}),
    )
    [card] = feed(
        transcript, wire.assistant("m", {"type": "web_search_tool_result", "tool_use_id": "s", "content": []})
    )
    assert card == Card("s", "web_search", subject="q", state="completed", shows_output=False)


def test_what_a_sub_agent_does_is_set_in(wire: Any) -> None:
    transcript = Transcript()
    blocks = feed(transcript, wire.text("m", "hi", parent_tool_use_id="t"))
    assert blocks == [Said("hi", nested=True)]
    feed(transcript, wire.use("u", "Read", {"file_path": "f"}, parent_tool_use_id="t"))
    assert [block.nested for block in transcript.live if isinstance(block, Card)] == [True]
