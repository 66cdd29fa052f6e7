# pyright: reportPrivateUsage=false
from __future__ import annotations

import copy
import json
import pickle
import time
from urllib.parse import quote, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent_sdk_core import Secret, SessionOptions, redaction
from agent_sdk_core.errors import AgentError, ProcessExitedError, ProtocolError
from agent_sdk_core.redaction import REDACTED, is_secret_name, learn, learn_from, redact, redact_value

VALUE = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_values", dict[str, None]())
    monkeypatch.setattr(redaction, "_pattern", None)
    monkeypatch.setattr(redaction, "_stale", False)


@pytest.mark.parametrize("value", ['quo"ted\\back/slash', "two words+and==", "über: geheim\twort", "a@b:c%25d&e=f"])
def test_a_secret_is_known_within_json_and_within_a_url(value: str) -> None:
    learn(value)
    quoted = json.dumps({"key": value})
    for text in (
        value,
        quoted,
        json.dumps({"key": value}, ensure_ascii=False),
        json.dumps({"arguments": quoted}),
        f"https://host/?q={quote(value)}",
        f"https://host/?q={quote(value, safe='')}",
        urlencode({"q": value}),
    ):
        shown = redact(text)
        assert REDACTED in shown
        assert value[-4:] not in shown.removesuffix("}").removesuffix('"')


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY",
        "GITHUB_TOKEN",
        "DBPASSWORD",
        "x-api-key",
        "Authorization",
        "AWS_SECRET_ACCESS_KEY",
        "CODEX_AUTH",
        "apiKey",
        "MY_PAT",
        "cookie",
    ],
)
def test_names_tell_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "PWD",
        "MONKEY",
        "KEYBOARD",
        "AUTHOR",
        "SSH_AUTH_SOCK",
        "MAX_TOKENS",
        "apiKeySource",
        "KEY_FILE",
    ],
)
def test_names_that_only_look_like_it_do_not(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key sk-ant-api03-abcdefgh123 given", f"key {REDACTED} given"),
        ("Authorization: Bearer abc", f"Authorization: Bearer {REDACTED}"),
        ('{"authorization": "Basic dXNlcjpwYXNz"}', f'{{"authorization": "Basic {REDACTED}"}}'),
        ("Bearer abcdefgh12345678xyz", f"Bearer {REDACTED}"),
        ("ghp_abcdefghijklmnop1234 is bad", f"{REDACTED} is bad"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_def.", f"{REDACTED}."),
        ("API_KEY=abcdefgh99 rest", f"API_KEY={REDACTED} rest"),
        ('"token": "abcdefgh99"', f'"token": "{REDACTED}"'),
        ("https://user:pass@host/x", f"https://user:{REDACTED}@host/x"),
        ("AKIAABCDEFGHIJKLMNOP", REDACTED),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\n", f"{REDACTED}\n"),
    ],
)
def test_shapes_of_secrets_are_replaced(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "input_tokens: 123456789",
        "the token: wrong",
        "token expired",
        "a task-something and a disk-something-else",
        "bearer authentication is needed",
        "/home/me/secret/file.txt",
        "https://host:8080/x@y",
        "",
    ],
)
def test_plain_words_are_left_alone(text: str) -> None:
    assert redact(text) == text


def test_values_behind_names_that_tell_are_known_wherever_they_occur() -> None:
    learn_from({"API_KEY": VALUE, "PATH": "/usr/local/bin", "TOKEN": "short", "MAX_KEY": "1234567890"})
    learn_from({"server": {"env": {"DB_PASSWORD": "swordfish"}, "headers": {"Authorization": "Bearer t0ken-t0ken"}}})
    assert redact(f"<{VALUE}> swordfish t0ken-t0ken") == f"<{REDACTED}> {REDACTED} {REDACTED}"
    assert redact("/usr/local/bin short 1234567890") == "/usr/local/bin short 1234567890"


def test_a_value_of_several_lines_is_known_by_each_of_them_and_the_longer_one_goes_first() -> None:
    learn("first-line-of-it\nsecond-line-of-it", "prefixed", "prefixed-and-longer")
    assert redact("second-line-of-it; prefixed-and-longer") == f"{REDACTED}; {REDACTED}"


def test_the_memory_is_bounded() -> None:
    for number in range(1_200):
        learn(f"secret-number-{number:04}")
    assert len(redaction._values) == 1_000
    assert redact("secret-number-1199 secret-number-0000") == f"{REDACTED} secret-number-0000"


def test_a_secret_that_somebody_made_is_known() -> None:
    Secret(VALUE)
    assert redact(VALUE) == REDACTED


def test_no_text_takes_long() -> None:
    learn(VALUE)
    pieces = (
        "a",
        "a-",
        "sk-",
        "eyJ",
        "eyJaaaaaaaaa.",
        "token",
        "bearer ",
        "://a:",
        "secret=",
        "password-",
        " ",
        "key = ",
    )
    before = time.process_time()
    for piece in pieces:
        redact(piece * (65_536 // len(piece)))
    assert time.process_time() - before < 20


def test_values_are_redacted_at_any_depth_and_by_the_names_of_their_members() -> None:
    value = {"env": {"API_KEY": "x"}, "n": 1, "list": ["sk-abcdefghijk", ("ok",)], "key": "model", "token": None}
    assert redact_value(value) == {
        "env": {"API_KEY": REDACTED},
        "n": 1,
        "list": [REDACTED, ("ok",)],
        "key": "model",
        "token": None,
    }


def test_an_error_holds_no_secret() -> None:
    learn(VALUE)
    error = ProcessExitedError(
        f"it said {VALUE}", stderr_tail=f"key {VALUE}", details={"stderr": [VALUE], "API_KEY": "x"}
    )
    told = ProtocolError("refused", rpc_data={"said": VALUE})
    for each in (error, copy.copy(error), pickle.loads(pickle.dumps(error)), told):
        assert VALUE not in f"{each!r} {each} {each.args} {each.__dict__}"
    assert error.message == f"it said {REDACTED}"
    assert error.details == {"stderr": [REDACTED], "API_KEY": REDACTED}
    assert AgentError("plain", details={"n": 1}).details == {"n": 1}


def test_options_show_names_alone_and_teach_their_secrets() -> None:
    options = SessionOptions(
        env={"API_KEY": VALUE, "LEVEL": "a-level"},
        mcp_servers={"files": {"command": "run-it", "env": {"TOKEN": "t0ken-of-files"}}},
        native={"flags": {"x": "sk-abcdefghijk"}},
    )
    for shown in (repr(options), str(options)):
        for hidden in (VALUE, "a-level", "t0ken-of-files", "sk-abcdefghijk", "run-it"):
            assert hidden not in shown
        for name in ("API_KEY", "LEVEL", "files"):
            assert name in shown
    assert options.env["API_KEY"] == VALUE
    assert redact("t0ken-of-files") == REDACTED


KEYS = [
    "sk-abcdefgh12345",
    "sk_live_abcdefgh1",
    "ghp_0123456789abcdefghij",
    "github_pat_0123456789abcdefghij",
    "glpat-0123456789abcdefghij",
    "xoxb-0123456789ab",
    "AKIA1234567890ABCDEF",
    "AIzaSyA0123456789_0123456789_01234567",
    "hf_0123456789abcdefghij",
    "npm_0123456789012345678901234567890",
    "eyJabcdefghij.abcdefghijk.xyz",
    "Bearer abcdefghijklmnopqrstu",
    "Authorization: abcdefgh",
]
"""A key of each shape that has no name before it."""

NO_PART_OF_A_KEY = st.characters(exclude_categories=["Cs"], exclude_characters="-").filter(
    lambda one: not (one.isascii() and (one.isalnum() or one == "_"))
)


@given(st.text(max_size=20), NO_PART_OF_A_KEY, st.sampled_from(KEYS), NO_PART_OF_A_KEY)
@example("我的密钥", "是", "sk-abcdefgh12345", "。")
@example("", "é", "AKIA1234567890ABCDEF", "é")
def test_a_key_is_found_whatever_character_stands_around_it(before: str, left: str, key: str, right: str) -> None:
    assert key not in redact(f"{before}{left}{key}{right}")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("escape", ["\\n", "\\t", "\\r", "\\u4f60", "\\u00E9"])
def test_a_key_is_found_in_quoted_json(key: str, escape: str) -> None:
    assert key not in redact(f'{{"body": "yes{escape}{key}"}}')


@pytest.mark.parametrize(
    "text", ["task-abcdefghij", "xAKIA1234567890ABCDEF", "diskhf_0123456789abcdefghij", "_sk-abcdefgh123"]
)
def test_a_part_of_a_word_is_no_key(text: str) -> None:
    assert redact(text) == text
