"""Link to an agent: one process in one folder, which the sessions of that folder share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from acp_sdk.process.agent import AcpAgent
from acp_sdk.process.command import find_program
from acp_sdk.protocol.initialization import Implementation
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.rpc.correlation import Tap
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.link import Link
from agent_sdk_core.runtime.supervisor import Revival


class AgentLink(Link[AcpAgent]):
    """The way to one agent.

    Args:
        host: Runs its reader.
        receiver: Is told what the agent sends, and tells `lose` its end.
        name: What the agent is called.
        command: Its program and arguments.
        folder: The folder that it runs in: some agents work there, whatever folder their session names.
        env: The whole environment of the process.
        seconds: How long a start may take.
        client: Who introduces himself.
        version: The newest version of the protocol to offer.
        tap: Sees each message in both directions.
        revival: How an agent that was lost comes back.

    Attributes:
        env: The whole environment of the process.
    """

    def __init__(
        self,
        host: Host,
        receiver: Receiver,
        *,
        name: str,
        command: Sequence[str],
        folder: str,
        env: Mapping[str, str],
        seconds: float,
        client: Implementation,
        version: int,
        tap: Tap | None,
        revival: Revival,
    ) -> None:
        super().__init__(host, owner="folder", seconds=seconds, revival=revival)
        self.name = name
        self.command = command
        self.folder = folder
        self._receiver = receiver
        self.env = env
        self._client = client
        self._version = version
        self._tap = tap

    async def _spawn(self) -> AcpAgent:
        program = await off_the_loop(lambda: find_program(self.command[0], self.env, backend=self.name))
        return await AcpAgent.spawn(
            self.command,
            program=program,
            folder=self.folder,
            env=self.env,
            name=self.name,
            host=self._host,
            receiver=self._receiver,
            tap=self._tap,
        )

    async def _greet(self, connection: AcpAgent, seconds: float) -> None:
        await connection.greet(
            self.command, name=self.name, client=self._client, version=self._version, seconds=seconds
        )
