from __future__ import annotations

import pytest

from agent_sdk_core import (
    AgentError,
    HandshakeError,
    InvalidRequestError,
    ProcessExitedError,
    ProtocolError,
    SessionBusyError,
    SessionNotFoundError,
    UnsupportedOptionError,
    UnsupportedVersionError,
)
from claude_sdk.process.errors import startup_error, translate


def refusal(said: object, code: str | None = None) -> ProtocolError:
    details = {"subtype": "set_model", "error": said, "error_code": code}
    return ProtocolError(f"claude refused set_model: {said}", backend="claude", details=details)


class TestRefusals:
    def test_a_model_that_is_not_there_is_an_invalid_request(self) -> None:
        error = translate(refusal("Model 'bogus' not found", "not_found"))
        assert type(error) is InvalidRequestError
        assert error.message == "Model 'bogus' not found"
        assert error.backend == "claude"
        assert error.details["subtype"] == "set_model"

    def test_bypassing_later_is_an_unsupported_option(self) -> None:
        error = translate(refusal("Cannot set permission mode", "bypass_not_launched"))
        assert type(error) is UnsupportedOptionError
        assert "permission_mode='bypass'" in error.message
        assert error.details["error_code"] == "bypass_not_launched"

    @pytest.mark.parametrize(
        ("said", "code"),
        [
            ("Task x not found", "not_found"),
            ("no such request", "unsupported_request"),
            ("read denied", None),
            (None, None),
        ],
    )
    def test_what_has_no_class_stays_a_protocol_error(self, said: object, code: str | None) -> None:
        error = refusal(said, code)
        assert translate(error) is error


def ended(stderr: str = "", *, exit_code: int | None = 1, signal: int | None = None) -> ProcessExitedError:
    return ProcessExitedError("claude exited with exit code 1", exit_code=exit_code, signal=signal, stderr_tail=stderr)


class TestStarting:
    @pytest.mark.parametrize(
        ("said", "cls", "words"),
        [
            ("Error: Session ID x is already in use.", SessionBusyError, "claude: .* already in use"),
            (
                "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons",
                UnsupportedOptionError,
                "IS_SANDBOX=1",
            ),
            (
                "error: unknown option '--await-initialize'",
                UnsupportedVersionError,
                "--await-initialize: it is too old",
            ),
            (
                "error: option '--effort <level>' argument 'sideways' is invalid. Allowed choices are low, high.",
                InvalidRequestError,
                "does not take 'sideways' as --effort: Allowed choices are low, high.",
            ),
            (
                "Warning: first\nError: the last line counts\n",
                HandshakeError,
                "during its start: Error: the last line counts$",
            ),
            ("", HandshakeError, "during its start: claude exited with exit code 1"),
            ("No conversation found with session ID: x", HandshakeError, "No conversation found"),
        ],
    )
    def test_what_it_said_decides_the_class(self, said: str, cls: type[AgentError], words: str) -> None:
        error = startup_error(ended(said), "", None)
        assert type(error) is cls
        assert error.backend == "claude"
        assert error.details == {"exit_code": 1, "signal": None, "stderr": said}
        with pytest.raises(cls, match=words):
            raise error

    @pytest.mark.parametrize("on_stdout", [True, False])
    def test_a_configuration_that_cannot_be_read_is_named(self, on_stdout: bool) -> None:
        told = "Configuration error in /c/settings.json: Expected a comma."
        error = startup_error(ended("" if on_stdout else f"noise\n{told}\n"), told if on_stdout else "other", None)
        assert type(error) is InvalidRequestError
        assert error.code == "config_invalid"
        assert error.message == (
            "Claude cannot read its configuration: /c/settings.json: Expected a comma. "
            "Correct the file, or move it away."
        )

    def test_a_session_that_is_not_there_is_named(self) -> None:
        error = startup_error(ended(), "No conversation found with session ID: abc", "abc")
        assert type(error) is SessionNotFoundError
        assert "abc" in error.message

    def test_a_reason_on_stdout_goes_before_stderr(self) -> None:
        error = startup_error(ended("noise", exit_code=None, signal=9), "the reason", None)
        assert error.message == "claude ended during its start: the reason"
        assert (error.details["exit_code"], error.details["signal"]) == (None, 9)
