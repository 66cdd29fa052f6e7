from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import registry
from agent_sdk_core.errors import ExecutableNotFoundError, InvalidRequestError
from agent_sdk_core.registry import AvailableBackend, available_backends, create_backend, query
from agent_sdk_core.runtime.oneshot import OneShotTurn


class Entry:
    """An entry point that loads to something, or fails to."""

    def __init__(self, name: str, loaded: Any) -> None:
        self.name = name
        self.value = f"{name}_sdk:Backend"
        self._loaded = loaded

    def load(self) -> Any:
        if isinstance(self._loaded, Exception):
            raise self._loaded
        return self._loaded


def located(result: Any) -> type:
    class Located:
        def __init__(self, **settings: Any) -> None:
            self.settings = settings

        @classmethod
        def locate(cls) -> Any:
            if isinstance(result, Exception):
                raise result
            return result

    return Located


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_entries(*entries: Entry) -> None:
        monkeypatch.setattr(registry, "_entries", lambda: list(entries))

    return set_entries


def test_a_broken_backend_does_not_hide_the_others(register: Any) -> None:
    register(
        Entry("zeta", located(Path("/bin/zeta"))),
        Entry("broken", ImportError("no module named x")),
        Entry("missing", located(ExecutableNotFoundError("Install it."))),
        Entry("faulty", located(KeyError("bug"))),
        Entry("pure", located(None)),
    )
    assert available_backends() == [
        AvailableBackend("broken", problem="broken_sdk:Backend cannot be loaded: no module named x"),
        AvailableBackend("faulty", problem="faulty_sdk:Backend cannot be loaded: 'bug'"),
        AvailableBackend("missing", problem="Install it."),
        AvailableBackend("pure"),
        AvailableBackend("zeta", executable="/bin/zeta"),
    ]


def test_a_backend_is_made_by_its_name_with_its_settings(register: Any) -> None:
    one, two = located(None), located(None)
    register(Entry("codex", one), Entry("Mine", two))
    assert type(create_backend()) is one
    assert type(create_backend("codex")) is one
    for name in ("Mine", "mine", " MINE "):
        backend: Any = create_backend(name, executable="/x")
        assert type(backend) is two
        assert backend.settings == {"executable": "/x"}


def test_an_unknown_name_lists_those_that_are_registered(register: Any) -> None:
    register(Entry("b", located(None)), Entry("a", ImportError()))
    with pytest.raises(InvalidRequestError, match=r"'nobody'.*Registered: a, b\.") as caught:
        create_backend("nobody")
    assert caught.value.details == {"type": "nobody"}


def test_without_any_backend_the_error_says_what_to_install(register: Any) -> None:
    register()
    with pytest.raises(InvalidRequestError, match="install codex-sdk"):
        create_backend()
    assert available_backends() == []


def test_other_backends_that_are_broken_do_not_matter(register: Any) -> None:
    wanted = located(None)
    register(Entry("broken", ImportError()), Entry("codex", wanted))
    assert type(create_backend()) is wanted


@pytest.mark.anyio
async def test_query_makes_a_backend_by_name_or_takes_one(make_backend: Any, register: Any) -> None:
    register(Entry("memory", make_backend))
    assert isinstance(query("hi", backend="memory"), OneShotTurn)
    assert isinstance(query("hi", backend=make_backend()), OneShotTurn)
    with pytest.raises(InvalidRequestError):
        query("hi", backend="nobody")


def test_the_installed_backends_are_found_by_their_entry_points() -> None:
    assert "codex" in [backend.type for backend in available_backends()]
