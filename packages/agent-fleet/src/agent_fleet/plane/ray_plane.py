"""`RayPlane`: a Ray cluster as the engine of a fleet; Ray is loaded when it is started."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib import import_module
from typing import Any, Final

from pydantic_core import from_json, to_json

from agent_fleet.errors import FleetError, HostGoneError, ray_missing
from agent_fleet.line import FleetHost, HostLine, HostSpec, Plane
from agent_fleet.plane.addresses import is_address, is_same, route_to
from agent_fleet.plane.folder import FleetFolder
from agent_fleet.plane.loopback import is_loopback, keep_loopback
from agent_fleet.plane.output import keep_output
from agent_fleet.versions import refuse_if_ray_does, require_same, versions_of
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.wire.error_form import error_from_wire
from agent_sdk_core.wire.json_lines import json_text

_log = logging.getLogger(__name__)

NAMESPACE: Final = "agent-sdk"
RESOURCE: Final = "agent_host:"
"""What a node's custom resource is called that makes it a host: this, and the host's name."""

DRAINED: Final = "agent_sdk:drained:"
SETTINGS: Final = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Under `uv run` Ray would send the program's whole folder to every host, and start its workers by `uv run` there.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    # Ray has workers, and so the agents that they run, come after everything else on their machine: an interrupt would
    # wait for whatever is busy there.
    "RAY_worker_niceness": "0",
}
"""What Ray reads in its environment, unless that says otherwise."""

START_SECONDS: Final = 60.0
_RETIRE_SECONDS: Final = 10.0
_SHARE: Final = 0.0001
_CALLS: Final = 4_000
"""Calls that a host answers at once: each session has one that waits for its next batch."""


class RayPlane(Plane):
    """A Ray cluster.

    Args:
        address: "auto" for the one of this machine, or "HOST:PORT" of its head.

    Raises:
        InvalidRequestError: It is neither; Ray by itself would start a cluster for some.
    """

    def __init__(self, address: str = "auto") -> None:
        if address != "auto" and not is_address(address):
            raise InvalidRequestError(f"The address of a fleet is 'auto', or HOST:PORT of its head, not {address!r}.")
        self.address = address

    async def start(self) -> None:
        """Reach the cluster; a process is in one at a time."""
        await asyncio.to_thread(connect, self.address)

    async def hosts(self) -> Sequence[FleetHost]:
        """Return the nodes that are hosts: by the name they were given, else by their address.

        Raises:
            FleetError: The cluster does not answer.
        """
        try:
            return await asyncio.to_thread(list_hosts)
        except _failures() as error:
            raise FleetError(f"The fleet does not tell its hosts: {_first_line(error)}") from None

    async def line(self, host: str, spec: HostSpec) -> HostLine:
        """Return the way to a host's actor, which is made where there is none."""
        made = RayLine(host, spec)
        await made.check()
        return made


class RayLine(HostLine):
    """The way to the actor of one host, backend, tenant and arguments.

    Args:
        host: The host.
        spec: What it runs.
    """

    def __init__(self, host: str, spec: HostSpec) -> None:
        self.host = host
        self._spec = to_json({**asdict(spec), "host": host})
        digest = hashlib.sha256(self._spec).hexdigest()[:12]
        self._name = f"{host}/{spec.backend}/{spec.tenant}/{digest}"
        self._handle: Any = None
        self._getting = asyncio.Lock()

    async def check(self) -> None:
        """Refuse a host of other versions.

        Raises:
            HostGoneError: It does not answer.
            UnsupportedVersionError: It has other versions.
        """
        require_same(self.host, json.loads(await self._call("versions", timeout=START_SECONDS)))

    async def request(self, method: str, params: Mapping[str, Any], *, timeout: float) -> Any:
        """Ask the host."""
        body = json_text({"method": method, "params": params}).encode()
        answer: dict[str, Any] = from_json(await self._call("request", body, timeout=timeout))
        if (failure := answer.get("failure")) is not None:
            raise error_from_wire(failure)
        return answer["result"]

    async def retire(self) -> None:
        """End the actor, if nobody has a session on it."""
        if self._handle is None:
            return
        try:
            if await self._call("shutdown", timeout=_RETIRE_SECONDS) and self._handle is not None:
                await asyncio.to_thread(_kill, self._handle)
        except HostGoneError as error:
            _log.debug("host %s: %s", self.host, error)
        self._handle = None

    async def _call(self, method: str, *arguments: Any, timeout: float) -> Any:
        try:
            async with asyncio.timeout(timeout):
                handle = await self._actor()
                return await getattr(handle, method).remote(*arguments)
        except TimeoutError:
            raise HostGoneError(
                f"Host {self.host} did not answer within {timeout:g} s.", details={"host": self.host}
            ) from None
        except _failures() as error:
            self._handle = None
            raise HostGoneError(
                f"Host {self.host} is gone: {_first_line(error)}",
                details={"host": self.host, "error": type(error).__name__},
            ) from None

    async def _actor(self) -> Any:
        async with self._getting:
            if self._handle is None:
                self._handle = await asyncio.to_thread(partial(_actor, self.host, self._name, self._spec))
            return self._handle


def _failures() -> tuple[type[Exception], ...]:
    """Return what Ray raises where it is not reached, or something in it is gone."""
    return (import_module("ray.exceptions").RayError, ValueError, ConnectionError)


def _first_line(error: Exception) -> str:
    said = str(error).strip().splitlines() or [type(error).__name__]
    return said[0][:300]


def connect(address: str) -> None:
    """Connect this process to a cluster, unless it is connected; blocks.

    Raises:
        FleetError: There is none, or Ray is not installed.
        UnsupportedVersionError: It has another Ray or Python.
    """
    folder = FleetFolder()
    for name, value in folder.environment().items():
        os.environ.setdefault(name, value)  # Ray reads them when it is loaded.
    ray = load_ray()
    if ray.is_initialized():
        there = str(ray.get_runtime_context().gcs_address)
        if address != "auto" and not is_same(address, there):
            raise FleetError(
                f"This process is in the fleet at {there} already, and in one at a time; the one at {address} needs "
                "another process.",
                code="in_another_fleet",
                details={"address": there},
            )
        return
    if address == "auto" and folder.address is not None:
        address = folder.address
    if address != "auto":
        route_to(address)
    here = "127.0.0.1" if is_loopback(address.rpartition(":")[0] or address) else None
    if here is not None:
        keep_loopback()
    keep_output()
    logging.getLogger("ray._private.worker").addFilter(_is_news)
    options: dict[str, Any] = {} if here is None else {"_node_ip_address": here}
    try:
        ray.init(
            address=address,
            namespace=NAMESPACE,
            log_to_driver=False,
            configure_logging=False,
            include_dashboard=None,
            **options,
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        refuse_if_ray_does(f"The fleet at {address!r}", str(error))
        reason = str(error).strip().splitlines() or [type(error).__name__]
        if reason[0].startswith("Failed to connect to Ray cluster"):
            reason = ["what listens there is no fleet, or has another token than this machine."]
        raise FleetError(
            f"The fleet at {address!r} cannot be reached: {reason[0]} `agent-sdk fleet up` starts one on this machine.",
            details={"address": address},
        ) from error


def _is_news(record: logging.LogRecord) -> bool:
    """Tell whether a warning of Ray's says something: not that it leaves a program's signals to the program."""
    return "SIGTERM handler is not set" not in record.getMessage()


def disconnect() -> None:
    """Leave the cluster, if this process is in one."""
    if "ray" in sys.modules:
        load_ray().shutdown()


def load_ray() -> Any:
    """Return Ray, which takes some seconds to load the first time.

    Raises:
        FleetError: It is not installed.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        return import_module("ray")
    except ImportError:
        raise ray_missing() from None


def list_hosts() -> list[FleetHost]:
    """Return the nodes of the cluster that are hosts; blocks."""
    ray: Any = load_ray()
    return [_host(node) for node in ray.nodes()]


def drained(name: str) -> bool:
    """Tell whether a host takes no new sessions; blocks."""
    return bool(_kept()._internal_kv_get(f"{DRAINED}{name}".encode()))  # noqa: SLF001  # Ray's only one


def set_drained(name: str, *, value: bool) -> None:
    """Note whether a host takes no new sessions; blocks."""
    key = f"{DRAINED}{name}".encode()
    if value:
        _kept()._internal_kv_put(key, b"1", overwrite=True)  # noqa: SLF001  # Ray's only one
    else:
        _kept()._internal_kv_del(key)  # noqa: SLF001  # Ray's only one


def _kept() -> Any:
    """Return what the cluster keeps by key, as long as its head lives."""
    return import_module("ray.experimental.internal_kv")


def _host(node: Mapping[str, Any]) -> FleetHost:
    resources: Mapping[str, float] = node.get("Resources") or {}
    labels: Mapping[str, object] = node.get("Labels") or {}
    address = str(node["NodeManagerAddress"])
    named = [name.removeprefix(RESOURCE) for name in resources if name.startswith(RESOURCE)]
    name = named[0] if named else address if node["Alive"] else str(node.get("NodeName") or address)
    return FleetHost(
        name=name,
        address=address,
        alive=bool(node["Alive"]),
        draining=drained(name),
        memory=int(resources.get("memory", 0)),
        labels={str(key): str(value) for key, value in labels.items()},
    )


def _actor(host: str, name: str, spec: bytes) -> Any:
    """Return the actor of a host, made where there is none: detached, pinned to the host, restarted for ever."""
    from agent_fleet.plane.actor import HostActor

    ray = load_ray()
    known = {each.name: each for each in list_hosts() if each.alive}
    if host not in known:
        raise HostGoneError(f"The fleet has no host {host!r} now.", details={"host": host})
    if (told := versions_of(known[host].labels)) is not None:
        require_same(host, told)  # Before it is given what it may not be able to load.
    resources = ray.cluster_resources()
    resource = f"{RESOURCE}{host}" if f"{RESOURCE}{host}" in resources else f"node:{host}"
    return (
        ray.remote(HostActor)
        .options(
            name=name,
            namespace=NAMESPACE,
            get_if_exists=True,
            lifetime="detached",
            num_cpus=0,
            resources={resource: _SHARE},
            max_restarts=-1,
            max_task_retries=0,
            max_concurrency=_CALLS,
        )
        .remote(spec)
    )


def _kill(handle: Any) -> None:
    load_ray().kill(handle, no_restart=True)
