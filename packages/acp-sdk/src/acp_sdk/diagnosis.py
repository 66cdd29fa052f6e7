"""Looks at an agent: whether its program is there, whether it greets, and what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from acp_sdk.process.agent import AcpAgent, introduction
from acp_sdk.process.command import find_program
from acp_sdk.process.link import AgentLink
from agent_sdk_core.errors import AgentError
from agent_sdk_core.interfaces.diagnosis import Diagnosis, Problem, located
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.link import look_through

_INCOMPARABLE = "agents do not tell which parts of the Agent Client Protocol they know, but for what they can do"


async def diagnose(
    command: Sequence[str], env: Mapping[str, str], *, backend: str, version: int, timeout: float, folder: str
) -> Diagnosis:
    """Look at an agent in a process of its own; what is wrong is part of the answer.

    Args:
        command: How it is started.
        env: The whole environment of the process.
        backend: What it is called.
        version: The newest version of the protocol to offer.
        timeout: Seconds that it has to start and answer.
        folder: The folder that it runs in.
    """
    try:
        program = await off_the_loop(partial(find_program, command[0], env, backend=backend))
    except AgentError as error:
        return located(backend, None, error, named=True)

    def link(host: Host) -> AgentLink:
        return AgentLink(
            host,
            Receiver(),
            name=backend,
            command=command,
            folder=folder,
            env=env,
            seconds=timeout,
            client=introduction(None, None, None),
            version=version,
            tap=None,
            revival=None,
        )

    async def look(agent: AcpAgent) -> str | None:
        info = agent.greeting.info
        return None if info is None else info.version

    try:
        told = await look_through(link, f"a look at the {backend} agent", look, backend=backend)
    except AgentError as error:
        return Diagnosis(backend, str(program), incomparable=_INCOMPARABLE, problems=(Problem.of(error),))
    return Diagnosis(backend, str(program), version=told, incomparable=_INCOMPARABLE)
