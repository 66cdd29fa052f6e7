from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_sdk_core.errors import AgentError, InvalidRequestError, SessionNotFoundError
from agent_sdk_core.messages.conversation import AssistantMessage, UnknownMessage, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import CompactBoundary
from claude_sdk.store import find_session, list_sessions, read_history
from claude_sdk.store.listing import read_stored
from claude_sdk.store.transcript import files as transcripts
from claude_sdk.store.transcript import row as rows

Json = dict[str, Any]

_STORED_ONLY = {
    "usage",
    "stop_reason",
    "stop_sequence",
    "stop_details",
    "context_management",
    "diagnostics",
    "container",
}
_SESSION = "00000001-0000-4000-8000-000000000001"


def comparable(frame: Json) -> Json:
    """Leave out what only the stored or only the live frame can know."""
    if any(each.get("non_execution_kind") == "user-rejected" for each in frame.get("tool_result_meta", ())):
        frame = {**frame, "tool_use_result": {"interrupted": True}}  # As it is told of what an interrupt cut off.
    if "message" not in frame:
        return frame
    message: Json = frame["message"]
    unknown = _STORED_ONLY | ({"id"} if message.get("model") == "<synthetic>" else set[str]())
    return {**frame, "message": {key: value for key, value in message.items() if key not in unknown}}


def told(page: Any) -> list[str]:
    return [message.text if isinstance(message, UserMessage | AssistantMessage) else message.type for message in page]


def uuids(messages: Any) -> list[str | None]:
    return [message.uuid for message in messages]


@pytest.mark.parametrize("name", ["tour", "agents", "cuts"])
def test_what_was_watched_is_what_is_read(root: Path, recorded: Callable[[str], list[Json]], name: str) -> None:
    live = {frame["uuid"]: comparable(frame) for frame in recorded(name)}
    stored = {
        str(message.uuid): comparable(message.to_wire()) for message in read_history(find_session(root, _SESSION))
    }
    assert {uuid: stored.get(uuid) for uuid in live} == live


def test_what_a_session_and_its_sub_agents_did_at_once_is_read_in_the_order_in_which_it_was_watched(
    root: Path, recorded: Callable[[str], list[Json]]
) -> None:
    live = [frame["uuid"] for frame in recorded("agents")]
    stored = [uuid for uuid in uuids(read_history(find_session(root, _SESSION))) if uuid in live]
    assert stored == live


def test_only_what_a_killed_session_lacked_is_read_beyond_what_was_watched(
    root: Path, recorded: Callable[[str], list[Json]]
) -> None:
    live = {frame["uuid"] for frame in recorded("agents")}
    extra = [message for message in read_history(find_session(root, _SESSION)) if message.uuid not in live]
    assert [
        result.tool_use_id for message in extra if isinstance(message, UserMessage) for result in message.tool_results
    ] == ["tK"]
    assert len(extra) == 1


def test_a_branch_that_the_user_went_back_from_is_not_read(root: Path, recorded: Callable[[str], list[Json]]) -> None:
    recorded("branches")
    page = read_history(find_session(root, _SESSION))
    assert [message.text for message in page if isinstance(message, UserMessage) and message.is_replay] == [
        "p-par",
        "branch prompt",
    ]
    assert [use.id for message in page if isinstance(message, AssistantMessage) for use in message.tool_uses] == [
        "tA",
        "tB",
        "tC",
    ]
    assert [
        result.tool_use_id for message in page if isinstance(message, UserMessage) for result in message.tool_results
    ] == ["tA", "tB", "tC"]


def test_before_the_user_went_back_everything_was_read(root: Path, recorded: Callable[[str], list[Json]]) -> None:
    live = {frame["uuid"]: comparable(frame) for frame in recorded("branches") if frame["session_id"] == _SESSION}
    path = find_session(root, _SESSION)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: next(at for at, line in enumerate(lines) if '"branch prompt"' in line)]))
    stored = {str(message.uuid): comparable(message.to_wire()) for message in read_history(path)}
    beyond = set(live) - set(stored)
    assert [live[uuid]["message"]["content"] for uuid in beyond if live[uuid]["type"] == "user"] == ["branch prompt"]
    assert {uuid: frame for uuid, frame in live.items() if uuid in stored} == {
        uuid: stored[uuid] for uuid in live if uuid in stored
    }


@pytest.mark.parametrize("name", ["tour", "agents", "cuts", "branches"])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_joined_are_the_whole(root: Path, recorded: Callable[[str], list[Json]], name: str, limit: int) -> None:
    recorded(name)
    path = find_session(root, _SESSION)
    pages: list[SDKMessage] = []
    cursor: str | None = None
    while True:
        page = read_history(path, limit=limit, cursor=cursor)
        assert page
        pages.extend(page)
        if (cursor := page.cursor) is None:
            break
    assert pages == list(read_history(path))


def test_a_page_has_the_turns_that_were_asked_for(write: Callable[..., Any]) -> None:
    session = write()
    for turn in range(3):
        session.user(f"prompt {turn}")
        session.said(f"answer {turn}")
    first = read_history(session.path, limit=2)
    assert told(first) == ["prompt 0", "answer 0", "prompt 1", "answer 1"]
    second = read_history(session.path, limit=2, cursor=first.cursor)
    assert (told(second), second.cursor) == (["prompt 2", "answer 2"], None)
    assert read_history(session.path, limit=3).cursor is None


def test_a_cursor_stays_good_while_the_session_goes_on(write: Callable[..., Any]) -> None:
    session = write()
    session.user("one")
    session.user("two")
    first = read_history(session.path, limit=1)
    session.user("three")
    assert told(read_history(session.path, cursor=first.cursor)) == ["two", "three"]


def test_a_cursor_of_a_turn_that_the_user_went_back_from_is_refused(write: Callable[..., Any]) -> None:
    session = write()
    begin = session.user("one")
    session.user("two")
    cursor = read_history(session.path, limit=1).cursor
    session.last = begin
    session.user("instead")
    with pytest.raises(InvalidRequestError, match="from the start"):
        read_history(session.path, cursor=cursor)


def test_a_turn_that_nobody_prompted_begins_a_page_of_its_own(write: Callable[..., Any]) -> None:
    session = write()
    session.user("one")
    session.user("<task-notification>", origin={"kind": "task-notification"})
    session.said("noticed")
    first = read_history(session.path, limit=1)
    assert told(first) == ["one"]
    assert told(read_history(session.path, cursor=first.cursor)) == ["noticed"]


def test_a_session_is_read_on_across_its_compactions(write: Callable[..., Any]) -> None:
    session = write()
    session.user("one")
    before = session.last
    session.last = None
    session.entry("system", subtype="compact_boundary", logicalParentUuid=before, compactMetadata={"preTokens": 3})
    session.user("summary", isCompactSummary=True)
    session.user("two")
    page = read_history(session.path)
    assert told(page) == ["one", "system", "summary", "two"]
    boundary = page[1]
    assert isinstance(boundary, CompactBoundary)
    assert boundary.compact_metadata == {"pre_tokens": 3}


def test_a_place_that_the_user_went_back_to_is_the_end_until_more_is_said(write: Callable[..., Any]) -> None:
    session = write()
    one = session.user("one")
    session.user("two")
    session.line({"type": "last-prompt", "leafUuid": one, "explicit": True, "rewound": True})
    session.line({"type": "last-prompt", "leafUuid": "two"})
    assert told(read_history(session.path)) == ["one"]
    session.user("three")
    assert told(read_history(session.path)) == ["one", "two", "three"]


def test_lines_of_sub_agents_in_the_sessions_own_file_are_no_part_of_it(write: Callable[..., Any]) -> None:
    session = write()
    session.user("one")
    session.user("warm up", isSidechain=True)
    assert told(read_history(session.path)) == ["one"]


def test_lines_that_carry_the_ids_of_sessions_before_it_are_read_like_its_own(write: Callable[..., Any]) -> None:
    session = write()
    session.user("one", sessionId=_SESSION.replace("1", "7"))
    session.said("first", sessionId=_SESSION.replace("1", "8"))
    session.user("two", sessionId=session.path.stem)
    assert told(read_history(session.path)) == ["one", "first", "two"]


def test_messages_say_where_they_come_from(write: Callable[..., Any], agent_file: Callable[..., Any]) -> None:
    session = write()
    session.called("t")
    child = agent_file(session, "a1", toolUseId="t")
    child.line({"type": "mode"})
    child.user("look", isSidechain=True)
    own, inner = read_history(session.path)
    assert own.source is not None
    assert inner.source is not None
    assert (own.source.backend, own.source.thread_id) == ("claude", session.path.stem)
    assert (inner.source.thread_id, inner.parent_tool_use_id) == ("a1", "t")
    assert inner.raw["message"]["content"] == "look"


def test_a_sub_agent_of_which_nothing_says_what_started_it_is_left_out(
    write: Callable[..., Any], agent_file: Callable[..., Any]
) -> None:
    session = write()
    session.called("t")
    agent_file(session, "a1").user("no note")
    agent_file(session, "a2", agentType="x").user("no call")
    agent_file(session, "a3", toolUseId="t").path.unlink()
    broken = agent_file(session, "a4", toolUseId="t")
    broken.path.with_suffix(".meta.json").write_text("{")
    folder = session.path.with_suffix("") / "subagents"
    (folder / "agent-a5.jsonl").symlink_to(session.path)
    (folder / "agent-a6.jsonl").mkdir()
    (folder / "agent-a6.meta.json").write_text('{"toolUseId":"t"}')
    assert len(read_history(session.path)) == 1


def test_sub_agents_are_not_looked_for_elsewhere(
    tmp_path: Path, write: Callable[..., Any], agent_file: Callable[..., Any]
) -> None:
    session = write()
    session.called("t")
    agent_file(session, "a1", toolUseId="t").user("look")
    assert len(read_history(session.path)) == 2
    folder = session.path.with_suffix("") / "subagents"
    folder.rename(tmp_path / "outside")
    folder.symlink_to(tmp_path / "outside")
    assert len(read_history(session.path)) == 1


def test_a_sub_agents_file_that_goes_meanwhile_is_left_out(
    write: Callable[..., Any], agent_file: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = write()
    session.called("t")
    child = agent_file(session, "a1", toolUseId="t")
    child.user("look")
    session.user("next")
    found, calls = transcripts.newest_branch, iter((False, True))

    def gone_the_second_time(*arguments: Any) -> Any:
        if next(calls):
            child.path.unlink()
        return found(*arguments)

    monkeypatch.setattr(transcripts, "newest_branch", gone_the_second_time)
    assert told(read_history(session.path)) == ["", "next"]


def test_a_session_that_goes_meanwhile_is_not_found(write: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    session = write()
    session.user("one")
    found = transcripts.newest_branch

    def gone(*arguments: Any) -> Any:
        session.path.unlink()
        return found(*arguments)

    monkeypatch.setattr(transcripts, "newest_branch", gone)
    with pytest.raises(SessionNotFoundError):
        read_history(session.path)


def test_a_session_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(SessionNotFoundError):
        read_history(tmp_path / "gone.jsonl")
    with pytest.raises(AgentError, match="cannot be read"):
        read_history(tmp_path)


def test_a_session_in_which_nothing_was_said_has_no_messages(write: Callable[..., Any]) -> None:
    session = write()
    session.line({"type": "queue-operation"})
    assert (len(read_history(session.path)), read_history(session.path, limit=1).cursor) == (0, None)


def test_a_file_whose_only_line_is_being_written_has_no_messages(write: Callable[..., Any]) -> None:
    session = write()
    session.path.write_bytes(b'{"type":"user","mess')
    assert len(read_history(session.path)) == 0


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", SessionNotFoundError, "is empty"),
        (bytes(4000), AgentError, "holds no line of a session"),
        (b"\n\xff\xfe\n[1]\n", AgentError, "holds no line of a session"),
    ],
)
def test_a_file_that_lost_all_that_was_in_it_is_no_session_without_messages(
    root: Path, write: Callable[..., Any], content: bytes, error: type[AgentError], words: str
) -> None:
    lost, whole = write(), write()
    lost.path.write_bytes(content)
    whole.user("one")
    for read in (read_history, read_stored):
        with pytest.raises(error, match=words) as caught:
            read(lost.path)
        assert type(caught.value) is error
    assert [session.session_id for session in list_sessions(root)] == [whole.path.stem]


def test_a_message_that_is_not_understood_is_kept_as_unknown(write: Callable[..., Any]) -> None:
    session = write()
    session.entry("user", message=5)
    (message,) = read_history(session.path)
    assert isinstance(message, UnknownMessage)


def test_a_line_that_has_changed_since_is_passed_over(
    write: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = write()
    session.user("one")
    found = transcripts.newest_branch

    def emptied(*arguments: Any) -> Any:
        session.path.write_bytes(b"")
        return found(*arguments)

    monkeypatch.setattr(transcripts, "newest_branch", emptied)
    assert len(read_history(session.path)) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_as_far_as_it_can_be(
    root: Path, recorded: Callable[[str], list[Json]], data: st.DataObject
) -> None:
    recorded("agents")
    path = find_session(root, _SESSION)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(0, len(content) - 1))
        content[begin : begin + data.draw(st.integers(0, 400))] = data.draw(st.binary(max_size=20))
    path.write_bytes(content)
    page = read_history(path)
    calls = [use.id for message in page if isinstance(message, AssistantMessage) for use in message.tool_uses]
    results = [
        result.tool_use_id for message in page if isinstance(message, UserMessage) for result in message.tool_results
    ]
    assert len(results) == len(set(results))
    assert len(calls) <= 20
    shutil.rmtree(root)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The sessions whose files were read to order them."""
    read: list[Path] = []

    def counted(path: Path) -> Any:
        read.append(path)
        return transcripts.own_transcript(path)

    monkeypatch.setattr(rows, "own_transcript", counted)
    return read


def settle(session: Any) -> None:
    """Let its files look as if nobody had written them for long."""
    for file in (session.path, *session.path.with_suffix("").rglob("*.*")):
        os.utime(file, (1_000_000, 1_000_000))


def test_the_next_page_does_not_read_the_whole_file_again(write: Callable[..., Any], passes: list[Path]) -> None:
    session = write()
    for number in range(5):
        session.user(f"question {number}")
    settle(session)
    whole = read_history(session.path)
    pages = [page := read_history(session.path, limit=2)]
    while page.cursor is not None:
        pages.append(page := read_history(session.path, limit=2, cursor=page.cursor))
    assert [told(each) for each in pages] == [
        ["question 0", "question 1"],
        ["question 2", "question 3"],
        ["question 4"],
    ]
    assert [message for each in pages for message in each] == list(whole)
    assert passes == [session.path]


def test_a_session_that_goes_on_is_read_anew(write: Callable[..., Any], passes: list[Path]) -> None:
    session = write()
    session.user("one")
    settle(session)
    assert told(read_history(session.path)) == ["one"]
    session.user("two")
    settle(session)
    assert told(read_history(session.path)) == ["one", "two"]
    assert passes == [session.path] * 2


def test_of_a_file_that_was_just_written_nothing_is_kept(write: Callable[..., Any], passes: list[Path]) -> None:
    session = write()
    session.user("one")
    ahead = time.time() + 3600
    os.utime(session.path, (ahead, ahead))
    assert told(read_history(session.path)) == told(read_history(session.path)) == ["one"]
    assert passes == [session.path] * 2


def test_what_a_sub_agent_wrote_since_is_read(root: Path, recorded: Callable[[str], list[Json]]) -> None:
    recorded("agents")
    path = find_session(root, _SESSION)
    files = sorted(path.with_suffix("").rglob("*.*"))
    for file in (path, *files):
        os.utime(file, (1_000_000, 1_000_000))
    before = uuids(read_history(path))
    gone = next(file for file in files if file.name.endswith(".meta.json"))
    gone.unlink()
    fewer = uuids(read_history(path))
    assert set(fewer) < set(before)
