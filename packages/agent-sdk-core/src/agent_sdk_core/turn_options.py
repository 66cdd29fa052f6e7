"""How one turn behaves. An absent field means "as the session", which is as it was again when the turn has ended."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.errors import UnsupportedOptionError
from agent_sdk_core.option_values import Options, PathText, Table, Text
from agent_sdk_core.options import SandboxPolicy, SessionOptions, as_policy
from agent_sdk_core.sub_agents import checked_mode


class TurnOptions(Options):
    """Options of one turn; frozen, so that one object can serve many turns.

    Every value is checked when the options are made. What an agent cannot change for one turn raises
    `UnsupportedOptionError` when the prompt is given; `BackendCapabilities.turn_options` says it beforehand.

    Attributes:
        model: Model id as the agent knows it.
        reasoning_effort: How much the model reasons.
        permission_mode: How much the agent may do unasked.
        output_schema: JSON Schema that the final answer must fit.
        cwd: Folder that the agent works in.
        sandbox: What tools may touch; beats the sandbox of `permission_mode`.
        origin: Who or what the prompt is from, in a word, for agent and provider to tell prompts apart. Claude knows
            "human" alone, Codex takes any word, such as "automation".
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    model: Text | None = None
    reasoning_effort: Text | None = None
    permission_mode: Annotated[PermissionMode | None, BeforeValidator(checked_mode)] = None
    output_schema: Table | None = None
    cwd: PathText | None = None
    sandbox: Annotated[SandboxPolicy | None, BeforeValidator(as_policy)] = None
    origin: Text | None = None

    @property
    def chosen(self) -> dict[str, object]:
        """The fields that say something, by name."""
        named = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in named.items() if value is not None}

    def require_supported(self, backend: str, supported: Collection[str]) -> None:
        """Refuse the fields that a backend cannot honour for one turn.

        Args:
            backend: Name of the backend, for the message.
            supported: Names of the fields that it can: `BackendCapabilities.turn_options`.

        Raises:
            UnsupportedOptionError: One of the others is set.
        """
        for name in self.chosen:
            if name not in supported:
                able = f"it can change {', '.join(sorted(supported))}" if supported else "it can change nothing"
                instead = f"Open a session with SessionOptions({name}=…) for it, where the backend has that."
                if name not in SessionOptions.model_fields:
                    instead = "Leave it out."
                raise UnsupportedOptionError(
                    f"The {backend} backend cannot honour TurnOptions.{name}: for one turn {able}. {instead}",
                    backend=backend,
                    details={"option": name},
                )
