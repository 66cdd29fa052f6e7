"""Errors of a fleet: beside those of the agents, what only many machines have."""

from __future__ import annotations

from typing import Any, Final

from agent_sdk_core.errors import ConnectionLostError, SessionError, StartError

TENANT_FULL: Final = "tenant_full"
"""Code of the error of a tenant that has as many sessions as it may."""


class HostGoneError(ConnectionLostError):
    """A host does not answer for now: its worker died, or its machine did; most come back."""

    default_code = "host_gone"
    default_retryable = True


class HostLostError(ConnectionLostError):
    """A host is gone for good, and its session cannot go on elsewhere.

    Attributes:
        resumable: Whether the session can be resumed once the host is back, or on another one.
        reason: Why it does not go on.
    """

    default_code = "host_lost"

    def __init__(self, message: str, *, resumable: bool = False, reason: str = "", **fields: Any) -> None:
        details: dict[str, object] = {**(fields.pop("details", None) or {}), "resumable": resumable, "reason": reason}
        super().__init__(message, details=details, **fields)
        self.resumable = resumable
        self.reason = reason


class FleetFullError(SessionError):
    """No host takes another session now, or the tenant has as many as it may."""

    default_code = "fleet_full"
    default_retryable = True


class FleetError(StartError):
    """The cluster cannot be reached, started, or used; the message says what to do."""

    default_code = "fleet_unavailable"


class FleetStoreError(ConnectionLostError):
    """The store of the fleet cannot be read or written now."""

    default_code = "fleet_store_unavailable"
    default_retryable = True


class WorkspaceError(StartError):
    """The folder of a session cannot be made on its host."""

    default_code = "workspace_unavailable"


def ray_missing() -> FleetError:
    """Return the error of an environment without Ray."""
    return FleetError('A fleet needs Ray: `pip install "agent-sdk[fleet]"`.', code="ray_not_installed")
