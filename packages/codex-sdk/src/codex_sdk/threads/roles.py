"""The sub-agents of `SessionOptions.agents` as Codex's agent roles: an entry of the configuration and a file each.

A role's model, effort and instructions stand in a file that its entry names (0.163). The files belong to a backend, are
readable for their user alone, and are gone when it closes.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from agent_sdk_core.sub_agents import AgentDefinition
from agent_sdk_core.wire.reading import Json
from agent_sdk_core.wire.toml import toml_value


class RoleFiles:
    """The folder of a backend's role files, made with the first of them."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    def entries(self, agents: Mapping[str, AgentDefinition]) -> Json:
        """Write the files of these sub-agents, and return the entries of the table `agents` that name them."""
        return {name: self._entry(definition) for name, definition in agents.items()}

    def remove(self) -> None:
        """Remove the folder; never raises."""
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _entry(self, definition: AgentDefinition) -> Json:
        content = "".join(f"{key} = {toml_value(value)}\n" for key, value in _role(definition).items())
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="agent-sdk-roles-"))
        # Named by its content: a thread that started earlier may still read it.
        path = self._folder / f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.toml"
        path.write_text(content, encoding="utf-8")
        return {"description": definition.description, "config_file": str(path)}


def check_roles(agents: Mapping[str, AgentDefinition]) -> None:
    """Refuse what a role cannot be told.

    Raises:
        UnsupportedOptionError: A definition has more than Codex's roles have.
    """
    for name, definition in agents.items():
        definition.require_only("model", "reasoning_effort", name=name, backend="codex")


def _role(definition: AgentDefinition) -> Json:
    role: Json = {"developer_instructions": definition.prompt}
    if definition.model is not None:
        role["model"] = definition.model
    if definition.reasoning_effort is not None:
        role["model_reasoning_effort"] = definition.reasoning_effort
    return role
