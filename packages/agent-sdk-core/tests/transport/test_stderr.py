from __future__ import annotations

from agent_sdk_core.transport.stderr import StderrTail


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
