"""The program that Codex runs as a hook: it hands what it is told to the process that hosts the session.

Codex (0.163) goes on with what a hook guards when that ends with any exit code but 2, is killed, or says what it cannot
read. So whatever goes wrong here, a deadline of its own included, is answered by what stops the event, where one can.

Runs alone, with the standard library: `relay.py SOCKET EVENT SECONDS`.
"""

from __future__ import annotations

import json
import socket
import sys

_LONGEST = 2**31 / 1000
"""Seconds that a socket can be told to wait; what is meant to be longer is as long as Codex waits for this program."""

_ENDS = ("Stop", "SubagentStop", "SubagentStart", "PostCompact")
"""Events whose hooks guard nothing: a turn or a sub-agent that would end, what has happened already."""


def failed(event: str, why: str) -> tuple[str, str, int]:
    """Return what is written, what is written to stderr, and the exit code, where nobody could be asked."""
    reason = f"The application's hooks could not be asked: {why}."
    if event in _ENDS:
        return "{}", reason, 0
    if event == "PreCompact":  # Exit code 2 would let it go on.
        return json.dumps({"continue": False, "stopReason": reason}), "", 0
    return "", reason, 2


def ask(path: str, seconds: float, told: bytes) -> tuple[str, str, int]:
    """Return what the host answers to an event."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds if seconds < _LONGEST else None)
        connection.connect(path)
        connection.sendall(told)
        connection.shutdown(socket.SHUT_WR)
        answer = bytearray()
        while chunk := connection.recv(65_536):
            answer += chunk
    out, err, code = json.loads(answer)
    return str(out), str(err), int(code)


def main() -> int:
    """Run one hook."""
    path, event, seconds = sys.argv[1:4]
    try:
        out, err, code = ask(path, float(seconds), sys.stdin.buffer.read())
    except BaseException as error:  # Whatever it is, it is no consent.
        out, err, code = failed(event, f"{type(error).__name__} {error}".strip())
    sys.stdout.write(out)
    sys.stderr.write(err)
    return code


if __name__ == "__main__":
    sys.exit(main())
