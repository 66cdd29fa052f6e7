from __future__ import annotations

import contextlib
from dataclasses import fields
from typing import Any

import anyio
import pytest

from agent_sdk_core.errors import SessionClosedError, UnsupportedOptionError
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.events import BackendEvent
from agent_sdk_core.interfaces.pages import SessionPage, StoredSession

pytestmark = pytest.mark.anyio


async def test_entered_it_is_started_and_left_it_is_closed(make_backend: Any) -> None:
    backend = make_backend()
    assert isinstance(make_backend(), AgentBackend)
    with anyio.fail_after(30):
        async with backend as entered:
            assert entered is backend
            assert backend.host.running
            events = backend.events()
            await backend.create_session()
        assert not backend.host.running
        assert not backend.sessions
        assert [event.kind async for event in events] == ["started"]


async def test_a_start_that_fails_closes_it(make_backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = make_backend()
    closed: list[bool] = []

    async def fail() -> None:
        raise OSError("broken")

    async def close() -> None:
        closed.append(True)

    monkeypatch.setattr(backend, "start", fail)
    monkeypatch.setattr(backend, "aclose", close)
    with anyio.fail_after(30), pytest.raises(OSError, match="broken"):
        async with backend:
            pass
    assert closed == [True]


async def test_used_without_a_block_it_starts_by_itself(make_backend: Any) -> None:
    backend = make_backend()
    with anyio.fail_after(30):
        session = await backend.create_session()
        assert session.state == "idle"
        await backend.aclose()
        await backend.aclose()
    assert session.state == "closed"


async def test_an_exception_passes_the_block_unchanged(make_backend: Any) -> None:
    with anyio.fail_after(30), pytest.raises(ZeroDivisionError):
        async with make_backend():
            raise ZeroDivisionError


async def test_closed_while_it_starts_it_does_not_stay_open(make_backend: Any) -> None:
    backend = make_backend()

    async def start() -> None:
        with contextlib.suppress(SessionClosedError):
            await backend.start()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start)
            await anyio.lowlevel.checkpoint()
            tasks.start_soon(backend.aclose)
    assert not backend.host.running


async def test_what_it_does_not_declare_it_refuses_by_name(make_backend: Any) -> None:
    backend = make_backend()
    for call in (
        backend.list_sessions(),
        backend.read_history("s"),
        backend.rename_session("s", "t"),
        backend.archive_session("s"),
        backend.delete_session("s"),
    ):
        with pytest.raises(UnsupportedOptionError, match="The memory backend cannot") as caught:
            await call
        assert caught.value.backend == "memory"


def test_nothing_is_declared_by_default() -> None:
    capabilities = BackendCapabilities()
    flags = {field.name: getattr(capabilities, field.name) for field in fields(capabilities)}
    assert flags.pop("policy_scope") == "asked_only"
    assert flags.pop("unsupported_options") == frozenset()
    assert not any(flags.values())


def test_events_and_pages_are_plain_values() -> None:
    event = BackendEvent("warning", "x")
    assert dict(event.details) == {}
    with pytest.raises(TypeError):
        event.details["a"] = 1  # type: ignore[index]  # frozen: what is tested
    page = SessionPage((StoredSession("s"),))
    assert page.cursor is None
    assert page.sessions[0].title == ""
