"""What the store tells of sessions and prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

PromptState = Literal["accepted", "dispatched", "ended"]


@dataclass(frozen=True, slots=True)
class FleetSessionRow:
    """A session of a fleet.

    Attributes:
        id: The fleet's own id, which stays.
        backend: The agent.
        tenant: Whose it is.
        workspace: Folder that it works in, as its host knows it.
        session_id: What the agent called it first, None before it was open.
        resolved_session_id: What the agent calls it now.
        host: The host that it is on.
        owner: Who may write it.
        generation: How many owners it has had.
        expires: Until when, Unix time in seconds by the database's clock; 0: nobody may.
        live: Whether its lease holds.
    """

    id: str
    backend: str
    tenant: str
    workspace: str | None
    session_id: str | None
    resolved_session_id: str | None
    host: str
    owner: str
    generation: int
    expires: float
    live: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """How many sessions of one tenant are open on one host.

    Attributes:
        host: The host.
        tenant: The tenant.
        sessions: How many, at least one.
    """

    host: str
    tenant: str
    sessions: int


@dataclass(frozen=True, slots=True)
class Waiter:
    """An opening that waits for room.

    Attributes:
        id: Its identity.
        tenant: Whose it is.
        hosts: Where it may be placed.
        since: When it began to wait, Unix time in seconds by the database's clock.
    """

    id: str
    tenant: str
    hosts: frozenset[str]
    since: float


@dataclass(frozen=True, slots=True)
class FleetPromptRow:
    """A prompt of a session.

    Attributes:
        uuid: Its identity.
        content: It and the options of its turn, as they cross.
        state: How far it came.
        generation: Which owner handed it to the agent.
        result: The message that ended it, as it crosses.
    """

    uuid: str
    content: Any
    state: PromptState
    generation: int
    result: Any = None
