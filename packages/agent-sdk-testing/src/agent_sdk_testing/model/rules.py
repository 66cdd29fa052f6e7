"""Rules: replies of a script that are for certain requests only."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from agent_sdk_testing.model.requests import ModelRequest
from agent_sdk_testing.model.steps import Reply, Step, StepSource, Tokens


class Rule:
    """Replies for the requests that match; made by `ScriptedModel.when`."""

    def __init__(self, matches: Callable[[ModelRequest], bool], times: int | None) -> None:
        self._lock = threading.Lock()
        self._matches = matches
        self._left = times
        self._replies: deque[Reply] = deque()

    def reply(
        self,
        *steps: Step | StepSource,
        usage: Tokens | None = None,
        model: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Add a reply; see `ScriptedModel.reply`. Each is given once, in order; the last one is repeated."""
        reply = Reply(steps, usage or Tokens(), model, headers or {})
        with self._lock:
            self._replies.append(reply)
        return self

    def take(self, request: ModelRequest) -> Reply | None:
        """Return the reply for a request, None if the rule does not match it or is used up."""
        # The function is the test's own and may wait for another request, so it is called without the lock.
        if not self._matches(request):
            return None
        with self._lock:
            if self._left == 0 or not self._replies:
                return None
            if self._left is not None:
                self._left -= 1
            return self._replies.popleft() if len(self._replies) > 1 else self._replies[0]


def first_reply(rules: Sequence[Rule], request: ModelRequest) -> Reply | None:
    """Return the reply of the first rule that has one for the request."""
    return next((reply for rule in rules if (reply := rule.take(request)) is not None), None)
