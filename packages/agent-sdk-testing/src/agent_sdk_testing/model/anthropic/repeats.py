"""Recognises a request that claude sends again, in another form, because the first form got an HTTP error.

Whatever CLAUDE_CODE_MAX_RETRIES says, claude 2.1.329 answers 400 and 422 by leaving out optional features, one after
the other, up to six requests in all; 404 by asking without a stream; 413 by leaving out attachments. To a script all of
these are one request: the same error is the answer to each.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TypeAlias

from agent_sdk_testing.model.anthropic.request import blocks, is_reminder, objects
from agent_sdk_testing.model.requests import ModelRequest
from agent_sdk_testing.model.steps import HttpError

_STATUSES = frozenset({400, 404, 422})

_Turn: TypeAlias = tuple[str, ...]


class Repeats:
    """The HTTP errors that claude may ask about again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors: dict[str, tuple[_Turn, HttpError]] = {}

    def note(self, request: ModelRequest, error: HttpError) -> None:
        """Remember the error that is the answer to a request."""
        if error.status in _STATUSES:
            with self._lock:
                self._errors[_asker(request)] = (tuple(_turn(request)), error)

    def error(self, request: ModelRequest) -> HttpError | None:
        """Return the error that was the answer to another form of this request, None for a new request."""
        with self._lock:
            turn, error = self._errors.get(_asker(request), ((), None))
        return error if error is not None and turn == tuple(_turn(request)) else None


def _asker(request: ModelRequest) -> str:
    headers = request.headers
    return headers.get("x-claude-code-agent-id") or headers.get("x-claude-code-session-id", "")


def _turn(request: ModelRequest) -> Iterator[str]:
    """Yield what stays the same in every form: the texts of the user's messages, and which tools have returned."""
    for message in objects(request.json.get("messages")):
        for block in blocks(message.get("content")) if message.get("role") == "user" else ():
            if block.get("type") == "text" and not is_reminder(text := str(block.get("text", ""))):
                yield text
            elif block.get("type") == "tool_result":
                yield str(block.get("tool_use_id", ""))
