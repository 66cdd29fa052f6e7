"""The command line of one machine, as a test types on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.fleet.cluster import Cluster

from agent_fleet.plane.folder import FleetFolder

_SECONDS = 200


class Shell:
    """One machine's command line, with a folder of its own for what it knows of its fleet.

    Args:
        folder: The folder.
        cluster: The fleet whose token it has; None: none.
    """

    def __init__(self, folder: Path, cluster: Cluster | None = None) -> None:
        self.folder = FleetFolder(folder)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AGENT_SDK_"))}
        self.env = {**kept, "AGENT_SDK_CONFIG": os.devnull, "AGENT_SDK_FLEET_DIR": str(folder)}
        if cluster is not None:
            self.env["AGENT_SDK_FLEET_TOKEN"] = cluster.folder.token_path.read_text()

    def run(self, *words: str, **env: str) -> tuple[int, Any, str]:
        """Run a command of `agent-sdk fleet`, and return its exit code, what it printed as JSON, and its errors."""
        done = subprocess.run(
            [sys.executable, "-m", "agent_chat", "fleet", *words, "--json"],
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr
