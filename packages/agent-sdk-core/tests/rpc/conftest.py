from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import pytest

from agent_sdk_core.rpc.jsonrpc import Peer
from agent_sdk_core.rpc.receiver import JsonObject, ProtocolIssue, Receiver, ServerRequest


@dataclass
class Wire(Receiver):
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

    def on_message(self, name: str, body: JsonObject, raw: JsonObject, /) -> None:
        self.notifications.append((name, body, raw))

    def on_request(self, request: ServerRequest, /) -> None:
        self.requests.append(request)

    def on_issue(self, issue: ProtocolIssue, /) -> None:
        self.issues.append(issue)

    def make(self, **options: Any) -> Peer:
        for name in [name for name in options if name.startswith("on_")]:
            setattr(self, name, options.pop(name))
        self.peer = Peer(self.write, self, name="codex", **options)
        return self.peer


@pytest.fixture
def wire() -> Wire:
    return Wire()
