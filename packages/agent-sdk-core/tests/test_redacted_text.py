"""Secrets in a text that comes in pieces, wherever the pieces are divided."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent_sdk_core.redaction import REDACTED, RedactedText, learn, redact

WORDS = "correct horse battery staple"
ODD = "geheimes-wört-ütf8"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nabc\ndef\n-----END RSA PRIVATE KEY-----"
PARTS = [
    "password: ",
    "hunter2hunter2",
    " ",
    "\n",
    "sk-abcdefgh12345",
    "Authorization: Bearer abcdefghijklmnopqrstu",
    "hello ",
    "://user:passw0rd@host ",
    KEY,
    " task-",
    WORDS,
    "correct horse ",
    'api_key = "0123456789abc"',
    "AKIA1234567890ABCDEF",
    "'",
    '",',
    "token=",
    ODD,
    "- -- ---",
    "eyJabcdefghij.abcdefghijk.xyz",
    "你的键",
    "clé",
    "\u00a0",
    "\\n",
]


@pytest.fixture(autouse=True, scope="module")
def known() -> None:
    learn(WORDS, ODD)


def streamed(whole: str, sizes: list[int]) -> list[str]:
    text, shown = RedactedText(), list[str]()
    at = 0
    while at < len(whole):
        size = sizes[len(shown) % len(sizes)]
        shown.append(text.feed(whole[at : at + size]))
        at += size
    return [*shown, text.finish()]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PARTS), max_size=8).map("".join), st.lists(st.integers(1, 12), min_size=1, max_size=5))
@example(f"{WORDS}hello", [1])
@example(f"token={WORDS}", [3])
@example(f"---{KEY}token", [7])
@example(f"password: {WORDS}你的键", [1])
@example(f"password: {WORDS}你的键{WORDS}", [1])
def test_pieces_together_are_the_redacted_whole(whole: str, sizes: list[int]) -> None:
    assert "".join(streamed(whole, sizes)) == redact(whole)


@settings(max_examples=100)
@given(st.text(max_size=60), st.text(max_size=60), st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_a_known_value_never_comes_out_whatever_stands_around_it(before: str, after: str, sizes: list[int]) -> None:
    shown = "".join(streamed(f"{before}{WORDS}{after}", sizes))
    assert WORDS not in shown
    assert ODD not in shown


def test_words_come_out_as_soon_as_they_are_whole() -> None:
    text = RedactedText()
    assert [text.feed(piece) for piece in ("Hel", "lo ", "there", ", you ", "。これは", "漢字")] == [
        "",
        "Hello ",
        "",
        "there, you ",
        "。これは",
        "漢字",
    ]
    assert text.finish() == ""


def test_what_waits_is_bounded_and_a_secret_that_is_longer_stays_one() -> None:
    text = RedactedText()
    shown = text.feed("a" * 100_000)
    assert len(shown) == 100_000
    text.finish()
    shown = text.feed("password=" + "x" * 20_000) + text.feed("y" * 20_000)
    assert shown == f"password={REDACTED}"
    assert text.feed("z" * 10) == ""
    assert text.feed('zz" and on') + text.finish() == '" and on'


def test_a_long_text_of_short_pieces_is_quick() -> None:
    text = RedactedText()
    shown = [text.feed("word ") for _ in range(20_000)]
    assert shown == ["word "] * 20_000
