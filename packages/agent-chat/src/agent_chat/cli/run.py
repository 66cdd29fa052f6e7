"""The `run` command: one prompt to the user's own agent."""

from __future__ import annotations

import shlex
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from math import inf
from typing import TextIO

import anyio

from agent_chat import settings as settings_module
from agent_chat.cli.resuming import CHOOSE, choose_session
from agent_chat.cli.stdio import open_asker, open_view, write_progress
from agent_chat.cli.trust import setting_sources
from agent_chat.exits import ExitCode
from agent_chat.settings import RunSettings, UsageError, load_config, session_options
from agent_chat.terminal.conversation import Conversation, Ended
from agent_chat.terminal.login import open_logged_in
from agent_chat.terminal.screens import View
from agent_sdk_core.errors import AuthenticationError
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.options import SessionOptions

_NO_PROMPT = 'There is no prompt: say what to do, as in `agent-sdk run "fix the failing test"`, or pipe it in.'


def run_prompt(
    prompt: str | None,
    settings: RunSettings,
    *,
    as_json: bool,
    timeout: float | None = None,
    fail_on_denied: bool = False,
) -> int:
    """Run one prompt and return the exit code.

    Args:
        prompt: The prompt; None or "-": it is read from standard input.
        settings: What else the command line says.
        as_json: Print the messages, and nothing else.
        timeout: Seconds that it may take.
        fail_on_denied: Whether a turn that completed, but was denied something, has an exit code of its own.

    Raises:
        UsageError: The command line or the configuration cannot be followed.
        AgentError: The agent could not be started, or it refused.
        BrokenPipeError: Nobody reads the output any more.
    """
    if timeout is not None and not 0 < timeout < inf:
        raise UsageError(f"--timeout takes a number of seconds greater than 0, not {timeout:g}.")
    if settings.resume == CHOOSE:
        settings, prompt = choose_session(settings, prompt, as_json=as_json)
    text = read_prompt(prompt)
    view = open_view(as_json=as_json)
    asker = open_asker(view, as_json=as_json)
    sources = setting_sources(settings, view.notice, as_json=as_json)
    config = load_config(settings)
    options = session_options(settings, asker.permission, asker.question, asker.elicitation, config=config)
    backend = settings_module.open_backend(settings.backend, config)
    if sources is not None and "setting_sources" not in backend.capabilities.unsupported_options:
        options = options.model_copy(update={"setting_sources": sources})

    @asynccontextmanager
    async def stage() -> AsyncGenerator[tuple[AgentBackend, SessionOptions]]:
        async with backend:
            yield backend, options

    ended = anyio.run(Conversation(stage, view, timeout=timeout, opening=open_logged_in).run, text)
    _conclude(view, ended, settings, as_json=as_json)
    if fail_on_denied and ended.denials and ended.exit_code == ExitCode.OK:
        view.notice(f"{ended.denials} of the agent's requests were denied", "error")
        return ExitCode.DENIED
    return ended.exit_code


def read_prompt(prompt: str | None) -> str:
    """Return the prompt, read from standard input when it is absent or "-".

    Raises:
        UsageError: There is none.
    """
    text = _piped() if prompt in (None, "-") else prompt
    if not text or not text.strip():
        raise UsageError(_NO_PROMPT)
    return text


def _piped() -> str | None:
    stdin: TextIO | None = sys.stdin
    if stdin is None or stdin.isatty():
        return None
    return stdin.buffer.read().decode("utf-8", "replace")


def _conclude(view: View, ended: Ended, settings: RunSettings, *, as_json: bool) -> None:
    error = None if ended.result is None else ended.result.error
    if as_json and error is not None:
        view.notice(f"{error.message} [{error.code}]", "error")
    if isinstance(error, AuthenticationError):
        named = f" --backend {settings.backend}" if settings.backend else ""
        view.notice(f"`agent-sdk doctor{named}` says how to log in.")
    if ended.resume:
        backend = ["--backend", settings.backend] if settings.backend else []
        command = shlex.join(["agent-sdk", "run", *backend, "--resume", ended.resume])
        write_progress(f"To go on: {command} PROMPT")
