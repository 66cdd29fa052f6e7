"""The `schema check` command: whether an installed agent speaks the protocol that its backend was made for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

import anyio

from agent_chat.exits import ExitCode
from agent_chat.settings import UsageError
from agent_chat.transcript.sanitize import clean
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.factory.registry import load_backend
from agent_sdk_core.interfaces.diagnosis import DriftVerdict, ProtocolDrift

_VERDICTS: Final[dict[DriftVerdict, str]] = {
    "same": "The protocols are the same.",
    "compatible": "It works: nothing that this SDK uses is gone or changed.",
    "reduced": "Sessions work, but what needs these does not:",
    "incompatible": "It does not work, because of these:",
}


def check_schema(backend: str, executable: str | None, *, as_json: bool) -> int:
    """Compare the protocol of an installed agent with the shipped one, print what differs, and return the exit code.

    Args:
        backend: Name of the backend.
        executable: The agent; None: the one that a session would start.
        as_json: Print one JSON object instead of text.

    Raises:
        UsageError: There is no such backend.
        AgentError: The agent could not be asked.
    """
    try:
        kind = load_backend(backend)
    except InvalidRequestError as error:
        raise UsageError(error.message) from None
    drift = anyio.run(kind.check_protocol, Path(executable) if executable else None)
    text = _as_json(drift) if as_json else "\n".join(clean(line) for line in _lines(backend, drift))
    sys.stdout.write(f"{text}\n")
    return ExitCode.OK if drift.compatible else ExitCode.ERROR


def _as_json(drift: ProtocolDrift) -> str:
    return json.dumps({**asdict(drift), "compatible": drift.compatible, "runs": drift.runs})


def _lines(backend: str, drift: ProtocolDrift) -> Iterator[str]:
    yield f"{backend} {drift.version}; this SDK was made for {drift.shipped_version}."
    yield _VERDICTS[drift.verdict]
    yield from (f"  {line}" for line in drift.problems)
    for title, mark, lines in (
        ("New", "+", drift.added),
        ("Gone", "-", drift.removed),
        ("Changed", "~", drift.changed),
    ):
        if lines:
            yield ""
            yield f"{title}: {len(lines)}"
            yield from (f"  {mark} {line}" for line in lines)
