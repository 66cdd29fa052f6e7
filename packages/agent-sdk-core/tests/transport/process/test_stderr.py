from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent_sdk_core.transport.process.stderr import StderrTail, reason_in, silent_start


def test_the_last_lines_are_kept() -> None:
    tail = StderrTail(max_lines=3)
    tail.feed(b"1\n2\r\n3\n4\n5")
    assert tail.text() == "2\n3\n4\n5"


def test_the_last_bytes_are_kept() -> None:
    tail = StderrTail(max_bytes=10)
    tail.feed(b"aaaa\nbbbb\ncccc\n")
    assert tail.text() == "bbbb\ncccc"


def test_a_line_without_end_is_bounded() -> None:
    tail = StderrTail(max_bytes=100)
    for _ in range(100):
        tail.feed(b"x" * 50)
    assert tail.text() == "x" * 100
    tail.feed(b"\nlast")
    assert tail.text().endswith("x\nlast")
    assert len(tail.text()) == 100


def test_colours_are_removed() -> None:
    lines: list[str] = []
    tail = StderrTail(lines.append)
    tail.feed(b"\x1b[2m12:00\x1b[0m \x1b[1;31mERROR\x1b[0m no\n")
    assert lines == [tail.text()] == ["12:00 ERROR no"]


def test_the_text_is_redacted() -> None:
    tail = StderrTail(redact=lambda text: text.replace("secret", "***"))
    tail.feed(b"a secret\nsec")
    tail.feed(b"ret")
    assert tail.text() == "a ***\n***"


def test_lines_are_passed_on_whole_and_what_the_callback_raises_is_dropped() -> None:
    seen: list[str] = []

    def note(line: str) -> None:
        seen.append(line)
        raise RuntimeError("callback")

    tail = StderrTail(note)
    for chunk in [b"on", b"e\ntw", b"o\r\nthr\xff\n", b"rest"]:
        tail.feed(chunk)
    assert seen == ["one", "two", "thr\ufffd"]
    assert tail.text() == "one\ntwo\nthr\ufffd\nrest"


NODE = """/x/cli.js:12
    throw new TypeError("no key")
    ^

TypeError: no key
    at start (/x/cli.js:12:11)
    at main (/x/cli.js:1:1)

Node.js v22.1.0
"""
CLAP = """error: unexpected argument '--nonsense' found

  tip: a similar argument exists: '--config'

Usage: codex app-server [OPTIONS]

For more information, try '--help'.
"""
ANYHOW = """Error: cannot load /x/config.toml

Caused by:
    0: cannot parse it
    1: expected `=` at line 2

Stack backtrace:
   0: Error: anyhow::error::main
"""
PANIC = """thread 'main' panicked at src/main.rs:3:5:
the socket is gone
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
"""
PYTHON = """Traceback (most recent call last):
  File "<string>", line 1, in <module>
ModuleNotFoundError: No module named 'nonsense'
"""


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        ("", ""),
        ("\n \n", ""),
        ("No licence.\n", "No licence."),
        ("Reading the licence.\nThere is none.\nBye.\n", "Reading the licence.; There is none.; Bye."),
        ("Error: no licence\nCleaning up.\nGoodbye.\n", "Error: no licence"),
        ("fatal: not a licence\nhint: buy one\n", "fatal: not a licence"),
        ("Starting.\nCannot read the licence.\nCleaning up.\n", "Cannot read the licence."),
        ("2026-11-25T10:00:00Z ERROR codex: broken\n2026-11-25T10:00:01Z  INFO codex: bye\n", None),
        ("sh: 1: exec: /x: Text file busy\nwarning: leaving\n", "sh: 1: exec: /x: Text file busy"),
        ("    only\n    indented\n", "indented"),
        (NODE, "TypeError: no key"),
        (CLAP, "error: unexpected argument '--nonsense' found"),
        (ANYHOW, "Error: cannot load /x/config.toml: cannot parse it: expected `=` at line 2"),
        (PANIC, "the socket is gone"),
        (PYTHON, "ModuleNotFoundError: No module named 'nonsense'"),
        ("Error: " + "x" * 9_000, "Error: " + "x" * 493),
    ],
)
def test_the_reason_is_the_line_that_tells_it_and_not_the_last_one(tail: str, reason: str | None) -> None:
    assert reason_in(tail) == (tail.partition("\n")[0] if reason is None else reason)


def test_the_reason_of_a_long_tail_is_found_at_once() -> None:
    with_margin = time.process_time() + 20
    for tail in ("a " * 32_000, "x" * 65_000, "\n".join(["error" * 10] * 400), " ERROR" * 10_000, "\t:" * 30_000):
        assert len(reason_in(tail)) <= 500
    assert time.process_time() < with_margin


def test_a_start_that_was_silent_for_too_long_tells_what_was_said() -> None:
    assert silent_start(Path("/x/codex"), 0.25, "") == (
        "/x/codex did not answer within 0.25 s. Try `/x/codex` by hand."
    )
    told = silent_start(Path("/x/codex"), 0.5, "waiting for the network.", "app-server")
    assert told.endswith("0.5 s. Try `/x/codex app-server` by hand. It said: waiting for the network.")
