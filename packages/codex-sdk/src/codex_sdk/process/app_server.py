"""One running `codex app-server`: started, greeted and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from agent_sdk_core.errors import (
    ConnectionLostError,
    HandshakeError,
    ProcessExitedError,
    ProtocolError,
    RequestTimeoutError,
    StartupTimeoutError,
)
from agent_sdk_core.paths import unwritable
from agent_sdk_core.records import dataclass
from agent_sdk_core.rpc.connection import LineConnection
from agent_sdk_core.rpc.jsonrpc import Peer, Tap
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.secret import Secret
from agent_sdk_core.transport.channel import OwnedChannel
from agent_sdk_core.transport.process.child import ChildProcess
from agent_sdk_core.transport.process.executable import parse_version
from agent_sdk_core.transport.process.stderr import silent_start
from agent_sdk_core.transport.websocket.address import WebSocketAddress
from agent_sdk_core.wire.reading import Json, filled_text, record_of
from codex_sdk import __version__
from codex_sdk.process.errors import config_error, plain, startup_error
from codex_sdk.process.executable import check_version

_UNLOAD_AT_ONCE: Final = "thread_unload_delay_secs=0"
"""Else a thread stays a minute longer than its session, with its MCP servers and its file; a thread cannot choose."""

_READY: Final = "/readyz"
"""Asked of a server on TCP before it is asked for more; one on a unix socket has no such thing (0.163)."""


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
            "capabilities": {
                "experimentalApi": True,
                "requestAttestation": self.attests,
                "requiredHumanApproval": True,  # From 0.164 on; older ones pass it over.
            },
        }


class AppServer:
    """An app-server, and the conversation with it.

    Attributes:
        channel: Its process, or the connection to one that somebody else started.
        peer: JSON-RPC with it.
        unloads: Whether it unloads a thread as soon as nobody listens to it.
        version: Its version, as its user agent tells it in its greeting.
        warning: What to tell about the version, if anything.
        home: The folder in which it keeps what it stores.
    """

    def __init__(self, channel: OwnedChannel, peer: Peer, *, unloads: bool = False) -> None:
        self.channel = channel
        self.peer = peer
        self.unloads = unloads
        self.version = ""
        self.warning: str | None = None
        self.home: str | None = None

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
        return cls._over(child, host=host, receiver=receiver, tap=tap, unloads=True)

    @classmethod
    async def reach(
        cls,
        address: WebSocketAddress,
        *,
        token: Secret | None,
        seconds: float,
        host: Host,
        receiver: Receiver,
        tap: Tap | None = None,
    ) -> AppServer:
        """Connect to one that somebody else started; `greet` does the rest.

        Args:
            address: Where it listens.
            token: Its capability token, if it wants one.
            seconds: How long that may take.
            host: Runs the reader.
            receiver: Is told what it sends.
            tap: Sees each message in both directions.

        Raises:
            AgentError: It cannot be reached, or refuses the connection.
        """
        from agent_sdk_core.transport.websocket.channel import WebSocketChannel

        # Codex itself listens without TLS (0.163).
        remedy = f"Start one with `codex app-server --listen {address.url}`" if not address.tls else "Look at its proxy"
        channel = await WebSocketChannel.open(
            address,
            name="codex app-server",
            seconds=seconds,
            token=None if token is None else token.reveal(),
            ready=_READY,
            advice=f"{remedy}, or correct CodexBackend(url=…).",
        )
        return cls._over(channel, host=host, receiver=receiver, tap=tap)

    @classmethod
    def _over(
        cls, channel: OwnedChannel, *, host: Host, receiver: Receiver, tap: Tap | None, unloads: bool = False
    ) -> AppServer:
        server = cls(channel, Peer(channel.write, receiver, name=channel.name, tap=tap), unloads=unloads)
        host.start_soon(LineConnection(channel, server.peer).run)
        return server

    async def greet(self, where: Path | str, *, timeout: float, client: Client | None = None) -> None:
        """Shake hands, and have the configuration read.

        Args:
            where: The codex executable, or its address, for errors.
            timeout: Seconds for each answer.
            client: Who introduces himself; absent: this SDK.

        Raises:
            AgentError: It ended, refused, is too old, or has no valid configuration; the message says why.
        """
        peer = self.peer
        try:
            response = await peer.request("initialize", (client or Client()).introduction, timeout=timeout)
            told = record_of(response)
            user_agent, self.home = told.get("userAgent"), filled_text(told.get("codexHome"))
            found = parse_version(str(user_agent).partition("/")[2])
            if found is None:
                raise HandshakeError(
                    f"{where} did not introduce itself as a codex app-server; it said {response!r:.200}.",
                    backend="codex",
                )
            self.warning = check_version(found, where)
            await peer.notify("initialized")
            # Codex goes on with defaults when its config.toml does not parse (0.163); here that is an error.
            await peer.request("config/read", {}, timeout=timeout, idempotent=True)
        except RequestTimeoutError as error:
            raise StartupTimeoutError(
                silent_start(where, timeout, tail := self._stderr(), "app-server"),
                backend="codex",
                details={"stderr": tail},
            ) from error
        except ProcessExitedError as error:
            raise startup_error(where, error) from error
        except ProtocolError as error:
            if "configuration" in error.message:
                raise config_error(error.message) from error
            raise HandshakeError(f"{where} refused the handshake: {error.message}", backend="codex") from error
        except ConnectionLostError as error:
            raise HandshakeError(
                f"{error.message} That was during the handshake.", backend="codex", retryable=True
            ) from error
        self.version = ".".join(map(str, found))

    def _stderr(self) -> str:
        return plain(self.channel.stderr_tail()) if isinstance(self.channel, ChildProcess) else ""


def unstorable(home: str | None) -> str | None:
    """Return why no thread can be stored by an app-server of this machine, which itself does not say so (0.163).

    Args:
        home: Its folder, as it tells it.
    """
    folder = None if home is None else Path(home)
    return unwritable(folder / "sessions") if folder is not None and folder.is_dir() else None
