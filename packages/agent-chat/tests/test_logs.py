"""Log lines: their forms, their levels by module, what they belong to, and whose loggers are left alone."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from agent_chat import logs
from agent_chat.logs import PACKAGES, configure_logging
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.redaction import learn
from agent_sdk_core.telemetry.correlation import within

Log = Callable[..., list[str]]
IDS = {"backend": "codex", "session": "s1", "turn": "t1"}


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    yield
    logs._take_down()  # pyright: ignore[reportPrivateUsage]  # a program never takes it down


def logged(levels: str = "warning", form: str = "console") -> list[str]:
    """Return what is written of a few lines that are logged in a turn."""
    stream = io.StringIO()
    configure_logging(levels, form=form, stream=stream)

    def say() -> None:
        logging.getLogger("agent_sdk_core.runtime.session").warning("It is %s.", "odd", extra={"tries": 3})
        logging.getLogger("agent_sdk_core.runtime.host").info("a detail")
        logging.getLogger("codex_sdk.driver").debug("a finer one")

    within(None, **IDS).run(say)
    return stream.getvalue().splitlines()


def test_json_is_an_object_a_line() -> None:
    [line] = logged(form="json")
    told = json.loads(line)
    assert told.pop("timestamp").endswith("Z")
    assert told == {
        "event": "It is odd.",
        "level": "warning",
        "logger": "agent_sdk_core.runtime.session",
        "tries": 3,
        **IDS,
    }


def test_key_value_pairs_begin_with_when_and_what() -> None:
    [line] = logged(form="key-value")
    assert line.startswith("timestamp='2")
    assert line.endswith(
        " level='warning' logger='agent_sdk_core.runtime.session' event='It is odd.'"
        " tries=3 backend='codex' session='s1' turn='t1'"
    )


def test_a_person_reads_it_without_what_a_terminal_would_obey() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream)
    logging.getLogger("claude_sdk").error("title \x1b]0;taken\x07")
    assert "\x1b" not in stream.getvalue()
    assert "error" in stream.getvalue()
    assert r"title \x1b]0;taken\x07" in stream.getvalue()


def test_levels_go_by_module() -> None:
    assert len(logged("info")) == 2
    assert len(logged("debug,agent_sdk_core=error")) == 1
    assert len(logged("error, agent_sdk_core.runtime.host=info ,codex_sdk=debug")) == 2
    assert len(logged("")) == 1


def test_a_failure_has_its_traceback_and_no_secret() -> None:
    learn("a-very-secret-word")
    stream = io.StringIO()
    for form in ("json", "key-value", "console"):
        configure_logging(form=form, stream=stream)
        try:
            raise ValueError("it is a-very-secret-word")
        except ValueError:
            logging.getLogger("agent_chat").exception("failed with a-very-secret-word", extra={"api_key": "short"})
    assert stream.getvalue().count("Traceback") == 3
    assert stream.getvalue().count("**********") == 12  # text, source line, error and extra
    assert "secret-word" not in stream.getvalue()
    assert "short" not in stream.getvalue()


def test_the_loggers_of_the_application_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    root = (logging.root.level, list(logging.root.handlers), logging.root.disabled)
    stream = io.StringIO()
    configure_logging("debug", stream=stream)
    logging.getLogger("the.application").warning("mine")
    assert (logging.root.level, list(logging.root.handlers), logging.root.disabled) == root
    assert [record.message for record in caplog.records] == ["mine"]
    assert stream.getvalue() == ""


def test_a_second_call_replaces_the_first() -> None:
    old, new = io.StringIO(), io.StringIO()
    configure_logging("debug,codex_sdk.driver=error", stream=old)
    configure_logging("info", stream=new)
    logging.getLogger("codex_sdk.driver").info("once")
    assert old.getvalue() == ""
    assert new.getvalue().count("once") == 1


@pytest.mark.parametrize(
    ("levels", "form", "said"),
    [
        ("loud", "json", "one of debug, info, warning, error, critical, not 'loud'"),
        ("codex=debug", "json", "did you mean codex_sdk"),
        ("sqlalchemy=debug", "json", "modules begin with one of acp_sdk"),
        ("info", "xml", "one of console, key-value, json, not as 'xml'"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(levels: str, form: str, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        configure_logging(levels, form=form)
    assert not any(logging.getLogger(name).handlers for name in PACKAGES)


@pytest.mark.parametrize(
    ("levels", "code", "said"),
    [("debug", 0, ""), ("loud", 2, "agent-sdk: A level of a log is one of debug")],
)
def test_the_command_takes_it_from_the_environment(levels: str, code: int, said: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from agent_chat.cli.main import main; main()", "--version"],
        env={"AGENT_SDK_LOG": levels, "AGENT_SDK_LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr[: len(said)]) == (code, said)
