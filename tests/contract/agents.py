"""What a case needs to know of the agent it runs on: how to script it, start it and look at its processes.

The cases are written against `AgentBackend` and `AgentSession`; all that one agent calls by another name is here.
"""

from __future__ import annotations

import json
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import anyio
from tests.contract.pipes import Feed, Lifeline
from tests.contract.watching import Recorder

from agent_sdk_core import AgentBackend, AgentSession, PermissionMode, SessionOptions, create_backend
from agent_sdk_testing import ScriptedModel, Step, call, clean_env, custom, find_codex, write_codex_home

Action = Literal[
    "read in cwd", "edit in cwd", "edit outside", "writing command", "escalated command", "network command"
]
Verdict = Literal["runs", "asks", "refused"]

_CLOSING_SECONDS = 20.0


class Agent(ABC):
    """One agent, its scripted model, and folders of its own.

    Every process of the agent holds a pipe open, so that each test ends with the proof that none is left.
    """

    name: str

    def __init__(self, model: ScriptedModel, folder: Path) -> None:
        self.model = model
        self.folder = folder
        self.workspace = folder / "workspace"
        self.outside = folder / "outside"
        self.workspace.mkdir()
        self.outside.mkdir()
        self.recorder = Recorder()
        self._pipes: list[Lifeline] = []
        self.lifeline = self.pipe("agent")
        self._feeds: list[Feed] = []
        self._backends: list[AgentBackend] = []
        self.executable = self._wrap(self.real_executable())

    # Scripts

    @abstractmethod
    def command(self, cmd: str, *, escalate: bool = False, wait: float | None = None) -> Step:
        """A step that runs a shell command; beyond `wait` seconds it goes on in the background."""

    @abstractmethod
    def patch(
        self,
        *,
        add: Mapping[str, str] | None = None,
        update: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        delete: Sequence[str] = (),
    ) -> Step:
        """A step that edits files: whole contents to add, (old, new) lines to update by hunk, names to delete."""

    # Configuration, before a backend is started

    @abstractmethod
    def configure(self, *, retries: int = 0, show_thoughts: bool = False) -> None:
        """Write the agent's own configuration again: retries of a broken stream, whether raw reasoning is told."""

    # Facts

    @abstractmethod
    def real_executable(self) -> Path: ...

    @property
    @abstractmethod
    def env(self) -> dict[str, str]:
        """The whole environment of the agent."""

    @property
    @abstractmethod
    def modes(self) -> Mapping[PermissionMode, Mapping[Action, Verdict]]:
        """What each permission mode does about each action."""

    @abstractmethod
    def pid(self, backend: AgentBackend) -> int:
        """The process that serves the backend's sessions."""

    # Backends and sessions

    def backend(self, **arguments: Any) -> AgentBackend:
        """Return a backend that is not started; whatever becomes of it, it is closed when the test ends."""
        backend = create_backend(self.name, **{"executable": self.executable, "env": self.env, **arguments})
        self._backends.append(backend)
        return backend

    async def open(self, backend: AgentBackend, **options: Any) -> AgentSession:
        """Open a session in the workspace, and record all that it tells."""
        session = await backend.create_session(SessionOptions.model_validate({"cwd": self.workspace, **options}))
        self.recorder.record(session)
        return session

    @asynccontextmanager
    async def session(self, **options: Any) -> AsyncGenerator[AgentSession]:
        """A session on a backend of its own."""
        async with self.backend() as backend, await self.open(backend, **options) as session:
            yield session

    @contextmanager
    def frozen(self, backend: AgentBackend) -> Generator[None]:
        """Stop the agent's process, so that it answers nothing until the block is left."""
        pid = self.pid(backend)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    # Files and pipes

    def write(self, name: str, content: str) -> Path:
        path = self.workspace / name
        path.write_text(content)
        return path

    def read(self, name: str) -> str:
        return (self.workspace / name).read_text()

    def exists(self, name: str) -> bool:
        return (self.workspace / name).exists()

    def pipe(self, name: str) -> Lifeline:
        """Return a pipe that a command holds open with ``exec 8>PATH``."""
        pipe = Lifeline(self.folder / f"{name}.pipe")
        self._pipes.append(pipe)
        return pipe

    def feed(self, name: str) -> Feed:
        """Return a pipe that a command reads lines from."""
        feed = Feed(self.folder / f"{name}.feed")
        self._feeds.append(feed)
        return feed

    async def finish(self) -> None:
        """Close what is open, and check what holds at the end of every test: no process is left, no rule was broken."""
        with anyio.fail_after(_CLOSING_SECONDS):
            for backend in self._backends:
                await backend.aclose()
            await self.lifeline.gone()
            await self.recorder.check()

    def close(self) -> None:
        for pipe in (*self._pipes, *self._feeds):
            pipe.close()

    def _wrap(self, executable: Path) -> Path:
        wrapper = self.folder / self.name
        wrapper.write_text(f"#!/bin/sh\nexec 9>'{self.lifeline.path}'\nexec '{executable}' \"$@\"\n")
        wrapper.chmod(0o755)
        return wrapper


class CodexAgent(Agent):
    """Codex: tools `exec_command` and `apply_patch`, one app-server for all sessions."""

    name = "codex"

    def __init__(self, model: ScriptedModel, folder: Path) -> None:
        super().__init__(model, folder)
        self.home = folder / "home"
        self.configure()

    def command(self, cmd: str, *, escalate: bool = False, wait: float | None = None) -> Step:
        arguments: dict[str, Any] = {"cmd": cmd}
        if escalate:
            arguments |= {"sandbox_permissions": "require_escalated", "justification": "The test wants it."}
        if wait is not None:
            arguments["yield_time_ms"] = round(wait * 1000)
        return call("exec_command", arguments)

    def patch(
        self,
        *,
        add: Mapping[str, str] | None = None,
        update: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        delete: Sequence[str] = (),
    ) -> Step:
        lines = ["*** Begin Patch"]
        for name, content in (add or {}).items():
            lines += [f"*** Add File: {name}", *(f"+{line}" for line in content.splitlines())]
        for name, hunks in (update or {}).items():
            lines.append(f"*** Update File: {name}")
            for old, new in hunks:
                lines += ["@@", *(f"-{line}" for line in old.splitlines()), *(f"+{line}" for line in new.splitlines())]
        lines += [f"*** Delete File: {name}" for name in delete]
        return custom("apply_patch", "\n".join([*lines, "*** End Patch\n"]))

    def configure(self, *, retries: int = 0, show_thoughts: bool = False) -> None:
        write_codex_home(
            self.home,
            self.model,
            provider={"stream_max_retries": retries},
            show_raw_agent_reasoning=show_thoughts,
        )

    def real_executable(self) -> Path:
        return find_codex()

    @property
    def env(self) -> dict[str, str]:
        return clean_env(codex_home=self.home)

    @property
    def modes(self) -> Mapping[PermissionMode, Mapping[Action, Verdict]]:
        # Codex asks about a command only when the model asks for it to be run outside the sandbox.
        return {
            "default": _verdicts("runs", "asks", "asks", "refused", "asks", "refused"),
            "accept_edits": _verdicts("runs", "runs", "asks", "runs", "asks", "refused"),
            "plan": _verdicts("runs", "asks", "asks", "refused", "asks", "refused"),
            "dont_ask": _verdicts("runs", "refused", "refused", "refused", "refused", "refused"),
            # Nobody is asked here, so a command that asks to be run outside the sandbox is refused even without one.
            "bypass": _verdicts("runs", "runs", "runs", "runs", "refused", "runs"),
        }

    def pid(self, backend: AgentBackend) -> int:
        pid: int | None = getattr(backend, "pid", None)
        assert pid is not None
        return pid


def _verdicts(
    read: Verdict, edit: Verdict, outside: Verdict, command: Verdict, escalated: Verdict, network: Verdict
) -> dict[Action, Verdict]:
    return {
        "read in cwd": read,
        "edit in cwd": edit,
        "edit outside": outside,
        "writing command": command,
        "escalated command": escalated,
        "network command": network,
    }


def host_command(agent: Agent, script: str, anyio_backend: str) -> list[str]:
    """Return the command of a Python program that uses the SDK on its own, with `SETTINGS` filled in."""
    settings = {
        "backend": agent.name,
        "executable": os.fspath(agent.executable),
        "workspace": os.fspath(agent.workspace),
        "anyio_backend": anyio_backend,
    }
    return ["-c", f"import json\nSETTINGS = json.loads({json.dumps(settings)!r})\n{script}"]


AGENTS: dict[str, type[Agent]] = {"codex": CodexAgent}
