from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import pytest

from agent_sdk_core.rpc.messages import JsonObject, ProtocolIssue, ServerRequest
from agent_sdk_core.rpc.peer import Peer


@dataclass
class Wire:
    """The other side of a peer, in memory: what was sent, and what the owner was told."""

    sent: list[JsonObject] = field(default_factory=list[JsonObject])
    notifications: list[tuple[str, JsonObject, JsonObject]] = field(
        default_factory=list[tuple[str, JsonObject, JsonObject]]
    )
    requests: list[ServerRequest] = field(default_factory=list[ServerRequest])
    issues: list[ProtocolIssue] = field(default_factory=list[ProtocolIssue])
    reply: Callable[[JsonObject], object] | None = None
    peer: Peer = field(init=False)

    async def write(self, line: bytes) -> None:
        message = cast("JsonObject", json.loads(line))
        self.sent.append(message)
        await anyio.lowlevel.checkpoint()
        if self.reply is not None:
            answer = self.reply(message)
            if answer is not None:
                self.peer.receive([answer])

    def on_notification(self, method: str, params: JsonObject, raw: JsonObject) -> None:
        self.notifications.append((method, params, raw))

    def make(self, **options: Any) -> Peer:
        callbacks: dict[str, Any] = {
            "on_notification": self.on_notification,
            "on_request": self.requests.append,
            "on_protocol_error": self.issues.append,
            "name": "codex",
        }
        self.peer = Peer(self.write, **(callbacks | options))
        return self.peer


@pytest.fixture
def wire() -> Wire:
    return Wire()
