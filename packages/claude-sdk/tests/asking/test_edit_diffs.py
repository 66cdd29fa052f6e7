from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from claude_sdk.asking.edit_diffs import edit_diff

LINES = [f"line {number}" for number in range(1, 21)]

NO_EDITS: list[tuple[str, dict[str, Any]]] = [
    ("Write", {}),
    ("Write", {"file_path": 1, "content": "x"}),
    ("Write", {"file_path": "/a", "content": None}),
    ("Edit", {"file_path": "/a", "old_string": "x"}),
    ("Edit", {"file_path": "/a", "new_string": "x"}),
    ("MultiEdit", {"file_path": "/a", "edits": [{}]}),
    ("Read", {"file_path": "/a"}),
    ("Bash", {"command": "ls"}),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


def write(path: Path | str, content: Any, cwd: str | None = None) -> str | None:
    return edit_diff("Write", {"file_path": str(path), "content": content}, cwd)


def edit(path: Path | str, old: Any, new: Any, **fields: Any) -> str | None:
    return edit_diff("Edit", {"file_path": str(path), "old_string": old, "new_string": new, **fields}, None)


def body(diff: str | None) -> list[str]:
    assert diff is not None
    return diff.splitlines()[2:]


class TestWrites:
    def test_a_new_file_is_all_added(self, tmp_path: Path) -> None:
        path = tmp_path / "new.txt"
        assert write(path, "a\nb\n") == f"--- /dev/null\n+++ {path}\n@@ -0,0 +1,2 @@\n+a\n+b\n"

    def test_a_file_is_compared_with_what_is_in_it(self, file: Path) -> None:
        changed = [*LINES[:9], "changed", *LINES[10:]]
        assert write(file, "\n".join(changed) + "\n") == (
            f"--- {file}\n+++ {file}\n@@ -7,7 +7,7 @@\n line 7\n line 8\n line 9\n-line 10\n+changed\n"
            " line 11\n line 12\n line 13\n"
        )

    def test_places_far_apart_are_hunks_of_their_own(self, file: Path) -> None:
        changed = ["first", *LINES[1:-1], "last"]
        diff = body(write(file, "\n".join(changed) + "\n"))
        assert [line for line in diff if line.startswith("@@")] == ["@@ -1,4 +1,4 @@", "@@ -17,4 +17,4 @@"]

    def test_a_missing_line_feed_at_the_end_is_told(self, file: Path) -> None:
        file.write_text("a")
        assert body(write(file, "a\n")) == ["@@ -1,1 +1,1 @@", "-a", "\\ No newline at end of file", "+a"]

    def test_only_line_feeds_end_lines(self, file: Path) -> None:
        file.write_bytes(b"a\x0cb\r\n")
        assert write(file, "a\x0cc\r\n") == f"--- {file}\n+++ {file}\n@@ -1,1 +1,1 @@\n-a\x0cb\r\n+a\x0cc\r\n"

    def test_an_emptied_file_is_all_removed(self, file: Path) -> None:
        file.write_text("a\n")
        assert body(write(file, "")) == ["@@ -1,1 +0,0 @@", "-a"]

    def test_no_change_is_an_empty_diff(self, file: Path) -> None:
        assert write(file, file.read_text()) == ""

    def test_a_relative_path_counts_from_the_sessions_folder(self, file: Path) -> None:
        assert body(write("a.txt", "x\n", cwd=str(file.parent)))[-1] == "+x"
        assert write("a.txt", "x\n") is None

    def test_a_long_passage_is_replaced_as_a_whole(self, file: Path) -> None:
        file.write_text("".join(f"old {number}\n" for number in range(2000)))
        changed = ["old 0\n", *(f"new {number}\n" for number in range(2000)), "old 1999\n"]
        diff = body(write(file, "".join(changed)))
        assert diff[:3] == ["@@ -1,2000 +1,2002 @@", " old 0", "-old 1"]
        assert diff[-2:] == ["+new 1999", " old 1999"]
        assert len(diff) == 1 + 1998 + 2000 + 2


class TestWhatCannotBeShown:
    def test_a_folder_or_a_pipe_has_no_diff(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        assert write(tmp_path, "x") is None
        assert write(pipe, "x") is None

    @pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", b"a" * 1_000_001])
    def test_what_is_no_short_text_has_no_diff(self, file: Path, content: bytes) -> None:
        file.write_bytes(content)
        assert write(file, "x") is None

    @pytest.mark.parametrize("path", ["/\0", "/" + "a" * 5000])
    def test_a_path_that_cannot_be_has_no_diff(self, path: str) -> None:
        assert write(path, "x") is None

    @pytest.mark.parametrize(("tool", "tool_input"), NO_EDITS)
    def test_what_is_no_edit_has_no_diff(self, tool: str, tool_input: dict[str, Any]) -> None:
        assert edit_diff(tool, tool_input, "/") is None


class TestEdits:
    def test_an_edit_is_shown_where_it_is_in_the_file(self, file: Path) -> None:
        diff = body(edit(file, "line 10\n", "changed\n", replace_all=False))
        assert diff[0] == "@@ -7,7 +7,7 @@"
        assert diff[4:6] == ["-line 10", "+changed"]

    def test_only_the_first_place_is_replaced_unless_all_are(self, file: Path) -> None:
        file.write_text("a\n" * 3)
        assert body(edit(file, "a", "b")).count("+b") == 1
        assert body(edit(file, "a", "b", replace_all=True)).count("+b") == 3

    def test_an_edit_can_delete(self, file: Path) -> None:
        file.write_text("a\nb\n")
        assert body(edit(file, "a\n", "")) == ["@@ -1,2 +1,1 @@", "-a", " b"]

    def test_a_text_that_is_not_in_the_file_is_compared_by_itself(self, file: Path) -> None:
        assert edit(file, "x\ny\n", "x\nz\n") == f"--- {file}\n+++ {file}\n@@ -1,2 +1,2 @@\n x\n-y\n+z\n"
        assert edit(file, "x", "x") == ""

    def test_a_file_that_cannot_be_read_does_not_hide_the_edit(self) -> None:
        assert edit("a.txt", "x\n", "y\n") == "--- a.txt\n+++ a.txt\n@@ -1,1 +1,1 @@\n-x\n+y\n"

    def test_an_edit_of_nothing_makes_a_file(self, tmp_path: Path) -> None:
        assert edit(tmp_path / "new", "", "x\n") == f"--- /dev/null\n+++ {tmp_path / 'new'}\n@@ -0,0 +1,1 @@\n+x\n"

    def test_an_edit_of_nothing_in_a_file_is_compared_by_itself(self, file: Path) -> None:
        assert body(edit(file, "", "x\n")) == ["@@ -0,0 +1,1 @@", "+x"]

    def test_several_edits_are_one_diff(self, file: Path) -> None:
        edits = [{"old_string": "line 1\n", "new_string": "one\n"}, {"old_string": "one", "new_string": "ONE"}]
        diff = body(edit_diff("MultiEdit", {"file_path": str(file), "edits": edits}, None))
        assert diff[:3] == ["@@ -1,4 +1,4 @@", "-line 1", "+ONE"]
        unknown = [*edits, {"old_string": "nowhere", "new_string": "x"}]
        parts = body(edit_diff("MultiEdit", {"file_path": str(file), "edits": unknown}, None))
        assert sum(line.startswith("@@") for line in parts) == 3
