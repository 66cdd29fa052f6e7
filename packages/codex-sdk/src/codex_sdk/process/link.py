"""Link to the app-server of a backend, which all its sessions share: one that is started, or one that listens."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent_sdk_core.errors import AgentError
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.rpc.jsonrpc import Tap
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.link import Link
from agent_sdk_core.runtime.supervisor import Revival
from agent_sdk_core.secret import Secret
from agent_sdk_core.transport.websocket.address import WebSocketAddress
from codex_sdk.process.app_server import AppServer, Client
from codex_sdk.process.executable import find_executable


class AppServerLink(Link[AppServer]):
    """The way to one app-server.

    Args:
        host: Runs its reader.
        receiver: Is told what the app-server sends, and tells `lose` its end.
        executable: The codex executable; absent: it is searched for.
        env: The whole environment of the process.
        address: Where one listens that somebody else started; absent: one is started.
        token: The capability token that it wants, if any.
        seconds: How long a start may take.
        client: Who introduces himself; absent: this SDK.
        arguments: Further ones of its command line.
        tap: Sees each message in both directions.
        revival: How an app-server that was lost comes back.

    Attributes:
        elsewhere: Whether somebody else started it, so that its turns go on where the connection is lost.
    """

    def __init__(
        self,
        host: Host,
        receiver: Receiver,
        *,
        seconds: float,
        executable: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        address: WebSocketAddress | None = None,
        token: Secret | None = None,
        client: Client | None = None,
        arguments: Sequence[str] = (),
        tap: Tap | None = None,
        revival: Revival = None,
    ) -> None:
        super().__init__(host, owner="backend", seconds=seconds, revival=revival)
        self._receiver = receiver
        self._named = executable
        self._env = env or {}
        self._address = address
        self._token = token
        self._client = client
        self.elsewhere = address is not None
        self._arguments = arguments
        self._tap = tap

    async def _spawn(self) -> AppServer:
        if self._address is not None:
            self._where: Path | str = self._address.url
            return await AppServer.reach(
                self._address,
                token=self._token,
                seconds=self._seconds,
                host=self._host,
                receiver=self._receiver,
                tap=self._tap,
            )
        self._where = executable = await off_the_loop(find_executable, self._named, self._env)
        return await AppServer.spawn(
            executable,
            env=self._env,
            host=self._host,
            receiver=self._receiver,
            arguments=self._arguments,
            tap=self._tap,
        )

    async def _greet(self, connection: AppServer, seconds: float) -> None:
        await connection.greet(self._where, timeout=seconds, client=self._client)

    def _may_pass(self, error: AgentError) -> bool:
        # One that refuses us, or is none, does so every time.
        return super()._may_pass(error) and (self._address is None or error.retryable)
