"""A fleet: sessions of coding agents on many hosts, over Ray, each on the host that has its workspace.

`import agent_fleet` does not load Ray; a backend does when it starts.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agent_fleet.backend import FleetBackend
    from agent_fleet.errors import FleetError, FleetFullError, FleetStoreError, HostGoneError, HostLostError
    from agent_fleet.line import FleetHost
    from agent_fleet.session import FleetSession
    from agent_fleet.store.fleet_store import FleetStore
    from agent_fleet.workspaces import GitClone, GitWorktree, WorkspaceProvider

__all__ = [
    "FleetBackend",
    "FleetError",
    "FleetFullError",
    "FleetHost",
    "FleetSession",
    "FleetStore",
    "FleetStoreError",
    "GitClone",
    "GitWorktree",
    "HostGoneError",
    "HostLostError",
    "WorkspaceProvider",
]

__version__ = "0.1.0"

_HOMES: Final = {
    "FleetBackend": "backend",
    "FleetError": "errors",
    "FleetFullError": "errors",
    "FleetHost": "line",
    "FleetSession": "session",
    "FleetStore": "store.fleet_store",
    "FleetStoreError": "errors",
    "GitClone": "workspaces",
    "GitWorktree": "workspaces",
    "HostGoneError": "errors",
    "HostLostError": "errors",
    "WorkspaceProvider": "workspaces",
}


def __getattr__(name: str) -> object:
    """Load a name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
