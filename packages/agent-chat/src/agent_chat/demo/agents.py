"""The agents of the demo: how each is set up with a scripted model, and how a model asks it to do things."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agent_sdk_testing import ScriptedModel, Step


class DemoAgent(ABC):
    """One agent.

    Attributes:
        name: Name of its backend.
    """

    name: str

    @abstractmethod
    def find(self) -> Path:
        """Return its executable.

        Raises:
            FileNotFoundError: It is not installed; the message says how to.
        """

    @abstractmethod
    def environment(self, folder: Path, model: ScriptedModel) -> dict[str, str]:
        """Set it up in a folder of its own, and return the environment in which it asks `model`."""

    @abstractmethod
    def run(self, command: str, why: str) -> Step:
        """Return the model's wish to run a command."""

    @abstractmethod
    def edit(self, file: Path, old: str, new: str) -> Step:
        """Return the model's wish to replace a line of a file."""


class DemoClaude(DemoAgent):
    """Claude Code."""

    name = "claude"

    def find(self) -> Path:
        """Return the claude executable."""
        from agent_sdk_testing import find_claude

        return find_claude()

    def environment(self, folder: Path, model: ScriptedModel) -> dict[str, str]:
        """Fill a CLAUDE_CONFIG_DIR."""
        from agent_sdk_testing import clean_env, write_claude_config

        return clean_env(claude_config_dir=write_claude_config(folder), model=model)

    def run(self, command: str, why: str) -> Step:
        """Call Bash."""
        from agent_sdk_testing import call

        return call("Bash", command=command, description=why)

    def edit(self, file: Path, old: str, new: str) -> Step:
        """Call Edit."""
        from agent_sdk_testing import call

        return call("Edit", file_path=str(file), old_string=old, new_string=new)


class DemoCodex(DemoAgent):
    """Codex."""

    name = "codex"

    def find(self) -> Path:
        """Return the codex executable."""
        from agent_sdk_testing import find_codex

        return find_codex()

    def environment(self, folder: Path, model: ScriptedModel) -> dict[str, str]:
        """Fill a CODEX_HOME."""
        from agent_sdk_testing import clean_env, write_codex_home

        return clean_env(codex_home=write_codex_home(folder, model))

    def run(self, command: str, why: str) -> Step:
        """Call exec_command, outside of the sandbox, so that it has to be asked for."""
        from agent_sdk_testing import call

        return call("exec_command", cmd=command, sandbox_permissions="require_escalated", justification=why)

    def edit(self, file: Path, old: str, new: str) -> Step:
        """Call apply_patch."""
        from agent_sdk_testing import custom

        lines = ("*** Begin Patch", f"*** Update File: {file.name}", "@@", f"-{old}", f"+{new}", "*** End Patch")
        return custom("apply_patch", "".join(f"{line}\n" for line in lines))


AGENTS: Final = (DemoClaude(), DemoCodex())
