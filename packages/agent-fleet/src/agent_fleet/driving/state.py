"""`SessionState`: how a session stands on its host, as that last told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from agent_sdk_core.interfaces.session import SessionInfo
from agent_sdk_core.messages.usage import SessionUsage, Usage
from agent_sdk_core.runtime.driver import SessionSink


class SessionState:
    """What a host tells of a session beside its messages.

    Args:
        opened: What it told when the session was opened.

    Attributes:
        info: What the session runs with.
        resolved: What the agent calls it now.
        usage: What it used.
        sink: Told what the agent calls it, from when there is one.
    """

    def __init__(self, opened: Mapping[str, Any]) -> None:
        self.info = SessionInfo()
        self.resolved = ""
        self.usage = SessionUsage(Usage())
        self.sink: SessionSink | None = None
        self._told: Mapping[str, Any] = {}
        self._usage: Mapping[str, Any] = {}
        self.take(opened)

    @property
    def resumable(self) -> bool:
        """Whether the agent has stored it."""
        return bool(self._told.get("resumable"))

    @property
    def parked(self) -> bool:
        """Whether the host has let go of it for now."""
        return self._told.get("state") == "parked"

    def take(self, told: Mapping[str, Any]) -> None:
        """Take what the host tells now."""
        if told["info"] != self._told.get("info"):  # It is long, and seldom another than with the last batch.
            self.info = SessionInfo.from_wire(told["info"])
        self._told = told
        self.resolved = str(told["resolved_session_id"])
        if self.sink is not None:
            cast("Any", self.sink).resolved_session_id = self.resolved
        self.take_result(told)

    def take_result(self, event: Mapping[str, Any]) -> None:
        """Take what is told with a result."""
        if (usage := event.get("usage")) and usage != self._usage:
            self._usage, self.usage = usage, SessionUsage.from_wire(usage)
