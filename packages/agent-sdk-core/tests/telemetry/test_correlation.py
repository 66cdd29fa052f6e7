from __future__ import annotations

from contextvars import copy_context

from agent_sdk_core.telemetry.correlation import correlation, within


def test_nothing_is_known_outside() -> None:
    assert dict(copy_context().run(correlation)) == {}


def test_what_is_known_is_added_to_and_does_not_leak() -> None:
    session = within(None, backend="x", session="s", turn=None)
    request = within(session, request="r")
    assert dict(session.run(correlation)) == {"backend": "x", "session": "s"}
    assert dict(request.run(correlation)) == {"backend": "x", "session": "s", "request": "r"}
    assert dict(correlation()) == {}
