from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
from pydantic import ValidationError

from agent_sdk_core.asking.permissions import DEFER
from agent_sdk_core.errors import UnsupportedOptionError
from agent_sdk_core.options import SandboxPolicy, SessionOptions

CALLBACKS = ["can_use_tool", "on_question", "on_elicitation"]


async def function(request: object) -> Any:
    return request


async def with_more(more: object, request: object) -> Any:
    return more, request


class Asker:
    async def method(self, request: object) -> Any:
        return request

    @classmethod
    async def of_class(cls, request: object) -> Any:
        return request

    @staticmethod
    async def static(request: object) -> Any:
        return request

    def sync(self, request: object) -> Any:
        return request


class Callable_:
    async def __call__(self, request: object) -> Any:
        return request


class SyncCallable:
    def __call__(self, request: object) -> Any:
        return request


ASYNC: dict[str, Any] = {
    "function": function,
    "bound method": Asker().method,
    "class method": Asker.of_class,
    "static method": Asker.static,
    "callable object": Callable_(),
    "partial": partial(with_more, 1),
    "partial of a partial": partial(partial(with_more), 1),
    "partial of a method": partial(Asker().method),
    "partial of a callable object": partial(Callable_()),
    "mock": AsyncMock(),
    "DEFER": DEFER,
    "nothing": None,
}
SYNC: dict[str, Any] = {
    "function": Asker().sync,
    "builtin": print,
    "bound method of a builtin": "text".join,
    "callable object": SyncCallable(),
    "class": Callable_,
    "partial": partial(print),
    "partial of a callable object": partial(SyncCallable()),
    "no callable": 5,
    "text": "function",
}


@pytest.mark.parametrize("field", CALLBACKS)
@pytest.mark.parametrize("callback", ASYNC.values(), ids=ASYNC)
def test_async_callbacks_are_taken_as_they_are(field: str, callback: Any) -> None:
    assert getattr(SessionOptions(**{field: callback}), field) is callback


@pytest.mark.parametrize("field", CALLBACKS)
@pytest.mark.parametrize("callback", SYNC.values(), ids=SYNC)
def test_what_is_not_async_is_refused_when_the_options_are_built(field: str, callback: Any) -> None:
    with pytest.raises(ValidationError, match=rf"(?s){field}.*must be an async function"):
        SessionOptions(**{field: callback})


def test_options_are_frozen() -> None:
    options = SessionOptions(model="m")
    with pytest.raises(ValidationError, match="frozen"):
        options.model = "n"  # type: ignore[misc]
    assert options.model_copy(update={"model": "n"}).model == "n"
    assert options.model == "m"


@pytest.mark.parametrize("cls", [SessionOptions, SandboxPolicy])
def test_an_unknown_field_is_named(cls: Any) -> None:
    with pytest.raises(ValidationError, match="temperature"):
        cls(temperature=1)


@pytest.mark.parametrize(
    "fields",
    [
        {"permission_mode": "yolo"},
        {"request_timeout": 0},
        {"request_timeout": -1},
        {"env": {"A": 1}},
        {"cwd": 5},
        {"sandbox": {"mode": "open"}},
        {"model": 5},
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        SessionOptions(**fields)


def test_paths_may_be_text_or_path_objects() -> None:
    options = SessionOptions(cwd=Path("/a"), add_dirs=("/b", Path("/c")))
    assert options.cwd == Path("/a")
    assert options.add_dirs == ("/b", Path("/c"))


def test_absent_fields_are_not_set() -> None:
    assert SessionOptions().model_fields_set == set()
    assert SessionOptions(model=None).model_fields_set == {"model"}


def test_require_supported_lets_absent_fields_pass() -> None:
    SessionOptions().require_supported("memory", list(SessionOptions.model_fields))


@pytest.mark.parametrize(
    "fields", [{"fork": False}, {"session_id": None}, {"env": {}}, {"add_dirs": ()}, {"native": {}}], ids=str
)
def test_require_supported_lets_defaults_pass(fields: dict[str, Any]) -> None:
    SessionOptions(**fields).require_supported("memory", list(fields))


@pytest.mark.parametrize(
    "fields", [{"fork": True}, {"session_id": "s"}, {"env": {"A": "1"}}, {"system_prompt": ""}], ids=str
)
def test_require_supported_names_field_and_backend(fields: dict[str, Any]) -> None:
    options = SessionOptions(**fields)
    options.require_supported("memory", ["resume"])
    (name,) = fields
    with pytest.raises(UnsupportedOptionError, match=rf"memory .*SessionOptions\.{name}") as caught:
        options.require_supported("memory", ["resume", name])
    assert caught.value.backend == "memory"
    assert caught.value.details["option"] == name
