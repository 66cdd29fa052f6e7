"""`FleetFolder`: what this machine knows of the fleet that it is in: where its head is, its token, its own nodes."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, cast

from agent_fleet.errors import FleetError
from agent_sdk_core.paths import own_folder
from agent_sdk_core.redaction import learn

FOLDER_VARIABLE: Final = "AGENT_SDK_FLEET_DIR"
TOKEN_VARIABLE: Final = "AGENT_SDK_FLEET_TOKEN"  # noqa: S105  # a name
_STATE: Final = "fleet.json"
_TOKEN: Final = "token"  # noqa: S105  # a name


@dataclass(frozen=True, slots=True)
class Node:
    """A node that was started here.

    Attributes:
        name: The host's name.
        pid: The process that holds it.
        tag: In the environment of all that it started.
        head: Whether it is the head of the fleet.
        address: Where it is.
        scratch: Folder of its sockets and logs, which goes with it; empty: it has none of its own.
    """

    name: str
    pid: int
    tag: str
    head: bool
    address: str
    scratch: str = ""


class FleetFolder:
    """A folder that only its owner reads.

    Args:
        path: It; absent: `AGENT_SDK_FLEET_DIR`, else `agent-sdk/fleet` in the platform's folder for data.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or _default_path()

    @property
    def token_path(self) -> Path:
        """File of the token by which nodes and programs know each other."""
        return self.path / _TOKEN

    @property
    def address(self) -> str | None:
        """Where the head is, "HOST:PORT"; None: this machine is in no fleet."""
        found = self._read().get("address")
        return str(found) if found else None

    @property
    def nodes(self) -> list[Node]:
        """The nodes that were started here."""
        return [Node(**node) for node in self._read().get("nodes", [])]

    def make(self) -> None:
        """Make the folder.

        Raises:
            FleetError: It cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise FleetError(f"The folder {self.path} cannot be made: {error.strerror}.") from None

    def note(self, address: str, nodes: list[Node]) -> None:
        """Write down where the head is, and the nodes of this machine."""
        self.make()
        part = self.path / f".{_STATE}.{os.getpid()}"
        part.write_text(json.dumps({"address": address, "nodes": [asdict(node) for node in nodes]}))
        part.replace(self.path / _STATE)

    def forget(self) -> None:
        """Note that this machine is in no fleet."""
        (self.path / _STATE).unlink(missing_ok=True)

    def make_token(self, given: str | None = None) -> None:
        """Write the token: the given one, else the one that is there, else a new one."""
        self.make()
        if given is None and self.token_path.exists():
            return
        token = given or secrets.token_hex(32)
        learn(token)
        handle = os.open(self.token_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(token)

    def environment(self) -> dict[str, str]:
        """Return what Ray has to find in its environment: token authentication is always on where there is a token."""
        if not self.token_path.exists():
            return {}
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.token_path)}

    def _read(self) -> Mapping[str, Any]:
        try:
            found: Any = json.loads((self.path / _STATE).read_text())
        except (OSError, ValueError):
            return {}
        return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def _default_path() -> Path:
    if given := os.environ.get(FOLDER_VARIABLE):
        return Path(given)
    from platformdirs import user_data_path

    return own_folder(user_data_path) / "fleet"
