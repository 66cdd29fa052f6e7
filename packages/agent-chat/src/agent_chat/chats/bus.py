"""`EventBus`: typed publish and subscribe inside the process, bounded, so that no subscriber slows another."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar, overload
from weakref import ref

from agent_chat.chats.events import ChatEvent
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.runtime.streams import BoundedStream

E = TypeVar("E")

LIMIT: Final = 1_000
"""Events that a subscriber may lag behind before the oldest give way."""


class Subscription(BoundedStream[E], Generic[E]):
    """One subscriber's events: an async iterator, which may lag, and may be dropped at any time.

    Attributes:
        dropped: How many events it lost because it lagged.
    """

    def __init__(self, kinds: tuple[type, ...], limit: int, awaited: set[BoundedStream[E]]) -> None:
        super().__init__(limit, awaited=awaited)
        self.kinds = kinds


class EventBus:
    """Tells subscribers what happens. Publishing never waits; a subscription that nobody holds takes nothing."""

    def __init__(self) -> None:
        self._subscriptions: list[ref[Subscription[ChatEvent]]] = []
        self._awaited: set[BoundedStream[ChatEvent]] = set()
        self._closed = False

    @overload
    def subscribe(self, *, limit: int = LIMIT) -> Subscription[ChatEvent]: ...
    @overload
    def subscribe(self, *kinds: type[E], limit: int = LIMIT) -> Subscription[E]: ...
    def subscribe(self, *kinds: type, limit: int = LIMIT) -> Subscription[Any]:
        """Return an iterator over events from now on; it ends when the bus is closed.

        Args:
            kinds: The classes of events; none: all.
            limit: Events that it holds; beyond them the oldest give way, and `dropped` says how many.

        Raises:
            InvalidRequestError: The limit is not positive.
        """
        if limit < 1:
            raise InvalidRequestError(f"A subscription holds at least one event, not {limit}.")
        made = Subscription[ChatEvent](kinds, limit, self._awaited)
        if self._closed:
            made.close()
        self._subscriptions.append(ref(made, self._subscriptions.remove))
        return made

    def publish(self, event: ChatEvent) -> None:
        """Hand an event to everyone who wants its kind; never waits, never raises."""
        for subscription in self._live():
            if not subscription.kinds or isinstance(event, subscription.kinds):
                subscription.publish((event,))

    def close(self) -> None:
        """End every subscription after the events that it holds."""
        self._closed = True
        for subscription in self._live():
            subscription.close()

    def _live(self) -> list[Subscription[ChatEvent]]:
        return [live for known in list(self._subscriptions) if (live := known()) is not None]
