"""Link to the app-server of a backend, which all its sessions share."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.rpc.jsonrpc import Tap
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.link import Link
from codex_sdk.process.app_server import AppServer, Client
from codex_sdk.process.executable import find_executable


class AppServerLink(Link[AppServer]):
    """The way to one app-server.

    Args:
        host: Runs its reader.
        receiver: Is told what the app-server sends, and tells `lose` its end.
        executable: The codex executable; absent: it is searched for.
        env: The whole environment of the process.
        seconds: How long a start may take.
        client: Who introduces himself; absent: this SDK.
        arguments: Further ones of its command line.
        tap: Sees each message in both directions.
    """

    def __init__(
        self,
        host: Host,
        receiver: Receiver,
        *,
        executable: str | os.PathLike[str] | None,
        env: Mapping[str, str],
        seconds: float,
        client: Client | None = None,
        arguments: Sequence[str] = (),
        tap: Tap | None = None,
    ) -> None:
        super().__init__(host, owner="backend", seconds=seconds)
        self._receiver = receiver
        self._named = executable
        self._env = env
        self._client = client
        self._arguments = arguments
        self._tap = tap

    @property
    def pid(self) -> int | None:
        """Process id of the app-server, while it can be talked to."""
        server = self._connection
        return None if server is None or self.is_over else server.channel.pid

    async def _spawn(self) -> AppServer:
        self._executable = await off_the_loop(find_executable, self._named, self._env)
        return await AppServer.spawn(
            self._executable,
            env=self._env,
            host=self._host,
            receiver=self._receiver,
            arguments=self._arguments,
            tap=self._tap,
        )

    async def _greet(self, connection: AppServer, seconds: float) -> None:
        await connection.greet(self._executable, timeout=seconds, client=self._client)
