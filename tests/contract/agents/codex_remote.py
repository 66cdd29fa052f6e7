"""The real Codex as a server that listens, under those cases of the contract suite that show its ten rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tests.codex.listening import ListeningServer, Transport
from tests.contract.agents.codex import CodexAgent

from agent_sdk_core import AgentBackend, AgentSession
from agent_sdk_core.factory.registry import load_backend
from agent_sdk_testing import ScriptedModel
from agent_sdk_testing.contract.traits import Trait


class RemoteCodexAgent(CodexAgent):
    """An app-server that somebody else has started, and goes on when its clients are gone.

    Attributes:
        transport: How it is reached.
    """

    alternates = True
    traits: ClassVar[frozenset[Trait]] = CodexAgent.traits - {"process", "installed"}
    cases: ClassVar[frozenset[str]] = frozenset(
        {
            "test_cancellation",
            "test_commands",
            "test_consumers",
            "test_interrupts",
            "test_queue",
            "test_speech",
            "test_tools",
            "test_waiting_requests",
        }
    )
    transport: ClassVar[Transport]

    def __init__(self, model: ScriptedModel, folder: Path) -> None:
        super().__init__(model, folder)
        self._server: ListeningServer | None = None

    @classmethod
    def backend_class(cls) -> type[AgentBackend]:
        return load_backend("codex")

    @property
    def server(self) -> ListeningServer:
        """The server, started when it is first needed: a case may configure it before."""
        if self._server is None:
            self._server = ListeningServer(self.executable, self.env, self.folder, self.transport)
            self._server.start()
        return self._server

    def arguments(self) -> Mapping[str, Any]:
        return self.server.arguments

    def pid(self, session: AgentSession) -> int:
        del session
        return self.server.process.pid

    async def closed(self) -> None:
        """Check that the server still runs, and nothing is left once it has been told to go."""
        server, self._server = self._server, None
        if server is not None:
            assert server.process.poll() is None
            server.end()
        await super().closed()

    def close(self) -> None:
        if self._server is not None:
            self._server.end()
        super().close()


class UnixCodexAgent(RemoteCodexAgent):
    """Codex on a unix socket."""

    name = "codex-unix"
    transport = "unix"


class TcpCodexAgent(RemoteCodexAgent):
    """Codex on TCP, with a capability token: no more differs from the socket than how it is reached."""

    name = "codex-tcp"
    transport = "tcp"
    cases: ClassVar[frozenset[str]] = frozenset({"test_interrupts", "test_speech", "test_waiting_requests"})
