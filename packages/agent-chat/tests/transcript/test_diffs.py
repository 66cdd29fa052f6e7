from __future__ import annotations

from agent_chat.transcript.diffs import FileDiff, Hunk, from_structured, from_texts, from_unified

UNIFIED = """\
diff --git a/one.txt b/one.txt
--- a/one.txt
+++ b/one.txt
@@ -1,3 +1,3 @@ def f():
 keep
--- looks like a header
+new
 keep
@@ -9 +9 @@
-old
\\ No newline at end of file
+new
--- a/gone.txt
+++ /dev/null
@@ -1,2 +0,0 @@
-a

"""


def test_a_unified_diff_of_several_files_is_read() -> None:
    one, gone = from_unified(UNIFIED)
    assert one == FileDiff(
        "one.txt",
        (
            Hunk(1, 1, (" keep", "--- looks like a header", "+new", " keep")),
            Hunk(9, 9, ("-old", "\\ No newline at end of file", "+new")),
        ),
    )
    assert (one.added, one.removed) == (2, 2)
    assert gone.path == "gone.txt"
    assert gone.hunks[0].lines[0] == "-a"


def test_a_diff_without_file_names_or_with_a_cut_hunk_is_read_as_far_as_it_goes() -> None:
    assert from_unified("@@ -1,3 +1,3 @@\n a\n+b") == (FileDiff("", (Hunk(1, 1, (" a", "+b")),)),)
    assert from_unified("no diff at all") == ()
    assert from_unified("") == ()


def test_a_structured_patch_is_read_and_what_does_not_fit_is_left_out() -> None:
    hunks = [
        {"oldStart": 3, "newStart": 4, "lines": [" a", "-b", 7]},
        {"oldStart": "x", "lines": "none"},
        "no hunk",
    ]
    assert from_structured("f", hunks) == FileDiff("f", (Hunk(3, 4, (" a", "-b")),))
    assert from_structured("f", None) is None
    assert from_structured("f", []) is None


def test_texts_are_compared_at_line_feeds_only() -> None:
    diff = from_texts("f", [("a\x0bb\n", "a\x0bc\n"), ("", "new\n")])
    assert diff.hunks == (Hunk(1, 1, ("-a\x0bb", "+a\x0bc")), Hunk(0, 1, ("+new",)))
    assert from_texts("f", [("same", "same")]).hunks == ()
