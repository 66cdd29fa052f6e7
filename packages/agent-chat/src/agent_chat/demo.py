"""The `demo` command: a conversation with the real codex app-server, whose model is scripted and on this machine."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import anyio

from agent_chat import demo_script, settings
from agent_chat.ask.requests import answer_text, asked
from agent_chat.conversation import Conversation, Ended
from agent_chat.exits import ExitCode
from agent_chat.settings import UsageError
from agent_chat.stdio import open_asker, open_view, question_console, write_progress
from agent_chat.view.blocks import Answered, Notice
from agent_chat.view.screens import View
from agent_sdk_core.backend import AgentBackend
from agent_sdk_core.errors import ExecutableNotFoundError
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.permissions import Allow, CanUseTool, Deny, Permission, PermissionRequest

_INTRODUCTION: Final = "A scripted model answers here, not a real one. The agent is the real codex."
_READING_SECONDS: Final = 0.5
"""How long a question stands before the script answers it on a terminal."""


def run_demo(*, interactive: bool, as_json: bool) -> int:
    """Play the demo and return the exit code.

    Raises:
        UsageError: `interactive` without a terminal.
        AgentError: The agent could not be started.
        BrokenPipeError: Nobody reads the output any more.
    """
    if interactive and not (sys.stdin.isatty() and question_console(as_json=as_json)):
        raise UsageError("--interactive asks on a terminal, and there is none; run the demo without it.")
    view = open_view(as_json=as_json)
    if as_json:
        view.notice(_INTRODUCTION)
    else:
        view.put(Notice(_INTRODUCTION))
    decide = open_asker(view, as_json=as_json).permission if interactive else _ScriptedAnswers(view).permission
    stage = _Stage(view, decide)
    ended = anyio.run(Conversation(stage.open, view).run, demo_script.PROMPT)
    return _verdict(view, ended, stage)


class _Stage:
    """The demo's folder, model and agent, and what was asked and done there.

    Attributes:
        answers: The steps that were asked about, and whether each was allowed.
        proof: What the folder showed at the end.
    """

    def __init__(self, view: View, decide: CanUseTool) -> None:
        self._view = view
        self._decide = decide
        self.answers: dict[demo_script.Step, bool] = {}
        self.proof: demo_script.Proof | None = None

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[tuple[AgentBackend, SessionOptions]]:
        """Set everything up, and leave nothing behind."""
        from agent_sdk_testing import ScriptedModel, clean_env, find_codex, write_codex_home

        try:
            codex = find_codex()
        except FileNotFoundError as error:
            raise ExecutableNotFoundError(f"{error}.", backend="codex") from None
        with _folder() as folder, ScriptedModel() as model:
            project = folder / "project"
            demo_script.write_project(project)
            demo_script.script(model, project)
            home = write_codex_home(folder / "codex", model)
            write_progress("starting codex app-server …")
            backend = settings.open_backend("codex", executable=str(codex), env=clean_env(codex_home=home))
            options = settings.session_options(settings.RunSettings(cwd=str(project)), self._answer)
            async with backend:
                yield backend, options
            self.proof = demo_script.Proof.read(project)

    async def _answer(self, request: PermissionRequest) -> Permission:
        answer = await self._decide(request)
        if (step := demo_script.step_of(request)) is not None:
            self.answers[step] = isinstance(answer, Allow)
        return answer


class _ScriptedAnswers:
    """Shows each question and answers it: yes to the check and the edit, no to what leaves the folder."""

    def __init__(self, view: View) -> None:
        self._view = view

    async def permission(self, request: PermissionRequest) -> Permission:
        """Return the script's answer."""
        answer = Allow() if demo_script.step_of(request) in ("check", "edit") else Deny()
        self._view.put(asked(request))
        if request.tool_use_id is not None:
            self._view.reviewed(request.tool_use_id)
        await anyio.sleep(_READING_SECONDS)
        self._view.put(Answered(f"{answer_text(answer)} (by the demo's script)", allowed=isinstance(answer, Allow)))
        return answer


@contextmanager
def _folder() -> Generator[Path]:
    """Make a folder in the user's cache, and remove it with every parent that had to be made for it."""
    from agent_sdk_testing import scratch_folder
    from agent_sdk_testing.environment import cache_folder

    parent = cache_folder()
    made = [path for path in (parent, *parent.parents) if not path.exists()]
    try:
        with scratch_folder(prefix="demo-") as folder:
            yield folder
    finally:
        for path in made:
            # Another run may have put its own folder there meanwhile.
            with suppress(OSError):
                path.rmdir()


def _verdict(view: View, ended: Ended, stage: _Stage) -> int:
    if ended.exit_code != ExitCode.OK or stage.proof is None:
        return ended.exit_code
    if problems := stage.proof.contradictions(stage.answers):
        view.notice(f"the demo went wrong: {'; '.join(problems)}.", "error")
        return ExitCode.ERROR
    view.notice("Checked on disk: what was allowed happened, what was declined did not.")
    return ExitCode.OK
