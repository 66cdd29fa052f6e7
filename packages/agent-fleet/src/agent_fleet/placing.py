"""Placing of sessions: which host takes the next one, within what tenants and hosts may have. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from agent_fleet.errors import TENANT_FULL, FleetError, FleetFullError
from agent_fleet.line import FleetHost
from agent_fleet.store.records import Load, Waiter

_HOW: Final = "`agent-sdk fleet status` lists them, `agent-sdk fleet join ADDRESS` adds one."


@dataclass(frozen=True, slots=True)
class Limits:
    """How many sessions may be open.

    Attributes:
        per_host: On one host; None: any number.
        per_tenant: Of one tenant; None: any number.
    """

    per_host: int | None = None
    per_tenant: int | None = None


def wanted(hosts: Iterable[FleetHost], names: Collection[str], labels: Mapping[str, str]) -> list[FleetHost]:
    """Return the hosts that were asked for: those of these names, with these labels.

    Args:
        hosts: All that there are.
        names: Their names; none: any.
        labels: What they have; none: anything.

    Raises:
        FleetError: There is none.
    """
    known = list(hosts)
    found = [
        host
        for host in known
        if (not names or host.name in names) and labels.items() <= dict(host.labels).items() and host.alive
    ]
    if not found:
        there = ", ".join(host.name for host in known if host.alive) or "none"
        raise FleetError(f"The fleet has no such host; it has: {there}. {_HOW}", code="no_such_host")
    return found


def place(
    hosts: Sequence[FleetHost],
    loads: Iterable[Load],
    *,
    tenant: str,
    limits: Limits,
    besides: str = "",
    waiting: Iterable[Waiter] = (),
    waiter: str = "",
) -> FleetHost:
    """Return the host of the next session: the one with the fewest.

    Where others wait for room as well, tenants take turns: the one with the fewest sessions first, of one tenant who
    has waited longest.

    Args:
        hosts: Those that may take it.
        loads: How many sessions are open, by host and tenant.
        tenant: Whose the next one is.
        limits: How many there may be.
        besides: A host that does not take it.
        waiting: Who waits for room.
        waiter: Who of them this is; one that is not among them comes after them.

    Raises:
        FleetFullError: The tenant has as many as it may, or no host takes one more, or others come before.
    """
    have, used = Counter[str](), Counter[str]()
    for load in loads:
        have[load.tenant] += load.sessions
        used[load.host] += load.sessions
    if limits.per_tenant is not None and have[tenant] >= limits.per_tenant:
        raise FleetFullError(
            f"Tenant {tenant!r} has {have[tenant]} open sessions, as many as it may. Close one first.",
            code=TENANT_FULL,
            details={"tenant": tenant, "open": have[tenant]},
        )
    free = [
        host
        for host in hosts
        if host.name != besides and not host.draining and (limits.per_host is None or used[host.name] < limits.per_host)
    ]
    if not free:
        raise FleetFullError(
            f"No host takes another session: {', '.join(_why(host, used) for host in hosts)}. Add a host.",
            details={"hosts": {host.name: used[host.name] for host in hosts}},
        )
    known = list(waiting)
    since = next((each.since for each in known if each.id == waiter), inf)
    before = [each for each in known if each.id != waiter and (have[each.tenant], each.since) < (have[tenant], since)]
    for host in sorted(free, key=lambda host: (used[host.name], host.name)):
        first = sum(host.name in each.hosts for each in before)
        if limits.per_host is None or used[host.name] + first < limits.per_host:
            return host
    raise FleetFullError(
        f"There is room, and {len(before)} come before: tenants take turns.", details={"before": len(before)}
    )


def _why(host: FleetHost, used: Mapping[str, int]) -> str:
    return f"{host.name} is drained" if host.draining else f"{host.name} has {used.get(host.name, 0)}"
