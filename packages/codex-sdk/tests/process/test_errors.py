from __future__ import annotations

import re

import pytest

from agent_sdk_core import (
    AgentError,
    InvalidRequestError,
    ProcessExitedError,
    ProtocolError,
    SessionBusyError,
    SessionNotFoundError,
)
from codex_sdk.process.errors import config_error, startup_error, translate


def refusal(text: str, code: int | None = -32600, data: object = None) -> ProtocolError:
    return ProtocolError(f"codex refused it: {text}", rpc_code=code, rpc_data=data, details={"method": "thread/resume"})


@pytest.mark.parametrize(
    ("said", "cls"),
    [
        ("no rollout found for thread id abc", SessionNotFoundError),
        ("thread not found: abc", SessionNotFoundError),
        ("Thread not loaded: abc", SessionNotFoundError),
        ("invalid session id: urn", SessionNotFoundError),
        ("invalid thread id: invalid character", SessionNotFoundError),
        ("no archived rollout found for thread id abc", SessionNotFoundError),
        ("thread abc already has an active writer", SessionBusyError),
        ("failed to load configuration: /x/config.toml:1:1: bad", InvalidRequestError),
        ("failed to read configuration layers: bad", InvalidRequestError),
        ("unknown variant `sideways`", InvalidRequestError),
    ],
)
def test_the_words_decide_the_class(said: str, cls: type[AgentError]) -> None:
    error = translate(refusal(said), session_id="abc")
    assert type(error) is cls
    assert error.backend == "codex"


def test_a_missing_session_is_named_and_the_native_error_kept() -> None:
    error = translate(refusal("no rollout found for thread id abc"), session_id="abc")
    assert "abc" in error.message
    assert "once its first turn has finished" in error.message
    assert error.details["method"] == "thread/resume"


def test_without_a_session_nothing_is_not_found() -> None:
    assert type(translate(refusal("thread not found"))) is InvalidRequestError


@pytest.mark.parametrize("code", [-32600, -32602])
def test_invalid_parameters_keep_their_data(code: int) -> None:
    error = translate(refusal("bad", code, {"field": "cwd"}))
    assert type(error) is InvalidRequestError
    assert error.details["data"] == {"field": "cwd"}


@pytest.mark.parametrize("code", [-32603, -32601, -32001, None])
def test_what_has_no_class_stays_a_protocol_error(code: int | None) -> None:
    error = refusal("something else", code)
    assert translate(error) is error
    assert error.backend == "codex"


@pytest.mark.parametrize(
    "said",
    [
        "failed to read configuration layers: /x/config.toml:3:7: invalid.",
        "failed to load configuration: /x/config.toml:3:7: invalid",
        "/x/config.toml:3:7: invalid",
    ],
)
def test_a_configuration_that_codex_cannot_read_says_where_and_what_to_do(said: str) -> None:
    error = config_error(said)
    assert error.message == (
        "Codex cannot read its configuration: /x/config.toml:3:7: invalid. Correct the file, or move it away."
    )
    assert (error.code, error.backend) == ("config_invalid", "codex")


def test_a_session_whose_source_is_gone_is_not_found_and_says_which() -> None:
    said = "invalid paginated history lineage for {}: missing source rollout"
    told = {"a": r"no stored session 'a'\. ", "b": r"no stored session 'b', which 'a' was forked from\. "}
    for gone, words in told.items():
        error = translate(ProtocolError(said.format(gone), rpc_code=-32600), session_id="a")
        assert isinstance(error, SessionNotFoundError)
        assert re.search(words, error.message)


def test_a_start_at_databases_that_another_process_holds_says_what_to_do() -> None:
    tail = "Error: failed to initialize sqlite state runtime under /home/me/.codex: database is locked\n"
    error = startup_error("codex", ProcessExitedError("It ended.", exit_code=1, stderr_tail=tail))
    assert error.message.endswith("Another process may hold its databases: end it, or set another CODEX_HOME.")
    assert error.retryable
    other = startup_error("codex", ProcessExitedError("It ended.", exit_code=1, stderr_tail="Error: no licence\n"))
    assert other.message == "codex app-server ended during its start: no licence"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("rollout at {path} is empty", "is empty"),
        ("stream did not contain valid UTF-8", "stream did not contain valid UTF-8"),
    ],
)
def test_a_session_whose_file_is_none_is_named_with_the_reason(said: str, reason: str) -> None:
    path = "/my home/sessions/rollout-1.jsonl"
    words = f"failed to read session metadata {path}: "
    error = translate(refusal(f"failed to read thread: {words}thread-store internal error: {words}{said}"
                              .format(path=path), -32603), session_id="abc")  # fmt: skip
    assert (error.code, error.retryable, error.backend) == ("session_unreadable", False, "codex")
    assert f"The session's file {path} cannot be read: {reason}. Put back" in error.message


def test_a_damaged_database_is_named_with_what_is_lost_without_it() -> None:
    said = "failed to open thread history DB at /h/thread_history_1.sqlite: (code: 26) file is not a database"
    error = translate(refusal(said))
    assert (error.code, error.retryable) == ("storage_damaged", False)
    assert "/h/thread_history_1.sqlite: file is not a database. Put back a copy of it, or" in error.message


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("Read-only file system (os error 30)", True),
        ("failed to initialize sqlite state runtime under /x/.codex: failed to initialize state runtime", True),
        ("failed to initialize sqlite state runtime under /x/.codex: database is locked", False),
        ("something else", False),
    ],
)
def test_a_start_in_a_folder_that_cannot_be_written_to_says_so(last: str, said: bool) -> None:
    tail = (
        f"WARNING: proceeding, even though we could not create PATH aliases: Read-only (os error 30)\nError: {last}\n"
    )
    error = startup_error("codex", ProcessExitedError("It ended.", exit_code=1, stderr_tail=tail))
    advice = (
        "nothing can be written to its folder, CODEX_HOME or else ~/.codex: Read-only. Make it a folder that you may "
    )
    assert (advice in error.message) is said
    assert not (said and error.retryable)


@pytest.mark.parametrize(("reason", "passes"), [("No such file or directory", True), ("Permission denied", False)])
def test_a_folder_that_another_start_tidies_up_meanwhile_is_tried_again(reason: str, passes: bool) -> None:
    tail = (
        f"WARNING: proceeding, even though we could not create PATH aliases: {reason} (os error 2)\n"
        "Error: failed to initialize sqlite state runtime under /x/.codex: failed to initialize state runtime\n"
    )
    error = startup_error("codex", ProcessExitedError("It ended.", exit_code=1, stderr_tail=tail))
    assert error.retryable is passes
    assert reason in error.message
