"""One running `codex app-server`: started, greeted and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from agent_sdk_core.errors import (
    HandshakeError,
    ProcessExitedError,
    ProtocolError,
    RequestTimeoutError,
    StartupTimeoutError,
)
from agent_sdk_core.rpc.connection import LineConnection
from agent_sdk_core.rpc.jsonrpc import Peer, Tap
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.transport.process.child import ChildProcess
from agent_sdk_core.transport.process.executable import parse_version
from agent_sdk_core.transport.process.stderr import silent_start
from agent_sdk_core.wire.reading import Json
from codex_sdk import __version__
from codex_sdk.process.errors import config_error, plain, startup_error
from codex_sdk.process.executable import check_version

_UNLOAD_AT_ONCE: Final = "thread_unload_delay_secs=0"
"""Else a thread stays a minute longer than its session, with its MCP servers and its file; a thread cannot choose."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who introduces himself to an app-server, which tells the provider of the model.

    Attributes:
        name: Name of the application.
        title: Its name for people.
        version: Its version.
        attests: Whether to announce that attestations can be generated.
    """

    name: str = "agent-sdk-python"
    title: str = "agent-sdk"
    version: str = __version__
    attests: bool = False

    @property
    def introduction(self) -> Json:
        """The parameters of `initialize`."""
        return {
            "clientInfo": {"name": self.name, "title": self.title, "version": self.version},
            "capabilities": {"experimentalApi": True, "requestAttestation": self.attests},
        }


class AppServer:
    """An app-server, and the conversation with it.

    Attributes:
        channel: Its process.
        peer: JSON-RPC with it.
        version: Its version, as its user agent tells it in its greeting.
        warning: What to tell about the version, if anything.
    """

    def __init__(self, channel: ChildProcess, peer: Peer) -> None:
        self.channel = channel
        self.peer = peer
        self.version = ""
        self.warning: str | None = None

    @classmethod
    async def spawn(
        cls,
        executable: Path,
        *,
        env: Mapping[str, str],
        host: Host,
        receiver: Receiver,
        arguments: Sequence[str] = (),
        tap: Tap | None = None,
    ) -> AppServer:
        """Start a process and its reader; `greet` does the rest.

        Args:
            executable: The codex executable.
            env: The whole environment of the process.
            host: Runs the reader.
            receiver: Is told what it sends.
            arguments: Further ones of its command line.
            tap: Sees each message in both directions.

        Raises:
            AgentError: It cannot be started.
        """
        child = await ChildProcess.spawn(
            [str(executable), "-c", _UNLOAD_AT_ONCE, *arguments, "app-server"],
            env=env,
            name="codex app-server",
            on_stderr_line=lambda line: host.call_soon_threadsafe(receiver.on_log_line, plain(line)),
        )
        server = cls(child, Peer(child.write, receiver, name=child.name, tap=tap))
        host.start_soon(LineConnection(child, server.peer).run)
        return server

    async def greet(self, executable: Path, *, timeout: float, client: Client | None = None) -> None:
        """Shake hands, and have the configuration read.

        Args:
            executable: The codex executable, for errors.
            timeout: Seconds for each answer.
            client: Who introduces himself; absent: this SDK.

        Raises:
            AgentError: It ended, refused, is too old, or has no valid configuration; the message says why.
        """
        peer = self.peer
        try:
            response = await peer.request("initialize", (client or Client()).introduction, timeout=timeout)
            user_agent = cast("Json", response).get("userAgent") if isinstance(response, dict) else None
            found = parse_version(str(user_agent).partition("/")[2])
            if found is None:
                raise HandshakeError(
                    f"{executable} did not introduce itself as a codex app-server; it said {response!r:.200}.",
                    backend="codex",
                )
            self.warning = check_version(found, executable)
            await peer.notify("initialized")
            # Codex goes on with defaults when its config.toml does not parse (0.163); here that is an error.
            await peer.request("config/read", {}, timeout=timeout, idempotent=True)
        except RequestTimeoutError as error:
            raise StartupTimeoutError(
                silent_start(executable, timeout, tail := plain(self.channel.stderr_tail()), "app-server"),
                backend="codex",
                details={"stderr": tail},
            ) from error
        except ProcessExitedError as error:
            raise startup_error(executable, error) from error
        except ProtocolError as error:
            if "configuration" in error.message:
                raise config_error(error.message) from error
            raise HandshakeError(f"{executable} refused the handshake: {error.message}", backend="codex") from error
        self.version = ".".join(map(str, found))
