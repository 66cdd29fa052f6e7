"""What can be watched of a running backend beside its sessions: what comes, and what of it is not known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from agent_sdk_core.backend import BackendEvent
from agent_sdk_core.rpc.messages import ServerRequest
from agent_sdk_core.runtime.streams import BoundedStream
from codex_sdk.dispatch import Dispatcher, Notification


class Watched:
    """What shows what a dispatcher sees."""

    _dispatch: Dispatcher

    @property
    def unknown_methods(self) -> Mapping[str, int]:
        """How often each notification or request of Codex's came that this package does not know."""
        return self._dispatch.unknowns.methods

    @property
    def unknown_items(self) -> Mapping[str, int]:
        """How often an item of each type started that this package does not know; it is a tool use of that name."""
        return self._dispatch.unknowns.items

    @property
    def unknown_fields(self) -> Mapping[str, int]:
        """How often each field came that this package does not know, as "Turn.name"; it is in `raw`."""
        return self._dispatch.unknowns.fields

    @property
    def unknown_values(self) -> Mapping[str, int]:
        """How often each enum value came that this package does not know, as 'TurnStatus "name"'; it is in `raw`."""
        return self._dispatch.unknowns.values

    def events(self) -> AsyncIterator[BackendEvent]:
        """Return an iterator over what happens to the backend from now on."""
        return self._dispatch.events.subscribe()

    def notifications(self) -> BoundedStream[Notification]:
        """Return an iterator over every notification from now on, those of no session included; lag is counted."""
        return self._dispatch.notifications.subscribe()

    def server_requests(self) -> BoundedStream[ServerRequest]:
        """Return an iterator over the requests of the app-server, to observe; the sessions answer them."""
        return self._dispatch.requests.subscribe()

    def logs(self) -> BoundedStream[str]:
        """Return an iterator over the app-server's stderr lines and stray lines of its stdout."""
        return self._dispatch.logs.subscribe()
