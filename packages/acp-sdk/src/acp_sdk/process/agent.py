"""One running agent: started, greeted, and what it said of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from acp_sdk import __version__
from acp_sdk.process.errors import startup_error, translate
from acp_sdk.protocol import methods
from acp_sdk.protocol.initialization import (
    AgentCapabilities,
    ClientCapabilities,
    Implementation,
    InitializeRequest,
    InitializeResponse,
    McpCapabilities,
    PromptCapabilities,
    SessionCapabilities,
)
from acp_sdk.protocol.upgrade import upgrade_result
from agent_sdk_core.errors import (
    ConnectionLostError,
    HandshakeError,
    ProcessExitedError,
    ProtocolError,
    RequestTimeoutError,
    StartupTimeoutError,
    UnsupportedVersionError,
)
from agent_sdk_core.rpc.connection import LineConnection
from agent_sdk_core.rpc.correlation import Tap
from agent_sdk_core.rpc.jsonrpc import Peer
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.transport.process.child import ChildProcess
from agent_sdk_core.transport.process.stderr import silent_start
from agent_sdk_core.wire.reading import Json, record_of

_CAN: Final = ClientCapabilities(
    elicitation={"form": {}, "url": {}},
    session={"configOptions": {"boolean": {}}, "notices": {}, "compaction": {}},
)
"""What our side can do. Files and terminals are not lent: what an agent does with them, no policy would see."""


class AcpAgent:
    """An agent, and the conversation with it.

    Attributes:
        channel: Its process.
        peer: JSON-RPC with it.
        greeting: What it said of itself; that of version 1 in the shape of version 2.
    """

    def __init__(self, channel: ChildProcess, peer: Peer) -> None:
        self.channel = channel
        self.peer = peer
        self.greeting = InitializeResponse(protocol_version=0)

    @classmethod
    async def spawn(
        cls,
        command: Sequence[str],
        *,
        program: Path,
        folder: str,
        env: Mapping[str, str],
        name: str,
        host: Host,
        receiver: Receiver,
        tap: Tap | None,
    ) -> AcpAgent:
        """Start a process and its reader; `greet` does the rest.

        Raises:
            AgentError: It cannot be started.
        """
        child = await ChildProcess.spawn(
            [str(program), *command[1:]],
            env=env,
            cwd=folder,
            name=f"The {name} agent",
            on_stderr_line=lambda line: host.call_soon_threadsafe(receiver.on_log_line, line),
        )
        agent = cls(child, Peer(child.write, receiver, name=child.name, tap=tap, version="2.0", cancels=True))
        host.start_soon(LineConnection(child, agent.peer).run)
        return agent

    @property
    def version(self) -> int:
        """The version of the protocol that is spoken."""
        return self.greeting.protocol_version

    @property
    def can(self) -> AgentCapabilities:
        """What it can do."""
        return self.greeting.capabilities

    @property
    def sessions(self) -> SessionCapabilities:
        """What it can do with sessions; in version 2 every agent resumes, lists and closes."""
        told = self.can.session or SessionCapabilities()
        if self.version < 2:
            return told
        known: dict[str, Json] = {name: {} for name in ("resume", "close", "list_sessions", "load")}
        return told.model_copy(update=known)

    @property
    def prompts(self) -> PromptCapabilities:
        """What a prompt may hold."""
        return self.sessions.prompt or PromptCapabilities()

    @property
    def servers(self) -> McpCapabilities:
        """How it reaches MCP servers."""
        return self.sessions.mcp or McpCapabilities(stdio={})

    async def greet(
        self, command: Sequence[str], *, name: str, client: Implementation, version: int, seconds: float
    ) -> None:
        """Shake hands.

        Raises:
            AgentError: It ended, refused, does not answer, or speaks another protocol; the message says why.
        """
        request = InitializeRequest(protocol_version=version, info=client, capabilities=_CAN).to_wire()
        # In the words of both versions: an agent of version 1 passes over those of version 2.
        both = {**request, "clientInfo": request["info"], "clientCapabilities": request["capabilities"]}
        sent: Json = {key: value for key, value in both.items() if version > 1 or key not in ("info", "capabilities")}
        try:
            answer = await self.peer.request(methods.INITIALIZE, sent, timeout=seconds)
        except RequestTimeoutError as error:
            tail = self.channel.stderr_tail()
            raise StartupTimeoutError(
                silent_start(command[0], seconds, tail, *command[1:]), backend=name, details={"stderr": tail}
            ) from error
        except ProcessExitedError as error:
            raise startup_error(command, error, backend=name) from error
        except ProtocolError as error:
            raise HandshakeError(
                f"The {name} agent refused the handshake: {translate(error, backend=name, command=command).message}",
                backend=name,
            ) from error
        except ConnectionLostError as error:
            raise HandshakeError(
                f"{error.message} That was during the handshake.", backend=name, retryable=True
            ) from error
        fields = record_of(answer)
        spoken = fields.get("protocolVersion")
        greeting = InitializeResponse.read(upgrade_result(methods.INITIALIZE, fields) if spoken == 1 else fields)
        if greeting is None:
            raise HandshakeError(
                f"{' '.join(command)} does not speak the Agent Client Protocol, for it does not introduce itself; "
                f"it said {answer!r:.200}.",
                backend=name,
            )
        if greeting.protocol_version not in range(1, version + 1):
            raise UnsupportedVersionError(
                f"The {name} agent speaks version {greeting.protocol_version} of the Agent Client Protocol, and this "
                f"SDK speaks up to {version}.",
                backend=name,
            )
        self.greeting = greeting


def introduction(name: str | None, title: str | None, version: str | None) -> Implementation:
    """Return who our side says that it is."""
    if name is None:
        return Implementation(name="agent-sdk-python", title="agent-sdk", version=__version__)
    return Implementation(name=name, title=title or name, version=version or "0")
