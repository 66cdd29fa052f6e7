"""A `codex app-server` that listens, as somebody else would have started it."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from agent_sdk_core import Secret

Transport = Literal["unix", "tcp"]

_SECONDS: Final = 60.0
_LISTENING: Final = re.compile(rb"listening on: (ws://\S+)")


class ListeningServer:
    """One server; started by `start`, or as a context manager.

    Args:
        executable: The codex executable.
        env: Its whole environment.
        folder: For its socket and its token.
        transport: Whether it listens on a unix socket, or on TCP.
        wants_token: Whether it wants a capability token there.

    Attributes:
        token: What it wants shown, on TCP.
    """

    def __init__(
        self,
        executable: Path,
        env: Mapping[str, str],
        folder: Path,
        transport: Transport,
        *,
        wants_token: bool = True,
    ) -> None:
        self._executable = executable
        self._env = env
        self._folder = folder
        self._transport: Transport = transport
        self._wants_token = wants_token
        self._port = 0
        self._listening = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self.token = secrets.token_hex(16)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.end()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"unix://{self._socket}" if self._transport == "unix" else f"ws://127.0.0.1:{self._port}"

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What `CodexBackend` needs to reach it."""
        shown = {"token": Secret(self.token)} if self._transport == "tcp" and self._wants_token else {}
        return {"url": self.url, **shown}

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Its process."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start it, at the address of last time if there was one, and return when it listens."""
        self._listening.clear()
        self._process = subprocess.Popen(
            [os.fspath(self._executable), "app-server", "--listen", *self._listen()],
            env=dict(self._env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        threading.Thread(target=self._read_log, args=(self._process,), daemon=True).start()
        if self._transport == "unix":
            self._until_it_answers()
        elif not self._listening.wait(_SECONDS):
            raise TimeoutError("codex app-server does not listen")

    def end(self, hint: signal.Signals = signal.SIGKILL) -> None:
        """End it, and wait for that."""
        if self._process is not None:
            self._process.send_signal(hint)
            self._process.wait(_SECONDS)

    @property
    def _socket(self) -> Path:
        return self._folder / "s"

    def _listen(self) -> Sequence[str]:
        if self._transport == "unix":
            return [self.url]
        if not self._wants_token:
            return [f"ws://127.0.0.1:{self._port}"]
        token = self._folder / "token"
        token.write_text(self.token)
        return [f"ws://127.0.0.1:{self._port}", "--ws-auth", "capability-token", "--ws-token-file", os.fspath(token)]

    def _read_log(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with process.stderr as log:
            for line in log:
                if found := _LISTENING.search(line):
                    self._port = int(found[1].rpartition(b":")[2])
                    self._listening.set()

    def _until_it_answers(self) -> None:
        """Wait until its socket takes connections, which it tells nowhere."""
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as tried:
                    tried.connect(os.fspath(self._socket))
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
            time.sleep(0.01)
