"""Plans with which a turn in plan mode ends: their approval sets the mode and starts the turn that carries them out.

For agents that propose a plan and end their turn; one that waits with its plan asks by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from agent_sdk_core.asking.approvals import plan_offers
from agent_sdk_core.asking.permissions import Allow, Deny, PermissionMode, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer
from agent_sdk_core.errors import AgentError
from agent_sdk_core.runtime.asking.broker import Questioned, apart
from agent_sdk_core.runtime.asking.fitting import fitting
from agent_sdk_core.runtime.asking.policing import Ruling
from agent_sdk_core.runtime.host import Host

_log = logging.getLogger(__name__)

_GO_AHEAD = "Implement the plan."


class Planning(Questioned, Protocol):
    """A session, as far as a plan changes it."""

    async def set_permission_mode(self, mode: PermissionMode | None) -> None:
        """Use this mode from the next turn."""

    async def send(self, prompt: str, /) -> str:
        """Send a prompt."""
        ...


class Plans:
    """The plan of a session that waits for its approval, if there is one.

    Args:
        session: The session.
        host: Runs the approval.
        changed: Told when a plan is decided.
    """

    def __init__(self, session: Planning, host: Host, changed: Callable[[], None]) -> None:
        self._session = session
        self._host = host
        self._changed = changed
        self._open: PermissionRequest | None = None
        self._deciding = 0

    @property
    def waiting(self) -> bool:
        """Whether a plan is not decided, or its turn not yet begun."""
        return self._deciding > 0

    def propose(self, request: PermissionRequest) -> None:
        """Ask whether a plan is carried out; its options are those of `plan_offers`."""
        self._deciding += 1
        self._open = request
        self._host.start_soon(self._settle, request)

    def withdraw(self) -> None:
        """Forget the plan: somebody went on without it."""
        if self._open is not None and self._open.source is not None:
            self._session.requests.withdraw(native_id=self._open.source.request_id)

    async def _settle(self, request: PermissionRequest) -> None:
        try:
            follow = await self._decided(request)
            if follow is not None:
                await follow()
        except AgentError as error:
            _log.warning("what follows a plan could not be started: %s", error)
        finally:
            self._deciding -= 1
            self._changed()

    async def _decided(self, request: PermissionRequest) -> Callable[[], Awaitable[None]] | None:
        session, offers, fits = self._session, plan_offers(), await fitting(request)

        def check(answer: AgentAnswer) -> PermissionMode | None:
            fits(answer)
            return offers.chosen(session.updates.fitted(request, answer))[2]

        async def review(answer: AgentAnswer) -> Ruling:
            await session.updates.look(request, answer)
            return Ruling(None)

        try:
            resolution = await session.requests.resolve(
                apart(request),
                callback=session.options.can_use_tool,
                check=check,
                timeout=session.options.request_timeout,
                judge=None if session.police is None else session.police.decide,
                review=review,
            )
        finally:
            self._open = None if self._open is request else self._open
        answer, mode = resolution.answer, resolution.encoded

        async def carry_out() -> None:
            await session.set_permission_mode("accept_edits" if mode == "accept_edits" else "default")
            await session.updates.take(request, answer)
            await session.send(prompt_of(request, answer))

        async def plan_on() -> None:
            await session.send(answer.message if isinstance(answer, Deny) else "")

        if isinstance(answer, Allow):
            return carry_out
        # What a policy or a deadline refuses is no word of the user's, and would go round and round.
        told = isinstance(answer, Deny) and answer.message.strip() and not answer.interrupt
        return plan_on if told and resolution.by in ("callback", "answer") else None


def prompt_of(request: PermissionRequest, answer: AgentAnswer | None) -> str:
    """Return the prompt that has a plan carried out: as it is, or as the answer has changed it."""
    changed = answer.updated_input if isinstance(answer, Allow) else None
    plan = None if changed is None else changed.get("plan")
    if not isinstance(plan, str) or plan == request.input.get("plan"):
        return _GO_AHEAD
    return f"Implement this plan, which I have changed:\n\n{plan}"
