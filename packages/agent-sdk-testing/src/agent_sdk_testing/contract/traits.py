"""What agents differ in, by declaration: a case names what it needs, and is made only for the agents that have it.

A need is one of
- a field of `BackendCapabilities`, which the backend declares;
- a field of `SessionOptions`, unless its backend, or the agent, lists it in `unsupported_options`;
- ``mode:NAME`` or ``failure:NAME``, an entry of the agent's `modes` or `failures`, or ``policy_scope:NAME``;
- ``hook:NAME``, an event of `Hooks` that its backend has;
- ``turn:NAME``, a field of `TurnOptions` that its backend can change for one turn;
- a `Trait`, for what none of these says.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import fields
from typing import Final, Literal, Protocol, get_args

import pytest

from agent_sdk_core import AgentBackend, BackendCapabilities, SessionOptions

Trait = Literal[
    "process",
    "installed",
    "edits",
    "multi_file_edits",
    "deletes",
    "background",
    "output_streams",
    "parallel_requests",
    "thinking",
    "questions",
    "plans",
    "session_grants",
    "lasting_grants",
    "added_directories",
    "archive",
]
"""What an agent may have beside its capabilities:

- ``process``: it runs in processes of its own; the agent is a `ProcessAgent`, which declares this for it.
- ``installed``: its backend is registered as an entry point and finds its executable by itself.
- ``edits``: it has tools that write and edit files; see `Agent.patch`.
- ``multi_file_edits``: one call of such a tool can change several files, in one permission request.
- ``deletes``: such a tool can delete files.
- ``background``: a command can go on when its turn has ended; see `wait` of `Agent.command`.
- ``output_streams``: what a command prints is told while it runs.
- ``parallel_requests``: it can ask for several permissions at the same time; see `Agent.asking`.
- ``thinking``: it tells what the model thinks.
- ``questions``: it has a tool that asks the user; see `Agent.question`.
- ``plans``: in permission mode "plan" it proposes plans; see `Agent.plan`.
- ``session_grants``: a permission can be given for the rest of the session.
- ``lasting_grants``: a permission can be given for good.
- ``added_directories``: folders can be added to an open session, with an answer.
- ``archive``: stored sessions can be archived.
"""

TRAITS: Final[frozenset[str]] = frozenset(get_args(Trait))
CAPABILITIES: Final = tuple(field.name for field in fields(BackendCapabilities))
OPTIONS: Final = tuple(SessionOptions.model_fields)


class Declared(Protocol):
    """What an agent declares; the class of an `Agent`."""

    @property
    def traits(self) -> frozenset[Trait]:
        """What it has beside what its backend declares."""
        ...

    @property
    def unsupported_options(self) -> frozenset[str]:
        """The options that raise beside those that its backend declares."""
        ...

    @property
    def apart(self) -> frozenset[str]:
        """The needs whose cases are not made for it."""
        ...

    @property
    def modes(self) -> Container[str]:
        """The permission modes that it has."""
        ...

    @property
    def failures(self) -> Container[str]:
        """The ways in which its model can be made to fail."""
        ...

    def backend_class(self) -> type[AgentBackend]:
        """Return the class of its backend."""
        ...


def needs(*names: str) -> pytest.MarkDecorator:
    """Mark a case, a file of cases or one parameter as only for agents that have all of this."""
    return pytest.mark.contract(needs=names)


def lacks(*names: str) -> pytest.MarkDecorator:
    """Mark a case, a file of cases or one parameter as only for agents that have none of this."""
    return pytest.mark.contract(lacks=names)


def applies(item: pytest.Item, agent: Declared) -> bool:
    """Tell whether a case is for an agent, by its marks."""
    for mark in item.iter_markers("contract"):
        named = {*mark.kwargs.get("needs", ()), *mark.kwargs.get("lacks", ())}
        if any(name in agent.apart or name.partition(":")[0] in agent.apart for name in named):
            return False
        if not all(has(agent, name) for name in mark.kwargs.get("needs", ())):
            return False
        if any(has(agent, name) for name in mark.kwargs.get("lacks", ())):
            return False
    return True


def has(agent: Declared, name: str) -> bool:
    """Tell whether an agent has what a mark names.

    Raises:
        ValueError: The name means nothing.
    """
    table, _, entry = name.rpartition(":")
    match table:
        case "mode":
            return entry in agent.modes
        case "failure":
            return entry in agent.failures
        case "hook":
            return entry in agent.backend_class().capabilities.hooks
        case "turn":
            return entry in agent.backend_class().capabilities.turn_options
        case "policy_scope":
            return entry == agent.backend_class().capabilities.policy_scope
        case "" if name in TRAITS:
            return name in agent.traits
        case "" if name in CAPABILITIES and name not in (
            "permission_modes",
            "policy_scope",
            "hooks",
            "turn_options",
            "unsupported_options",
        ):
            return getattr(agent.backend_class().capabilities, name)
        case "" if name in OPTIONS:
            return name not in agent.unsupported_options | agent.backend_class().capabilities.unsupported_options
        case _:
            raise ValueError(f"{name!r} is no capability, no option, no trait and no entry of a table of the agent.")
