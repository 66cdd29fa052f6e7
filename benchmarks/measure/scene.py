"""Where probes run: a scripted model, a CODEX_HOME that asks it, and a process for each measurement."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from probes.plan import PIECE, STREAM

from agent_sdk_testing import ScriptedModel, clean_env, deltas, find_codex, scratch_folder, text, write_codex_home

BENCHMARKS: Final = Path(__file__).resolve().parents[1]
_PATIENCE: Final = 300.0
"""Seconds that a probe may take."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A way to read what the app-server sends.

    Attributes:
        name: Its name in the report.
        probe: Its module.
        variant: Its variant there.
    """

    name: str
    probe: str
    variant: str

    @property
    def official(self) -> bool:
        """Whether it needs the official package."""
        return self.probe == "probes.official"


RAW: Final = Reader("raw pipe, json.loads", "probes.raw", "json")
OURS: Final = Reader("codex_sdk, asyncio", "probes.ours", "asyncio")
OFFICIAL_ASYNC: Final = Reader("openai_codex, async", "probes.official", "async")
READERS: Final = (
    RAW,
    Reader("raw pipe, pydantic_core.from_json", "probes.raw", "from_json"),
    OURS,
    Reader("codex_sdk, trio", "probes.ours", "trio"),
    Reader("codex_sdk, asyncio, no deltas wanted", "probes.ours", "asyncio-whole"),
    Reader("openai_codex, sync", "probes.official", "sync"),
    OFFICIAL_ASYNC,
)


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
        codex: The codex executable.
        env: Environment of the probes, and through them of the app-server.
        cwd: Folder that the agent works in.
    """

    codex: Path
    env: dict[str, str]
    cwd: Path

    def run(self, reader: Reader, *, deltas: int = 0, rounds: int = 0) -> Any:
        """Run a probe in a process of its own and return what it printed."""
        options = {"variant": reader.variant, "codex": self.codex, "cwd": self.cwd, "deltas": deltas, "rounds": rounds}
        argv = [sys.executable, "-m", reader.probe]
        argv += [f"--{name}={value}" for name, value in options.items()]
        done = subprocess.run(
            argv, cwd=BENCHMARKS, env=self.env, stdout=subprocess.PIPE, text=True, timeout=_PATIENCE, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{reader.name} failed with {done.returncode}; its output is above")
        return json.loads(done.stdout)


@contextmanager
def scene(count: int, codex: Path | None = None) -> Generator[Scene]:
    """Set up a place whose model answers the prompt `STREAM` with `count` deltas, and any other with three."""
    with (
        ScriptedModel() as model,
        scratch_folder(prefix="bench-home-") as home,
        scratch_folder(prefix="bench-cwd-") as cwd,
    ):
        model.when(lambda request: request.last_user_text == STREAM).reply(deltas(count, PIECE))
        model.otherwise(text("He", "ll", "o"))
        write_codex_home(home, model)
        env = clean_env(codex_home=home, inherit=measuring_env())
        yield Scene(codex or find_codex(), env, cwd)
