from __future__ import annotations

import difflib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_sdk.normalizer.items.diffs import parse_hunks, whole_file
from codex_sdk.normalizer.items.patches import PATCH, file_change, file_tool_use

ONE = "@@ -1,2 +1,2 @@\n-x = 1\n+x = 2\n y = 2\n"
TWO = f"{ONE}@@ -9 +9,2 @@\n-a\n+b\n+c\n"


def change(kind: str, diff: str, path: str = "/f", **fields: Any) -> dict[str, Any]:
    return {"path": path, "kind": {"type": kind, **fields}, "diff": diff}


@pytest.mark.parametrize(
    ("wire", "name", "expected"),
    [
        (change("add", "one\n"), "Write", {"file_path": "/f", "content": "one\n"}),
        (change("add", ""), "Write", {"file_path": "/f", "content": ""}),
        (change("delete", "old"), "Delete", {"file_path": "/f"}),
        (
            change("update", ONE, move_path=None),
            "Edit",
            {"file_path": "/f", "old_string": "x = 1\ny = 2\n", "new_string": "x = 2\ny = 2\n"},
        ),
        (
            change("update", TWO),
            "MultiEdit",
            {
                "file_path": "/f",
                "edits": [
                    {"old_string": "x = 1\ny = 2\n", "new_string": "x = 2\ny = 2\n"},
                    {"old_string": "a\n", "new_string": "b\nc\n"},
                ],
            },
        ),
        (change("update", "\n\nMoved to: /g", move_path="/g"), "Move", {"file_path": "/f", "new_path": "/g"}),
        (
            change("update", f"{ONE}\n\nMoved to: /g", move_path="/g"),
            "Edit",
            {"file_path": "/f", "new_path": "/g", "old_string": "x = 1\ny = 2\n", "new_string": "x = 2\ny = 2\n"},
        ),
        (change("update", "\n\nMoved to: g", move_path="/w/g"), "Move", {"file_path": "/f", "new_path": "/w/g"}),
        (change("update", "no diff"), "Edit", {"file_path": "/f", "diff": "no diff"}),
        (change("update", "@@ -1,9 +1,9 @@\n a\n"), "Edit", {"file_path": "/f", "diff": "@@ -1,9 +1,9 @@\n a\n"}),
        (change("update", ""), "MultiEdit", {"file_path": "/f", "edits": []}),
    ],
)
def test_a_changed_file_is_the_tool_that_does_it(wire: dict[str, Any], name: str, expected: dict[str, Any]) -> None:
    use = file_tool_use(file_change(wire))
    assert (use.name, use.input) == (name, expected)


@pytest.mark.parametrize(
    ("diff", "old", "new"),
    [
        ("@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n", "a\nb", "a\nc\n"),
        ("@@ -1 +1 @@\n-b\n+c\n\\ No newline at end of file\n", "b\n", "c"),
        ("@@ -1,2 +1,2 @@\n-b\n+c\n a\n\\ No newline at end of file\n", "b\na", "c\na"),
        ("@@ -1,2 +1,2 @@\n-a\r\n+A\r\n b\r\n", "a\r\nb\r\n", "A\r\nb\r\n"),
        ("@@ -1,2 +1,2 @@\n--- x\n+++ z\n y\n", "-- x\ny\n", "++ z\ny\n"),
        ("@@ -1 +1 @@\n-a\u2028b\x0c\n+c\n", "a\u2028b\x0c\n", "c\n"),
    ],
)
def test_edits_are_exact_to_the_byte(diff: str, old: str, new: str) -> None:
    hunks = parse_hunks(diff)
    assert hunks is not None
    assert [(hunk.old_text, hunk.new_text) for hunk in hunks] == [(old, new)]


LINES = st.lists(st.sampled_from(["a\n", "b\n", "\n", "-x\n", "+y\n", "--- z\n", "+++ z\n", "@@ 1\n"]), max_size=12)


@given(LINES, LINES)
def test_the_edits_of_a_diff_make_the_new_file_of_the_old_one(old: list[str], new: list[str]) -> None:
    diff = "".join(list(difflib.unified_diff(old, new, n=1))[2:])
    hunks = parse_hunks(diff) if diff else []
    assert hunks is not None
    result, position = list[str](), 0
    for hunk in hunks:
        start = hunk.old_start - 1 if hunk.old_lines else hunk.old_start
        result += [*old[position:start], hunk.new_text]
        assert "".join(old[start : start + hunk.old_lines]) == hunk.old_text
        position = start + hunk.old_lines
    assert "".join([*result, *old[position:]]) == "".join(new)


def test_whole_files_are_one_hunk() -> None:
    (added,) = whole_file("a\nb", "+")
    assert added.to_wire() == {
        "oldStart": 0,
        "oldLines": 0,
        "newStart": 1,
        "newLines": 2,
        "lines": ["+a", "+b", "\\ No newline at end of file"],
    }
    assert (added.old_text, added.new_text) == ("", "a\nb")
    (deleted,) = whole_file("a\n", "-")
    assert (deleted.old_text, deleted.lines) == ("a\n", ("-a",))
    assert whole_file("", "+") == []


def test_results_show_the_patch_a_file(scene: Any, rules: Any) -> None:
    scene.begin()
    changes = [
        change("update", ONE, "/a"),
        change("delete", "old\n", "/b"),
        change("update", "\n\nMoved to: /d", "/c", move_path="/d"),
    ]
    scene.started("fileChange", changes=changes, status="inProgress")
    edited, deleted, moved = scene.completed("fileChange", changes=changes, status="completed")
    assert edited["tool_use_result"] == {
        "filePath": "/a",
        "structuredPatch": [
            {"oldStart": 1, "oldLines": 2, "newStart": 1, "newLines": 2, "lines": ["-x = 1", "+x = 2", " y = 2"]}
        ],
        "diff": ONE,
    }
    assert deleted["tool_use_result"]["content"] == "old\n"
    assert moved["tool_use_result"]["newPath"] == "/d"
    texts = [wire["message"]["content"][0]["content"] for wire in (edited, deleted, moved)]
    assert texts == ["Edited /a.", "Deleted /b.", "Moved /c to /d."]
    rules(scene.messages)


def test_a_declined_patch_fails_every_file() -> None:
    outcomes = PATCH.outcomes({"changes": [change("add", "a"), change("add", "b", "/g")], "status": "declined"}, "")
    assert [(outcome.is_error, outcome.declined) for outcome in outcomes] == [(True, True)] * 2
    (failed,) = PATCH.outcomes({"changes": [change("add", "a")], "status": "failed"}, "")
    assert (failed.is_error, failed.declined) == (True, False)


def test_a_patch_without_files_leaves_no_card(scene: Any) -> None:
    scene.begin()
    assert scene.started("fileChange", changes=None) == []
    assert scene.completed("fileChange", changes=[], status="failed") == []
