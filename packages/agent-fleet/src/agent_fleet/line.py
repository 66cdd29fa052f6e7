"""`HostLine`: the way to one host, whatever engine carries it, and `Plane`: the hosts that there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent_sdk_core.arguments import checked_class


@checked_class()
@dataclass(frozen=True, slots=True)
class FleetHost:
    """A machine, or a part of one, that runs sessions.

    Attributes:
        name: What it is called in `agent-sdk fleet`.
        address: Where its node is.
        alive: Whether its node answers.
        draining: Whether it takes no new sessions.
        memory: Bytes of memory that its node has.
        labels: Words to choose it by.
    """

    name: str
    address: str
    alive: bool = True
    draining: bool = False
    memory: int = 0
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class HostSpec:
    """What runs on a host for a client.

    Attributes:
        backend: The agent.
        tenant: Whose sessions they are.
        store: URL of the fleet's store.
        arguments: What the agent's backend is made with, as JSON-compatible data.
        lease_seconds: How long a lease lasts.
        abandoned_seconds: How long a session is kept that rests and whose client is silent.
    """

    backend: str
    tenant: str
    store: str
    arguments: Mapping[str, Any]
    lease_seconds: float
    abandoned_seconds: float


class HostLine(ABC):
    """The way to the session host of one machine, backend and tenant.

    Attributes:
        host: Name of the host.
    """

    host: str

    @abstractmethod
    async def request(self, method: str, params: Mapping[str, Any], *, timeout: float) -> Any:
        """Ask the host, and return what it answers.

        Args:
            method: What `RemoteHost.call` takes.
            params: Its parameters.
            timeout: Seconds after which the host counts as gone.

        Raises:
            HostGoneError: It does not answer; it may have done what it was asked.
            AgentError: What the host raised.
        """

    @abstractmethod
    async def retire(self) -> None:
        """Let the host end what it runs for this client, if nobody uses it; bounded, never raises."""


class Plane(ABC):
    """An engine that carries calls to hosts."""

    @abstractmethod
    async def start(self) -> None:
        """Reach the cluster.

        Raises:
            FleetError: It cannot be reached.
        """

    @abstractmethod
    async def hosts(self) -> Sequence[FleetHost]:
        """Return the hosts that there are.

        Raises:
            FleetError: It does not answer.
        """

    @abstractmethod
    async def line(self, host: str, spec: HostSpec) -> HostLine:
        """Return the way to a host, which is started where it does not run.

        Raises:
            HostGoneError: There is no such host now.
            UnsupportedVersionError: It has another version of what both must have alike.
        """
