"""A VS Code server with the extension in it: on loopback, with a home of its own, ended with all that it started."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from tests.vscode import installing

SETTINGS: Final[Mapping[str, Any]] = {
    "workbench.startupEditor": "none",
    "workbench.editor.useModal": "off",
    "telemetry.telemetryLevel": "off",
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "chat.disableAIFeatures": True,
    "remote.autoForwardPorts": False,
    "git.openRepositoryInParentFolders": "never",
    "security.workspace.trust.enabled": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
}
_LISTENING: Final = re.compile(r"Extension host agent listening on (\d+)")


class Editor:
    """One VS Code server.

    Args:
        home: Its home, and that of everything it starts.
        vsix: The extension that is installed into it.
        env: The environment beside that.
        settings: Settings of the user, over the usual ones.
        trusts: Whether every folder is trusted, without a question.
        arguments: Further arguments of the server.
    """

    def __init__(
        self,
        home: Path,
        vsix: Path | None,
        *,
        env: Mapping[str, str],
        settings: Mapping[str, Any] | None = None,
        trusts: bool = True,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self.home = home
        self.port = 0
        self.log: list[str] = []
        self._vsix = vsix
        self._trusts = trusts
        self._arguments = arguments
        self._settings = {**SETTINGS, "security.workspace.trust.enabled": not trusts, **(settings or {})}
        self._env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            **env,
            "HOME": str(home),
            "TMPDIR": str(home / "tmp"),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_DATA_HOME": str(home / ".local" / "share"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "AGENT_SDK_EDITOR_TEST": str(home),
        }
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Install the extension, and wait until the server answers."""
        machine = self.home / "server" / "data" / "Machine"
        for folder in (machine, self.home / "tmp", self.home / "extensions"):
            folder.mkdir(parents=True, exist_ok=True)
        (machine / "settings.json").write_text(json.dumps(self._settings))
        if self._vsix is not None:
            done = subprocess.run(
                [*self._command(), "--install-extension", str(self._vsix)],
                env=self._env,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert "successfully installed" in done.stdout, done.stdout + done.stderr
        trust = ("--disable-workspace-trust",) if self._trusts else ()
        self._process = subprocess.Popen(
            [
                *self._command(),
                *("--host", "127.0.0.1", "--port", "0", "--without-connection-token", "--telemetry-level", "off"),
                *trust,
                *self._arguments,
            ],
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        ports: queue.Queue[int | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(self._process, ports), daemon=True)
        self._reader.start()
        port = ports.get(timeout=120)
        assert port is not None, "\n".join(self.log)
        self.port = port

    def address(self, folder: Path, payload: list[list[str]] | None = None) -> str:
        """Return the address of a window on a folder."""
        more = f"&payload={quote(json.dumps(payload))}" if payload else ""
        return f"http://127.0.0.1:{self.port}/?folder={quote(str(folder))}{more}"

    def processes(self, words: str = "") -> dict[int, str]:
        """Return the processes of this server that still run, whose command line holds some words.

        A child that has not become another program yet has the command line of its parent, and is left out.
        """
        found: dict[int, str] = {}
        parents: dict[int, int] = {}
        tag = f"AGENT_SDK_EDITOR_TEST={self.home}".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                if command and words in command and tag in (entry / "environ").read_bytes().split(b"\0"):
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                    found[int(entry.name)] = command
            except OSError:
                continue
        return {pid: command for pid, command in found.items() if found.get(parents[pid]) != command}

    def wait_gone(self, words: str, *, seconds: float = 40) -> dict[int, str]:
        """Wait until no such process runs, and return those that do nevertheless."""
        until = time.monotonic() + seconds
        while (left := self.processes(words)) and time.monotonic() < until:
            time.sleep(0.1)
        return left

    def stop(self) -> None:
        """End the server and what it started."""
        if self._process is None:
            return
        # At once: what VS Code does when it is asked to end is not what is tried here.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(20)
        self._reader.join(20)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def _command(self) -> list[str]:
        return [
            str(installing.node()),
            str(installing.ROOT / "out" / "server-main.js"),
            "--accept-server-license-terms",
            *("--server-data-dir", str(self.home / "server")),
            *("--extensions-dir", str(self.home / "extensions")),
        ]

    def _read(self, process: subprocess.Popen[str], ports: queue.Queue[int | None]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.log.append(line.rstrip())
            if (found := _LISTENING.search(line)) is not None:
                ports.put(int(found[1]))
        ports.put(None)
