"""The real Claude Code under the contract suite."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, get_args

import pytest

from agent_sdk_core import AgentSession, PermissionMode, SkillInput, parse_message
from agent_sdk_testing import (
    ScriptedModel,
    Step,
    call,
    clean_env,
    disconnect,
    failed,
    find_claude,
    http_error,
    write_claude_config,
)
from agent_sdk_testing.contract.agent import HTTP_FAILURES, Action, Failure, Verdict
from agent_sdk_testing.contract.process_agent import Impostor, ProcessAgent
from agent_sdk_testing.contract.traits import Trait
from agent_sdk_testing.model import actions
from agent_sdk_testing.model.requests import ModelRequest
from claude_sdk.normalizer.frame_kinds import KNOWN_FRAMES, frame_kind


def _verdicts(
    read: Verdict, edit: Verdict, outside: Verdict, command: Verdict, network: Verdict
) -> dict[Action, Verdict]:
    return {
        "read in cwd": read,
        "edit in cwd": edit,
        "edit outside": outside,
        "writing command": command,
        "escalated command": command,
        "network command": network,
    }


_PLAN = re.compile(r"(/\S+/plans/[\w.-]+\.md)")
"""The file that claude names to the model for its plan."""


class ClaudeAgent(ProcessAgent):
    """Claude Code: tools `Bash`, `Read`, `Write` and `Edit`, one process a session."""

    name = "claude"
    alternates = True
    traits: ClassVar[frozenset[Trait]] = frozenset(get_args(Trait)) - {
        "deletes",
        "output_streams",
        "multi_file_edits",
    }
    modes: ClassVar[Mapping[PermissionMode, Mapping[Action, Verdict]]] = {
        "default": _verdicts("runs", "asks", "asks", "asks", "asks"),
        "accept_edits": _verdicts("runs", "runs", "asks", "runs", "asks"),
        # In plan mode the safety check of auto mode decides about commands, and it does not run with a scripted model.
        "plan": _verdicts("runs", "asks", "asks", "refused", "refused"),
        "auto": {},
        "dont_ask": _verdicts("runs", "refused", "refused", "refused", "refused"),
        "bypass": _verdicts("runs", "runs", "runs", "runs", "runs"),
    }
    # An answer that was cut off is no failure: claude lets the model go on.
    failures: ClassVar[Mapping[Failure, Step]] = {
        **HTTP_FAILURES,
        "context window": http_error(400, "prompt is too long: 300000 tokens > 200000 maximum"),
        "overloaded": failed("overloaded_error", "Busy."),
        "disconnect": disconnect(),
    }
    other_models = ("claude-sonnet-4-5", "claude-haiku-4-5")

    def __init__(self, model: ScriptedModel, folder: Path) -> None:
        super().__init__(model, folder)
        self.config = write_claude_config(folder / "config")
        self.frames: list[Mapping[str, Any]] = []

    def arguments(self) -> Mapping[str, Any]:
        return {**super().arguments(), "wire_log": self._note}

    def _note(self, direction: str, frame: Mapping[str, Any]) -> None:
        if direction == "in" and not str(frame["type"]).startswith("control_"):
            self.frames.append(frame)

    async def closed(self) -> None:
        """Check that every frame went through as it was, whatever the case at hand."""
        await super().closed()
        for frame in self.frames:
            assert parse_message(frame).to_wire() == frame
            assert frame_kind(dict(frame)) in KNOWN_FRAMES

    def command(self, cmd: str, *, escalate: bool = False, wait: float | None = None) -> Step:
        # What only reads runs unasked, whatever it is asked to do; of this claude cannot tell what it does.
        command = f"eval {shlex.quote(cmd)}" if escalate and ">" not in cmd else cmd
        background = {} if wait is None else {"run_in_background": True}
        return call("Bash", {"command": command, "description": "A command of the test.", **background})

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
            steps.append(call("Read", file_path=self._path(name)))
            steps += [call("Edit", file_path=self._path(name), old_string=old, new_string=new) for old, new in hunks]
        return steps

    def asking(self, count: int) -> Sequence[Step]:
        steps: list[Step] = []
        for number in range(count):
            file = self.outside / f"{number}.txt"
            file.write_text("outside\n")
            steps.append(call("Read", file_path=str(file)))
        return steps

    def plan(self, words: str) -> Sequence[Step | actions.Action]:
        def write(request: ModelRequest) -> list[Step]:
            [path] = set(_PLAN.findall(request.text + request.instructions))
            return [call("Write", file_path=path, content=words)]

        return [write, call("ExitPlanMode")]

    def structured(self, json: str) -> Sequence[Step]:
        return [call("StructuredOutput", json)]

    def skill(self, name: str, words: str) -> SkillInput:
        path = self.config / "skills" / name / "SKILL.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"---\nname: {name}\ndescription: A skill.\n---\n{words}\n")
        return SkillInput(name, str(path))

    def stored(self, session_id: str) -> Path:
        return next((self.config / "projects").rglob(f"{session_id}.jsonl"))

    def project(self, words: str, marker: Path) -> None:
        self.write("CLAUDE.md", f"{words}\n")
        hook = {"hooks": [{"type": "command", "command": f"touch '{marker}'"}]}
        settings = self.workspace / ".claude"
        settings.mkdir()
        (settings / "settings.json").write_text(json.dumps({"hooks": {"UserPromptSubmit": [hook]}}))

    def native_model(self, name: str) -> Mapping[str, object]:
        return {"flags": {"model": name}}

    def schema_of(self, request: ModelRequest) -> object:
        return request.tool("StructuredOutput")["input_schema"]

    def real_executable(self) -> Path:
        return find_claude()

    @property
    def env(self) -> dict[str, str]:
        return clean_env(claude_config_dir=self.config, model=self.model)

    def pid(self, session: AgentSession) -> int:
        pid: int | None = getattr(session, "pid", None)
        assert pid is not None
        return pid

    def impostor(self, kind: Impostor) -> str:
        greeting = {"too old": '{"claude_code_version":"0.1.0"}', "something else": '{"hello":"world"}'}[kind]
        response = f'{{"subtype":"success","request_id":"1","response":{greeting}}}'
        return f'read line; echo \'{{"type":"control_response","response":{response}}}\'; read line'

    def unfindable(self, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
        monkeypatch.setattr("agent_sdk_core.transport.process.executable.find_spec", dict[str, None]().get)
        return super().unfindable(monkeypatch)

    def _path(self, name: str) -> str:
        return str(self.workspace / name)
