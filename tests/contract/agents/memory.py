"""The agent in memory under the contract suite; its tools get bodies here, for it has none that touch anything."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import unified_diff
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT
from typing import Any, ClassVar, get_args

import anyio

from agent_sdk_core import AgentBackend, PermissionMode, ToolContext, ToolResult
from agent_sdk_testing import MemoryBackend, Step, call, disconnect, failed, http_error, incomplete, text
from agent_sdk_testing.contract.agent import HTTP_FAILURES, Action, Agent, Failure, Verdict
from agent_sdk_testing.contract.traits import Trait
from agent_sdk_testing.model.requests import ModelRequest

_ASKS: Mapping[Action, Verdict] = dict.fromkeys(get_args(Action), "asks")
_EVERYTHING_ELSE: frozenset[Trait] = frozenset(
    {
        *("process", "installed", "background", "multi_file_edits", "deletes", "parallel_requests", "lasting_grants"),
        "added_directories",
    }
)


class MemoryAgent(Agent):
    """`MemoryBackend`: its script is that of the case, asked without a server; it is not registered."""

    name = "memory"
    traits: ClassVar[frozenset[Trait]] = frozenset(get_args(Trait)) - _EVERYTHING_ELSE
    apart: ClassVar[frozenset[str]] = MemoryBackend.kept_options
    modes: ClassVar[Mapping[PermissionMode, Mapping[Action, Verdict]]] = {
        "default": _ASKS,
        "accept_edits": {**_ASKS, "edit in cwd": "runs"},
        "plan": _ASKS,
        "auto": {},
        "dont_ask": dict.fromkeys(_ASKS, "refused"),
        "bypass": dict.fromkeys(_ASKS, "runs"),
    }
    failures: ClassVar[Mapping[Failure, Step]] = {
        **HTTP_FAILURES,
        "context window": failed("context_window_exceeded", "Too long."),
        "overloaded": http_error(529, "Busy."),
        "cut off": incomplete("max_output_tokens"),
        "disconnect": disconnect(),
    }
    other_models = ("memory-2", "memory-3")
    tells_branches = False

    @classmethod
    def backend_class(cls) -> type[AgentBackend]:
        return MemoryBackend

    def backend(self, **arguments: Any) -> AgentBackend:
        first = self._backends[0] if self._backends else None
        backend = super().backend(model=self.model, stored_with=first, **arguments)
        assert isinstance(backend, MemoryBackend)
        return backend.on("Bash", run).on("Read", read).on("Write", write).on("Edit", edit)

    def command(self, cmd: str, *, escalate: bool = False, wait: float | None = None) -> Step:
        return call("Bash", command=cmd, description="A command of the test.")

    def patch(
        self,
        *,
        add: Mapping[str, str] | None = None,
        update: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        delete: Sequence[str] = (),
    ) -> Sequence[Step]:
        assert not delete
        steps = [call("Write", file_path=self._path(name), content=content) for name, content in (add or {}).items()]
        for name, hunks in (update or {}).items():
            steps += [call("Edit", file_path=self._path(name), old_string=old, new_string=new) for old, new in hunks]
        return steps

    def plan(self, words: str) -> Sequence[Step]:
        return [call("ExitPlanMode", plan=words)]

    def structured(self, json: str) -> Sequence[Step]:
        return [text(json)]

    async def forget(self, backend: AgentBackend, session_id: str) -> None:
        await backend.delete_session(session_id)

    def schema_of(self, request: ModelRequest) -> object:
        return request.json["output_config"]["format"]["schema"]

    def _path(self, name: str) -> str:
        return str(self.workspace / name)


async def run(given: Mapping[str, Any], context: ToolContext) -> ToolResult:
    """Run a command as the agents do: what it prints is told as it comes, and an interrupt ends all of it."""
    process = await anyio.open_process(
        ["/bin/bash", "-c", given["command"]],
        cwd=context.cwd, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    output = ""
    try:
        async for chunk in process.stdout:
            output += chunk.decode()
            context.progress(chunk.decode())
        await process.wait()
    finally:
        with anyio.CancelScope(shield=True):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.aclose()
    code = process.returncode
    told = output if code == 0 else f"{output}\nexit code {code}"
    return ToolResult((told,), code != 0, {"stdout": output, "exitCode": code, "interrupted": False})


def read(given: Mapping[str, Any]) -> str:
    """Read a file."""
    return Path(given["file_path"]).read_text()


def write(given: Mapping[str, Any]) -> str:
    """Write a file."""
    Path(given["file_path"]).write_text(given["content"])
    return "Written."


def edit(given: Mapping[str, Any]) -> ToolResult:
    """Replace a text that stands in a file once."""
    path = Path(given["file_path"])
    before = path.read_text()
    if before.count(given["old_string"]) != 1:
        return ToolResult.failed("The old text does not stand in it once.")
    after = before.replace(given["old_string"], given["new_string"])
    path.write_text(after)
    hunk = list(unified_diff(before.splitlines(), after.splitlines(), lineterm=""))[3:]
    return ToolResult(("Edited.",), structured={"structuredPatch": [{"lines": hunk}]})
