"""What every control request by which Claude asks something shares: its body, whose it is, and where it came from.

Pure. A field that is absent or of another type reads as nothing, so that no odd request goes unanswered.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agent_sdk_core.messages.base import Source
from claude_sdk.frames import Json, record, text


@dataclass(frozen=True, slots=True)
class Envelope:
    """One `can_use_tool` or `elicitation`.

    Attributes:
        request_id: Ours.
        session_id: The session that asks.
        native_id: Claude's request id.
        body: The control request's body.
        parent_tool_use_id: The tool use of the sub-agent that asks.
        deadline: Unix time in seconds after which it is denied.
        cwd: The session's folder as Claude names it, which is with its links resolved (`system/init`, 2.1.329).
        add_dirs: Further folders that the session works in, as absolute paths.
        sources: Whose settings the session reads, "user", "project" and "local".
    """

    request_id: str
    session_id: str
    native_id: str
    body: Json = field(repr=False)
    parent_tool_use_id: str | None = None
    deadline: float | None = None
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
        return text(self.body.get("tool_name")) or ""

    @property
    def input(self) -> Json:
        """The tool's arguments, as Claude completed them: an Edit has its `replace_all` (2.1.329)."""
        return record(self.body.get("input"))

    @property
    def tool_use_id(self) -> str | None:
        """The tool use that waits."""
        return text(self.body.get("tool_use_id"))
