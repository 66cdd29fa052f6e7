from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core.errors import InvalidRequestError, SessionNotFoundError
from claude_sdk.store import list_sessions, listing, project_key

Json = dict[str, Any]


def titles(root: Path, **options: Any) -> list[str]:
    return [summary.title for summary in list_sessions(root, **options).sessions]


def aged(session: Any, seconds: float) -> None:
    os.utime(session.path, (seconds, seconds))


def test_sessions_are_listed_newest_first(root: Path, write: Callable[..., Any]) -> None:
    for number, project in enumerate(("-a", "-b", "-a")):
        session = write(project)
        session.user(f"prompt {number}")
        aged(session, 100 + number)
    page = list_sessions(root)
    assert [summary.title for summary in page.sessions] == ["prompt 2", "prompt 1", "prompt 0"]
    assert page.cursor is None
    newest = page.sessions[0]
    assert (newest.cwd, newest.updated_at, newest.created_at) == ("/home/ada/w", 102.0, 1767225601.0)


def test_what_was_recorded_is_listed_as_it_was(root: Path, recorded: Callable[[str], list[Json]]) -> None:
    recorded("tour")
    (summary,) = list_sessions(root).sessions
    assert (summary.title, summary.cwd) == ("My title", "/home/ada/my work.dir_ü")


def test_a_fork_and_a_cleared_session_are_listed_as_sessions_of_their_own(
    root: Path, recorded: Callable[[str], list[Json]]
) -> None:
    recorded("branches")
    assert sorted(titles(root)) == ["after clear", "p-par", "p-par"]


def test_pages_go_on_where_the_one_before_ended(root: Path, write: Callable[..., Any]) -> None:
    for number in range(5):
        session = write()
        session.user(f"prompt {number}")
        aged(session, 100 + number // 2)
    first = list_sessions(root, limit=2)
    newer = write()
    newer.user("newer")
    second = list_sessions(root, limit=2, cursor=first.cursor)
    third = list_sessions(root, limit=2, cursor=second.cursor)
    listed = [summary.title for page in (first, second, third) for summary in page.sessions]
    assert listed == [f"prompt {number}" for number in (4, 3, 2, 1, 0)]
    assert third.cursor is None


def test_the_last_page_says_that_it_is_the_last(root: Path, write: Callable[..., Any]) -> None:
    write().user("one")
    write()
    assert list_sessions(root, limit=1).cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "5", "5:", ":a", "-5:a", "٣:a"])
def test_a_cursor_of_something_else_is_refused(root: Path, cursor: str) -> None:
    with pytest.raises(InvalidRequestError, match="no cursor"):
        list_sessions(root, cursor=cursor)


def test_a_page_without_sessions_is_refused(root: Path) -> None:
    with pytest.raises(InvalidRequestError, match="at least one"):
        list_sessions(root, limit=0)


def test_a_folder_without_sessions_has_an_empty_page(root: Path) -> None:
    assert list_sessions(root).sessions == ()
    assert list_sessions(root, "/home/ada").sessions == ()


def test_the_sessions_of_one_folder_are_listed(root: Path, write: Callable[..., Any]) -> None:
    write("-home-ada-w").user("mine")
    write("-home-ada-x").user("another's", cwd="/home/ada/x")
    assert titles(root, cwd="/home/ada/w") == ["mine"]
    assert titles(root, cwd="/home/ada/w/") == ["mine"]
    assert titles(root, cwd="/home/ada") == []


def test_a_folder_whose_key_is_the_same_is_another_folder(root: Path, write: Callable[..., Any]) -> None:
    write("-home-ada-w").user("mine")
    write("-home-ada-w").user("another's", cwd="/home/ada-w")
    assert titles(root, cwd="/home/ada/w") == ["mine"]
    assert titles(root, cwd="/home/ada-w") == ["another's"]


def test_a_session_whose_folder_is_not_known_belongs_to_its_project(root: Path, write: Callable[..., Any]) -> None:
    write("-home-ada-w").user("moved here", cwd="/somewhere/else")
    write("-home-ada-w").user("unknown", cwd=None)
    assert sorted(titles(root, cwd="/home/ada/w")) == ["moved here", "unknown"]


def test_a_session_that_was_resumed_elsewhere_keeps_its_folder(root: Path, write: Callable[..., Any]) -> None:
    session = write("-home-ada-w")
    session.user("first")
    session.user("second", cwd="/home/ada/other")
    (summary,) = list_sessions(root).sessions
    assert summary.cwd == "/home/ada/w"


def test_sessions_of_a_folder_with_a_long_path_are_listed(root: Path, write: Callable[..., Any]) -> None:
    cwd = "/home/ada/" + "x" * 300
    write(project_key(cwd)).user("far down", cwd=cwd)
    assert titles(root, cwd=cwd) == ["far down"]


def test_the_title_is_the_given_one_else_the_agents_else_the_first_prompt(
    root: Path, write: Callable[..., Any]
) -> None:
    session = write()
    session.user("<command-name>/context</command-name>")
    session.user("the first\n prompt " + "x" * 300)
    assert titles(root) == ["the first prompt " + "x" * 183]
    session.line({"type": "summary", "summary": "a summary"})
    assert titles(root) == ["a summary"]
    session.line({"type": "ai-title", "aiTitle": "the agent's"})
    assert titles(root) == ["the agent's"]
    session.line({"type": "custom-title", "customTitle": "old"})
    session.line({"type": "custom-title", "customTitle": "given"})
    assert titles(root) == ["given"]
    session.line({"type": "custom-title", "customTitle": ""})
    session.line({"type": "custom-title", "customTitle": 5})
    assert titles(root) == ["the agent's"]


def test_a_title_given_long_ago_is_found_beside_the_file(root: Path, write: Callable[..., Any]) -> None:
    session = write()
    session.user("prompt")
    session.line({"type": "custom-title", "customTitle": "given"})
    session.said("x" * 70_000)
    note = session.path.with_suffix("") / "custom-title.json"
    note.parent.mkdir()
    note.write_text(json.dumps({"customTitle": "given"}))
    assert titles(root) == ["given"]
    note.write_text("[")
    assert titles(root) == ["prompt"]


def test_a_prompt_behind_what_is_read_gives_its_title_from_the_end(
    root: Path, write: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_HEAD", 500)
    session = write()
    session.user("summary", isCompactSummary=True)
    session.line({"type": "system", "filler": "x" * 600})
    session.user("a prompt")
    session.line({"type": "last-prompt", "lastPrompt": "the last prompt"})
    assert titles(root) == ["the last prompt"]


def test_a_session_whose_prompt_has_no_text_is_listed_without_a_title(root: Path, write: Callable[..., Any]) -> None:
    session = write()
    session.user([{"type": "image", "source": {}}])
    session.said("a picture")
    assert titles(root) == [""]


def test_sessions_in_which_nothing_was_said_are_left_out(root: Path, write: Callable[..., Any]) -> None:
    write()
    write().line({"type": "mode", "mode": "normal"})
    write().user("<command-name>/clear</command-name>")
    write().user("warm up", isSidechain=True)
    write().user("caveat", isMeta=True)
    assert titles(root) == []


def test_a_session_that_cannot_be_read_is_left_out(
    root: Path, write: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write().user("here")
    gone = write()
    gone.user("gone")
    listed = listing.session_files

    def vanishing(project: Path) -> Any:
        files = list(listed(project))
        gone.path.unlink()
        return files

    monkeypatch.setattr(listing, "session_files", vanishing)
    assert titles(root) == ["here"]


def test_of_two_files_of_a_session_the_newer_is_listed(root: Path, write: Callable[..., Any]) -> None:
    for project, age in (("-a", 2), ("-b", 3), ("-c", 1)):
        session = write(project, "00000001-0000-4000-8000-000000000009")
        session.user(project)
        aged(session, age)
    assert titles(root) == ["-b"]


def archived(session: Any, note: Json) -> None:
    folder = session.path.with_suffix("")
    folder.mkdir(exist_ok=True)
    (folder / "archived.json").write_text(json.dumps(note))


def test_an_archived_session_is_left_out_until_it_is_prompted_again(root: Path, write: Callable[..., Any]) -> None:
    session = write()
    session.user("one")
    archived(session, {"archived": True, "at": "2026-01-01T00:00:02.500Z"})
    assert titles(root) == []
    session.said("late words")
    session.result("t")
    assert titles(root) == []
    session.user("two")
    assert titles(root) == ["one"]


@pytest.mark.parametrize(
    ("note", "listed"),
    [
        ({"archived": False, "at": "2027-01-01T00:00:00Z"}, True),
        ({}, True),
        ({"archived": True}, False),
        ({"archived": True, "at": "whenever"}, False),
    ],
)
def test_a_mark_that_is_not_understood_archives_only_what_it_says(
    root: Path, write: Callable[..., Any], note: Json, listed: bool
) -> None:
    session = write()
    session.user("one")
    session.user("two", timestamp=None)
    archived(session, note)
    assert bool(titles(root)) is listed


def test_a_time_that_is_no_time_is_not_known(root: Path, write: Callable[..., Any]) -> None:
    write().user("one", timestamp="yesterday")
    (summary,) = list_sessions(root).sessions
    assert summary.created_at is None


def test_what_is_known_of_one_session_is_read_archived_or_not(root: Path, write: Callable[..., Any]) -> None:
    session = write()
    session.user("The first\nprompt")
    with session.path.open("a") as file:
        said: Json = {"role": "assistant", "model": "<synthetic>", "content": []}
        for model in ("claude-one", "claude-two", None):
            line: Json = {
                "type": "assistant",
                "gitBranch": "work",
                "message": {**said, **({"model": model} if model else {})},
            }
            file.write(json.dumps(line) + "\n")
        file.write(json.dumps({"type": "tag", "tag": "urgent", "sessionId": session.path.stem}) + "\n")
    told = listing.read_stored(session.path)
    assert (told.title, told.first_prompt, told.tag, told.model) == (
        "The first prompt",
        "The first prompt",
        "urgent",
        "claude-two",
    )
    assert (told.branch, told.archived) == ("work", False)
    archived(session, {"archived": True, "at": "2030-01-01T00:00:00Z"})
    assert listing.read_stored(session.path) == replace(told, archived=True)


def test_a_session_whose_file_is_gone_is_not_found(root: Path) -> None:
    with pytest.raises(SessionNotFoundError):
        listing.read_stored(root / "none.jsonl")
