"""Router of what the app-server sends about threads: each thing to the owner of its thread, live and in a replay. Pure.

An owner is a session, or what stands for one. Its thread is known from the start; those of its sub-agents it meets on
the way, and what came of a thread before it was anybody's is kept for its owner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from agent_sdk_core.wire.reading import Json
from codex_sdk.routing.early_notifications import EarlyNotifications


class Owner(Protocol):
    """What takes the notifications of its threads."""

    def feed(self, thread_id: str, method: str, params: Json, raw: Json, /) -> Sequence[str]:
        """Take one; returns the sub-agents' threads that are known now and not taken up yet."""
        ...

    def claims(self, thread_id: str, method: str, params: Json, /) -> bool:
        """Tell whether a thread that is nobody's is one of a sub-agent of this owner."""
        ...

    def thread_of(self, params: Json, /) -> str | None:
        """Return the thread of this owner whose turn a notification names, whatever thread it names."""
        ...

    def take_adopted(self) -> list[str]:
        """Return the sub-agents' threads that were met since the last call."""
        ...


O = TypeVar("O", bound=Owner)  # noqa: E741  # the owner


class Router(Generic[O]):
    """Who owns which thread.

    Args:
        early: Keeps what comes of threads that are nobody's.
    """

    def __init__(self, early: EarlyNotifications) -> None:
        self._early = early
        self._opened: dict[str, O] = {}
        self._owners: dict[str, O] = {}
        self.owner = self._owners.get

    @property
    def owners(self) -> tuple[O, ...]:
        """The owners, as they were opened."""
        return tuple(self._opened.values())

    def is_open(self, thread_id: str) -> bool:
        """Whether a thread has an owner that was opened for it."""
        return thread_id in self._opened

    def open(self, thread_id: str, owner: O) -> None:
        """Give an owner what its thread sends, first what came before it was known."""
        self._opened[thread_id] = owner
        self._own(thread_id, owner)

    def close(self, thread_id: str, owner: O) -> None:
        """Forget an owner and the threads of its sub-agents: what still comes of them is dropped."""
        if self._opened.get(thread_id) is owner:
            del self._opened[thread_id]
        for known in [key for key, value in self._owners.items() if value is owner]:
            del self._owners[known]
            self._early.close(known)

    def route(self, method: str, params: Json, raw: Json) -> bool:
        """Give a notification to the owner of its thread, or keep it for who will be; False: it is about no thread."""
        thread_id = params.get("threadId")
        owner = self.owner(thread_id) if type(thread_id) is str else None
        if owner is None and (known := self._thread_of(params)) is not None:
            thread_id, owner = known, self._owners.get(known)
        if type(thread_id) is not str:
            return False
        if owner is None:
            self._early.keep(thread_id, method, params, raw)
            for claimant in self._opened.values():  # No item names the thread, but its root may tell.
                if claimant.claims(thread_id, method, params):
                    self._adopt(claimant)
                    break
        elif owner.feed(thread_id, method, params, raw):
            self._adopt(owner)
        return True

    def spread(self, method: str, params: Json, raw: Json) -> None:
        """Give a notification that is about no thread to every owner."""
        for thread_id, owner in self._opened.items():
            owner.feed(thread_id, method, params, raw)

    def _thread_of(self, params: Json) -> str | None:
        """Return the thread whose turn a notification names, where its own thread is nobody's or damaged."""
        if "turnId" not in params and "turn" not in params:
            return None
        return next((known for owner in self.owners if (known := owner.thread_of(params)) is not None), None)

    def _own(self, thread_id: str, owner: O) -> None:
        self._owners[thread_id] = owner
        for method, params, raw in self._early.take(thread_id):
            owner.feed(thread_id, method, params, raw)
        self._adopt(owner)

    def _adopt(self, owner: O) -> None:
        """Take up the threads of the sub-agents that an owner has met."""
        for thread_id in owner.take_adopted():
            if thread_id not in self._owners:  # An item cannot take a thread from another owner.
                self._own(thread_id, owner)
