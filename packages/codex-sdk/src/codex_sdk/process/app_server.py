"""One running `codex app-server`: started, greeted and checked, and stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from agent_sdk_core.errors import (
    HandshakeError,
    ProcessExitedError,
    ProtocolError,
    RequestTimeoutError,
    SessionClosedError,
    StartupTimeoutError,
)
from agent_sdk_core.rpc.connection import LineConnection
from agent_sdk_core.rpc.jsonrpc import Peer, Tap
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.transport.process.child import ChildProcess
from agent_sdk_core.transport.process.executable import parse_version
from agent_sdk_core.transport.process.patience import start_patiently
from agent_sdk_core.transport.process.stderr import silent_start
from agent_sdk_core.wire.reading import Json
from codex_sdk import __version__
from codex_sdk.process.errors import config_error, plain, startup_error
from codex_sdk.process.executable import check_version

_UNLOAD_AT_ONCE: Final = "thread_unload_delay_secs=0"
"""Else a thread stays a minute longer than its session, with its MCP servers and its file; a thread cannot choose."""


class AppServer:
    """A started app-server.

    Attributes:
        process: Its process.
        peer: JSON-RPC with it.
        version: Its version, as its user agent tells it.
        warning: What to tell about the version, if anything.
    """

    def __init__(self, process: ChildProcess, peer: Peer, version: str, warning: str | None) -> None:
        self.process = process
        self.peer = peer
        self.version = version
        self.warning = warning

    @classmethod
    async def launch(
        cls,
        executable: Path,
        *,
        env: Mapping[str, str],
        host: Host,
        receiver: Receiver,
        timeout: float,
        attests: bool = False,
        tap: Tap | None = None,
    ) -> AppServer:
        """Start the process, run its reader in `host`, and shake hands; what fails for a passing reason is tried again.

        Args:
            executable: The codex executable.
            env: The whole environment of the process.
            host: Runs the reader.
            receiver: Is told what it sends; not the end of one whose start failed by our decision.
            timeout: Seconds for the handshake, further tries included.
            attests: Whether to announce that attestations can be generated.
            tap: Sees each message in both directions.

        Raises:
            AgentError: It did not start, is too old, or has no valid configuration; no process is left.
        """
        return await start_patiently(
            lambda left: cls._launch(executable, env, host, receiver, left, attests=attests, tap=tap), seconds=timeout
        )

    @classmethod
    async def _launch(
        cls,
        executable: Path,
        env: Mapping[str, str],
        host: Host,
        receiver: Receiver,
        timeout: float,
        *,
        attests: bool,
        tap: Tap | None,
    ) -> AppServer:
        process = await ChildProcess.spawn(
            [str(executable), "-c", _UNLOAD_AT_ONCE, "app-server"],
            env=env,
            name="codex app-server",
            on_stderr_line=lambda line: host.call_soon_threadsafe(receiver.on_log_line, plain(line)),
        )
        peer = Peer(process.write, receiver, name=process.name, tap=tap)
        try:
            host.start_soon(LineConnection(process, peer).run)
            return await cls._greet(process, peer, executable, timeout, attests=attests)
        except BaseException:
            peer.fail(SessionClosedError("The app-server was given up during its start.", backend="codex"))
            try:
                await process.stop(grace=0.2)
            except BaseException:  # The event loop ends meanwhile.
                process.kill_now()
                raise
            raise

    @classmethod
    async def _greet(
        cls, process: ChildProcess, peer: Peer, executable: Path, timeout: float, *, attests: bool
    ) -> AppServer:
        try:
            response = await peer.request("initialize", _introduction(attests), timeout=timeout)
            user_agent = cast("Json", response).get("userAgent") if isinstance(response, dict) else None
            found = parse_version(str(user_agent).partition("/")[2])
            if found is None:
                raise HandshakeError(
                    f"{executable} did not introduce itself as a codex app-server; it said {response!r:.200}.",
                    backend="codex",
                )
            warning = check_version(found, executable)
            await peer.notify("initialized")
            # Codex goes on with defaults when its config.toml does not parse (0.163); here that is an error.
            await peer.request("config/read", {}, timeout=timeout, idempotent=True)
        except RequestTimeoutError as error:
            raise StartupTimeoutError(
                silent_start(executable, timeout, tail := plain(process.stderr_tail()), "app-server"),
                backend="codex",
                details={"stderr": tail},
            ) from error
        except ProcessExitedError as error:
            raise startup_error(executable, error) from error
        except ProtocolError as error:
            if "configuration" in error.message:
                raise config_error(error.message) from error
            raise HandshakeError(f"{executable} refused the handshake: {error.message}", backend="codex") from error
        return cls(process, peer, ".".join(map(str, found)), warning)


def _introduction(attests: bool) -> Json:
    return {
        "clientInfo": {"name": "agent-sdk-python", "title": "agent-sdk", "version": __version__},
        "capabilities": {"experimentalApi": True, "requestAttestation": attests},
    }
