"""What was granted for the session: the same act is not asked about again, also where the agent's own rule falls short.

A rule of Claude's for a command covers neither what it writes elsewhere nor a `cd` before it (2.1.332). What an agent
asks all the same, and somebody allowed for the session before, is allowed here: exactly that, and nothing like it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from agent_sdk_core.asking.permissions import Allow, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest

_SAID: Final = frozenset({"description", "justification"})
"""What the model says of a command, which does the same whatever it says; another tool may work on it."""

_MOST: Final = 1_000


class SessionGrants:
    """The acts that were allowed for a session, as long as it is open."""

    def __init__(self) -> None:
        self._acts: dict[str, None] = {}
        self._calls: dict[str, tuple[str, frozenset[str]]] = {}

    def __len__(self) -> int:
        return len(self._acts)

    def note(self, request: AgentRequest, answer: AgentAnswer | None) -> None:
        """Note what an answer allows for longer than one call; an input that was changed is another act."""
        if not isinstance(request, PermissionRequest) or not isinstance(answer, Allow):
            return
        changed = answer.updated_input is not None and dict(answer.updated_input) != dict(request.input)
        if changed or request.requires_person or not _lasts(request, answer):
            return
        if (act := _act(request)) is not None:
            self._acts[act] = None
            if len(self._acts) > _MOST:
                del self._acts[next(iter(self._acts))]

    def covers(self, request: AgentRequest) -> bool:
        """Tell whether exactly this was allowed for the session."""
        if not self._acts or not isinstance(request, PermissionRequest) or request.requires_person:
            return False
        return _act(request) in self._acts

    def note_call(self, request: PermissionRequest, tool_input: Mapping[str, object]) -> None:
        """Note that a person allowed a call with what it lifts, before the agent itself asks about the same call.

        Args:
            request: What the person was asked.
            tool_input: What was allowed, which may be otherwise than it was asked.
        """
        if request.tool_use_id is not None and request.escalates:
            self._calls[request.tool_use_id] = _command(request.tool_name, tool_input), request.escalates
            if len(self._calls) > _MOST:
                del self._calls[next(iter(self._calls))]

    def covers_call(self, request: AgentRequest) -> bool:
        """Tell whether a person has just allowed this very call with all that it lifts; true once."""
        if not isinstance(request, PermissionRequest) or request.requires_person or request.tool_use_id is None:
            return False
        act, lifted = self._calls.pop(request.tool_use_id, ("", frozenset[str]()))
        return act == _command(request.tool_name, request.input) and request.escalates <= lifted


def _command(tool_name: str, tool_input: Mapping[str, object]) -> str:
    return json.dumps([tool_name, tool_input.get("command")], default=str)


def _lasts(request: PermissionRequest, answer: Allow) -> bool:
    """Tell whether an answer stands for an option that grants more than one call."""
    if answer.option is not None:
        option = request.option(answer.option)
        return option is not None and isinstance(option.answer, Allow) and option.answer.scope != "once"
    scopes = {option.answer.scope for option in request.options if isinstance(option.answer, Allow)}
    narrower = {"once": (), "session": ("session",), "always": ("always", "session")}[answer.scope]
    return any(scope in scopes for scope in narrower)


def _act(request: PermissionRequest) -> str | None:
    """Return what is asked about as text: the tool, its input, the folder, and what is lifted."""
    told: Mapping[str, object] = request.input
    if request.kind == "execute":
        told = {name: value for name, value in told.items() if name not in _SAID}
    lifted = sorted(request.escalates)
    try:
        return json.dumps([request.tool_name, told, request.cwd, lifted, request.blocked_path], sort_keys=True)
    except (TypeError, ValueError):
        return None
