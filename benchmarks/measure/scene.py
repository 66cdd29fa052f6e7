"""Where probes run: a scripted model, an agent's own folder that leads to it, and a process for each measurement."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from probes.pipes import ClaudePipe
from probes.plan import ENDLESS, FLOOD, FLOOD_DELTAS, HELLO, PIECE, STREAM, Task
from probes.replayed_claude import GREETING, recorded_uuid
from probes.replayed_codex import RECORDING
from probes.saying import IN_PIECES

from agent_sdk_testing import (
    ScriptedModel,
    clean_env,
    deltas,
    find_claude,
    find_codex,
    scratch_folder,
    stall,
    text,
    write_claude_config,
    write_codex_home,
)
from measure.readers import READERS, Agent, Reader, Readers, official_installed

BENCHMARKS: Final = Path(__file__).resolve().parents[1]
_PATIENCE: Final = 300.0
"""Seconds that a probe may take."""


def measuring_env(inherit: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for imports: byte code is kept, as where a program is installed."""
    env = clean_env(inherit=inherit)
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME", "PYTHONASYNCIODEBUG", "PYTHONDEVMODE"):
        env.pop(name, None)
    return env


@dataclass(frozen=True, slots=True)
class Scene:
    """A place in which probes can run.

    Attributes:
        agent: The agent.
        executable: Its executable.
        env: Environment of the probes, and through them of the agent.
        cwd: Folder that the agent works in.
        deltas: Deltas of its long turn.
        progress: Told what is done.
    """

    agent: Agent
    executable: Path
    env: dict[str, str]
    cwd: Path
    deltas: int
    progress: Callable[[str], None]

    @property
    def readers(self) -> Readers:
        """The ways to read what the agent says."""
        return READERS[self.agent]

    @property
    def official(self) -> bool:
        """Whether the agent's official package is installed."""
        return official_installed(self.agent)

    def run(
        self, reader: Reader, task: Task, *, rounds: int = 0, record: Path | None = None, under: Sequence[str] = ()
    ) -> Any:
        """Run a probe in a process of its own and return what it printed.

        Args:
            reader: Whose.
            task: What it does.
            rounds: How often.
            record: Where to write what the agent says.
            under: A program, with its arguments, that runs it.
        """
        options = {
            "task": task,
            "agent": self.agent,
            "variant": reader.variant,
            "executable": self.executable,
            "cwd": self.cwd,
            "deltas": self.deltas,
            "rounds": rounds,
            "record": record or "",
        }
        argv = [*under, sys.executable, "-m", reader.probe]
        argv += [f"--{name}={value}" for name, value in options.items()]
        done = subprocess.run(
            argv, cwd=BENCHMARKS, env=self.env, stdout=subprocess.PIPE, text=True, timeout=_PATIENCE, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{reader.name} failed with {done.returncode}; its output is above")
        return json.loads(done.stdout)

    def each(self, task: Task, rounds: int, *, laps: int = 0) -> Generator[tuple[Reader, Any]]:
        """Run the probes of all readers `rounds` times, in turns, and yield what they printed."""
        readers = [reader for reader in self.readers.all(task) if self.official or not reader.official]
        for number in range(rounds):
            for reader in readers:
                self.progress(f"{self.agent}, {task}: round {number + 1} of {rounds}, {reader.name}")
                yield reader, self.run(reader, task, rounds=laps)


@contextmanager
def scene(agent: Agent, count: int, executable: Path | None, progress: Callable[[str], None]) -> Generator[Scene]:
    """Set up a place whose model answers `STREAM` with `count` deltas, and any other prompt with three.

    Args:
        agent: The agent.
        count: Deltas of the long turn.
        executable: Its executable; absent: the one that is installed for tests.
        progress: Told what is done.
    """
    with (
        ScriptedModel() as model,
        scratch_folder(prefix="bench-home-") as home,
        scratch_folder(prefix="bench-cwd-") as cwd,
    ):
        model.when(lambda request: request.last_user_text == STREAM).reply(deltas(count, PIECE))
        model.when(lambda request: request.last_user_text == FLOOD).reply(deltas(FLOOD_DELTAS, PIECE))
        model.when(lambda request: request.last_user_text == ENDLESS).reply(text("He", "llo"), stall())
        model.otherwise(text("He", "ll", "o"))
        if agent == "codex":
            write_codex_home(home, model)
            env = clean_env(codex_home=home, inherit=measuring_env())
        else:
            write_claude_config(home)
            env = clean_env(claude_config_dir=home, model=model, inherit=measuring_env())
        yield Scene(agent, executable or _find(agent), env, cwd, count, progress)


@contextmanager
def replayed(place: Scene, *, in_pieces: bool = False) -> Generator[Scene]:
    """Record what the agent says to both prompts, and set up a place where that is said again, without waiting.

    Args:
        place: Where it says it.
        in_pieces: Whether it is said in pieces that the reader finds whole, each when the one before has been read.
    """
    with scratch_folder(prefix="bench-recording-") as folder:
        if place.agent == "codex":
            place.run(place.readers.ours, "record", record=folder / RECORDING)
        else:
            _record_claude(place, folder)
        executable = folder / place.agent
        command = shlex.join([sys.executable, "-m", f"probes.replayed_{place.agent}", str(folder)])
        variables = f"PYTHONPATH={shlex.quote(str(BENCHMARKS))}" + (f" {IN_PIECES}=1" if in_pieces else "")
        executable.write_text(f'#!/bin/sh\n{variables} exec {command} "$@"\n')
        executable.chmod(0o755)
        yield replace(place, executable=executable)


def _record_claude(place: Scene, folder: Path) -> None:
    pipe = ClaudePipe(str(place.executable), json.loads, str(place.cwd), place.env)
    pipe.greet()
    (folder / GREETING).write_text(json.dumps(pipe.greeting), encoding="utf-8")
    for prompt in (HELLO, STREAM):
        recorded = [json.dumps(frame, separators=(",", ":")) for frame in pipe.turn(prompt, recorded_uuid(prompt))]
        (folder / f"{prompt}.jsonl").write_text("\n".join([*recorded, ""]), encoding="utf-8")
    pipe.close()


def _find(agent: Agent) -> Path:
    return find_codex() if agent == "codex" else find_claude()
