"""The agent that runs in processes: how a case finds them, stops them for a while, ends them, and sees them gone."""

from __future__ import annotations

import json
import os
import signal
import sys
from abc import abstractmethod
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from agent_sdk_core import AgentSession
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import Trait
from agent_sdk_testing.model.scripted_model import ScriptedModel

Impostor = Literal["too old", "something else"]
"""A program that is not the agent: one that introduces itself as version 0.1.0, or not as the agent at all."""


class ProcessAgent(Agent):
    """An agent whose backend takes `executable`, `env` and `startup_timeout`, and starts that executable.

    Every process of the agent, and what it starts, holds a pipe open, so that each case ends with the proof that none
    is left.

    Attributes:
        executable: Starts the real executable; what the backend is given.
        lifeline: The pipe that every process holds.
    """

    traits: ClassVar[frozenset[Trait]] = frozenset({"process"})

    def __init__(self, model: ScriptedModel, folder: Path) -> None:
        super().__init__(model, folder)
        self.lifeline = self.pipe("agent")
        self._pids = folder / "pids"
        self._pids.touch()
        self._hold = folder / "hold"
        self.executable = self._wrap(self.real_executable())

    @abstractmethod
    def real_executable(self) -> Path:
        """Return the executable of the agent, as its backend finds it by itself."""

    @property
    @abstractmethod
    def env(self) -> dict[str, str]:
        """The whole environment of the agent: nothing inherited that concerns it, and the scripted model as its API."""

    @abstractmethod
    def pid(self, session: AgentSession) -> int:
        """Return the process that serves a session."""

    def impostor(self, kind: Impostor) -> str:
        """Return the body of a shell script that greets as such a program does, and then waits for its input to end."""
        raise NotImplementedError(f"{type(self).__name__} does not say how {kind!r} greets.")

    def unfindable(self, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
        """Return an environment in which the backend finds no executable, after hiding those that it would find."""
        del monkeypatch
        unnamed = {name: value for name, value in self.env.items() if not name.startswith("AGENT_SDK_")}
        return {**unnamed, "PATH": "/nowhere"}

    def arguments(self) -> Mapping[str, Any]:
        """Return what the backend is made with: the wrapped executable and the environment."""
        return {"executable": self.executable, "env": self.env}

    async def closed(self) -> None:
        """Check that no process is left."""
        await self.lifeline.gone()

    @property
    def started(self) -> list[int]:
        """The processes of the agent that were started so far, the ended ones too."""
        return [int(pid) for pid in self._pids.read_text().split()]

    def kill(self, session: AgentSession, signal_number: int = signal.SIGKILL) -> None:
        """Send a signal to the process that serves a session."""
        self.send_signal(self.pid(session), signal_number)

    def send_signal(self, pid: int, signal_number: int) -> None:
        """Send a signal to a process of the agent, and to what else is the agent."""
        os.kill(pid, signal_number)

    @contextmanager
    def frozen(self) -> Generator[None]:
        """Stop every process of the agent, and hold up those that are started, until the block is left."""
        os.mkfifo(self._hold)
        # Open for both, so that it does not wait for a reader; who opens it to read is held until it is closed.
        held = os.open(self._hold, os.O_RDWR | os.O_NONBLOCK)
        pids = self.started
        try:
            for pid in pids:
                with suppress(ProcessLookupError):
                    self.send_signal(pid, signal.SIGSTOP)
            yield
        finally:
            self._hold.unlink()
            os.close(held)
            for pid in pids:
                with suppress(ProcessLookupError):
                    self.send_signal(pid, signal.SIGCONT)

    def host_command(self, script: str, anyio_backend: str) -> list[str]:
        """Return the command of a Python program that uses the SDK on its own, with `SETTINGS` filled in."""
        settings = {
            "backend": self.name,
            "executable": os.fspath(self.executable),
            "workspace": os.fspath(self.workspace),
            "anyio_backend": anyio_backend,
        }
        return [sys.executable, "-c", f"import json\nSETTINGS = json.loads({json.dumps(settings)!r})\n{script}"]

    def _wrap(self, executable: Path) -> Path:
        wrapper = self.folder / self.name
        wrapper.write_text(
            "#!/bin/sh\n"
            f"exec 9>'{self.lifeline.path}'\n"
            f"echo $$ >>'{self._pids}'\n"
            f"if [ -e '{self._hold}' ]; then read line <'{self._hold}'; fi\n"
            f"exec '{executable}' \"$@\"\n"
        )
        wrapper.chmod(0o755)
        return wrapper
