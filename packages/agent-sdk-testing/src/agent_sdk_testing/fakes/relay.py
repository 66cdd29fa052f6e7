"""The program that a fake agent starts as the agent: it passes stdin on to the test, and does what the test says.

It knows no protocol. It runs by its path, without this package and without site-packages, so that it starts in some
milliseconds. Each line on the control socket is a JSON object with one key, in both directions.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

_CHUNK = 64 * 1024


class Child:
    """The fake's process: a relay between its pipes and the control socket.

    Args:
        control: Connected socket to the test.
        stdin: Descriptor of what the SDK writes.
        stdout: Descriptor of what the SDK reads.
        stderr: Descriptor of the log.
        leave: Ends the process with an exit code.
        ignore_eof: Whether the end of stdin leaves it running.
    """

    def __init__(
        self,
        control: socket.socket,
        *,
        stdin: int = 0,
        stdout: int = 1,
        stderr: int = 2,
        leave: Callable[[int], object] = os._exit,
        ignore_eof: bool = False,
    ) -> None:
        self._control = control
        self._stdin = stdin
        self._outputs = {"out": stdout, "err": stderr}
        self._leave = leave
        self._ignore_eof = ignore_eof
        self._deafened, self._deafen = os.pipe()

    def pass_on(self) -> None:
        """Send what comes on stdin to the test, chunk by chunk, until stdin ends; then end the process.

        Where the test closes it, the process goes on.
        """
        with contextlib.suppress(OSError):
            while True:
                # A descriptor that is being read from stays open whoever closes it.
                if self._deafened in select.select([self._stdin, self._deafened], (), ())[0]:
                    os.close(self._stdin)
                    return
                if not (chunk := os.read(self._stdin, _CHUNK)):
                    break
                self.tell({"in": base64.b64encode(chunk).decode()})
            self.tell({"eof": True})
        if not self._ignore_eof:
            self._leave(0)

    def obey(self) -> None:
        """Do what the test says, in order, until it hangs up; then end the process."""
        with contextlib.suppress(OSError), self._control.makefile("rb") as lines:
            for line in lines:
                for name, value in json.loads(line).items():
                    self._do(name, value)
        self._leave(0)

    def tell(self, message: dict[str, Any]) -> None:
        """Send one message to the test."""
        self._control.sendall(json.dumps(message).encode() + b"\n")

    def _do(self, name: str, value: Any) -> None:
        match name:
            case "out" | "err":
                self._write(self._outputs[name], base64.b64decode(value))
            case "fill":
                for _ in range(value // _CHUNK):
                    self._write(self._outputs["out"], b"x" * _CHUNK)
                self._write(self._outputs["out"], b"x" * (value % _CHUNK))
            case "close" if value == "in":
                os.write(self._deafen, b"!")
            case "close":
                os.close(self._outputs[value])
            case "child":
                # It holds the pipes, in a session of its own, which a signal to the agent's group does not reach.
                subprocess.Popen(["sleep", str(value)], start_new_session=True)  # noqa: S607  # wherever it is
            case "exit":
                self._leave(value)
            case _:
                os.kill(os.getpid(), value)

    def _write(self, descriptor: int, data: bytes) -> None:
        with contextlib.suppress(OSError):  # The reader has gone; the test sees that at its own end.
            while data:
                data = data[os.write(descriptor, data) :]


def main(address: str, *flags: str) -> None:
    """Run as an agent: the control socket's address, `--ignore-eof`, `--ignore-sigterm`, then its own arguments."""
    if "--ignore-sigterm" in flags:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    control = socket.socket(socket.AF_UNIX)
    control.connect(address)
    child = Child(control, ignore_eof="--ignore-eof" in flags)
    arguments = [flag for flag in flags if not flag.startswith("--ig")]
    child.tell({"started": {"pid": os.getpid(), "arguments": arguments, "cwd": os.getcwd()}})  # noqa: PTH109  # no pathlib
    threading.Thread(target=child.pass_on, daemon=True).start()
    child.obey()


if __name__ == "__main__":
    main(*sys.argv[1:])
