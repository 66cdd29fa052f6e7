"""What every control request by which Claude asks something shares, and where it came from. Pure.

A field that is absent or of another type reads as nothing, so that no odd request goes unanswered.
"""

from __future__ import annotations

from agent_sdk_core.asking import requests
from agent_sdk_core.messages.base import Source
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, filled_text, record_of


@dataclass(frozen=True, slots=True)
class Envelope(requests.Envelope):
    """One `can_use_tool` or `elicitation`.

    Attributes:
        cwd: The session's folder as Claude names it, which is with its links resolved (`system/init`, 2.1.329).
        add_dirs: Further folders that the session works in, as absolute paths.
        sources: Whose settings the session reads, "user", "project" and "local".
    """

    cwd: str | None = None
    add_dirs: tuple[str, ...] = ()
    sources: tuple[str, ...] = ("user", "project", "local")

    @property
    def source(self) -> Source:
        """Native ids."""
        return Source("claude", thread_id=self.session_id, request_id=self.native_id)

    @property
    def tool_name(self) -> str:
        """The tool that waits."""
        return filled_text(self.params.get("tool_name")) or ""

    @property
    def input(self) -> Json:
        """The tool's arguments, as Claude completed them: an Edit has its `replace_all` (2.1.329)."""
        return record_of(self.params.get("input"))

    @property
    def tool_use_id(self) -> str | None:
        """The tool use that waits."""
        return filled_text(self.params.get("tool_use_id"))

    @property
    def agent_id(self) -> str | None:
        """The sub-agent, as claude calls it."""
        return filled_text(self.params.get("agent_id"))

    @property
    def requires_person(self) -> bool:
        """Whether claude wants a person to decide, as about a plan."""
        return self.params.get("requires_user_interaction") is True

    @property
    def reason(self) -> str | None:
        """Why Claude asks: its own reason, else what the model says that the call is for.

        The `description` of other calls only repeats an argument, so it is taken where it is the model's own.
        """
        description = filled_text(self.params.get("description"))
        said = description if description == self.input.get("description") else None
        return filled_text(self.params.get("decision_reason")) or said
