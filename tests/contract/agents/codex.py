"""The real Codex under the contract suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, get_args

import pytest

from agent_sdk_core import AgentSession, PermissionMode, SkillInput
from agent_sdk_core.asking.permissions import Escalation
from agent_sdk_testing import (
    ScriptedModel,
    Step,
    call,
    clean_env,
    custom,
    disconnect,
    failed,
    find_codex,
    http_error,
    incomplete,
    text,
    write_codex_home,
)
from agent_sdk_testing.agents import toml
from agent_sdk_testing.agents.toml import TomlValue
from agent_sdk_testing.contract.agent import HTTP_FAILURES, Action, Failure, Verdict
from agent_sdk_testing.contract.process_agent import Impostor, ProcessAgent
from agent_sdk_testing.contract.traits import Trait


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


def touching(marker: Path) -> dict[str, TomlValue]:
    """Return the configuration of an MCP server that makes a file as it starts."""
    return {"command": "touch", "args": [str(marker)]}


class CodexAgent(ProcessAgent):
    """Codex: tools `exec_command` and `apply_patch`, one app-server for all sessions."""

    name = "codex"
    alternates = True
    traits: ClassVar[frozenset[Trait]] = frozenset(get_args(Trait))
    # Codex asks about a command only when the model asks for it to be run outside the sandbox.
    modes: ClassVar[Mapping[PermissionMode, Mapping[Action, Verdict]]] = {
        "default": _verdicts("runs", "asks", "asks", "refused", "asks", "refused"),
        "accept_edits": _verdicts("runs", "runs", "asks", "runs", "asks", "refused"),
        "plan": _verdicts("runs", "asks", "asks", "refused", "asks", "refused"),
        "dont_ask": _verdicts("runs", "refused", "refused", "refused", "refused", "refused"),
        # Nobody is asked here, so a command that asks to be run outside the sandbox is refused even without one.
        "bypass": _verdicts("runs", "runs", "runs", "runs", "refused", "runs"),
        # Another model decides here: see tests/codex.
        "auto": {},
    }
    failures: ClassVar[Mapping[Failure, Step]] = {
        **HTTP_FAILURES,
        "usage limit": http_error(429, "Used up.", kind="usage_limit_reached"),
        "context window": failed("context_length_exceeded", "Too long."),
        "overloaded": failed("server_is_overloaded", "Busy."),
        "cut off": incomplete("max_output_tokens"),
        "disconnect": disconnect(),
    }
    other_models = ("gpt-5.5-scripted", "gpt-5.5-other")
    escalates: ClassVar[frozenset[Escalation]] = frozenset({"sandbox"})
    question_mode = "plan"
    strict_answers = True

    def __init__(self, model: ScriptedModel, folder: Path) -> None:
        super().__init__(model, folder)
        self.home = folder / "home"
        self.configure()

    def configure(self, *, retries: int = 0, show_thoughts: bool = False) -> None:
        """Write config.toml again: retries of a broken stream, whether raw reasoning is told."""
        write_codex_home(
            self.home,
            self.model,
            provider={"stream_max_retries": retries},
            show_raw_agent_reasoning=show_thoughts,
        )

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
    ) -> Sequence[Step]:
        lines = ["*** Begin Patch"]
        for name, content in (add or {}).items():
            lines += [f"*** Add File: {name}", *(f"+{line}" for line in content.splitlines())]
        for name, hunks in (update or {}).items():
            lines.append(f"*** Update File: {name}")
            for old, new in hunks:
                lines += ["@@", *(f"-{line}" for line in old.splitlines()), *(f"+{line}" for line in new.splitlines())]
        lines += [f"*** Delete File: {name}" for name in delete]
        return [custom("apply_patch", "\n".join([*lines, "*** End Patch\n"]))]

    def plan(self, words: str) -> Sequence[Step]:
        return [text(f"I looked.\n<proposed_plan>\n{words}</proposed_plan>\n")]

    def structured(self, json: str) -> Sequence[Step]:
        return [text(json)]

    def skill(self, name: str, words: str) -> SkillInput:
        path = self.home / "skills" / name / "SKILL.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"---\nname: {name}\ndescription: A skill.\n---\n{words}\n")
        return SkillInput(name, str(path))

    def stored(self, session_id: str) -> Path:
        return next((self.home / "sessions").rglob(f"*{session_id}.jsonl"))

    def project(self, words: str, marker: Path) -> None:
        self.write("AGENTS.md", f"{words}\n")
        settings = self.workspace / ".codex"
        settings.mkdir()
        (settings / "config.toml").write_text(toml.dumps({"mcp_servers": {"theirs": touching(marker)}}))

    @property
    def user_settings(self) -> Mapping[Path, bytes]:
        path = self.home / "config.toml"
        return {path: path.read_bytes()}

    def real_executable(self) -> Path:
        return find_codex()

    @property
    def env(self) -> dict[str, str]:
        return clean_env(codex_home=self.home)

    def pid(self, session: AgentSession) -> int:
        pid: int | None = getattr(session.backend, "pid", None)
        assert pid is not None
        return pid

    def impostor(self, kind: Impostor) -> str:
        agent = {"userAgent": "agent-sdk-python/0.1.0 (Linux)"}
        result = {"too old": agent, "something else": {"hello": "world"}}[kind]
        answer = str({"id": 1, "result": result}).replace("'", '"')
        return f"read line; echo '{answer}'; read line"

    def unfindable(self, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
        monkeypatch.setattr("agent_sdk_core.transport.process.executable.find_spec", dict[str, None]().get)
        return super().unfindable(monkeypatch)
