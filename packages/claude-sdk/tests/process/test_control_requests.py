from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest

from agent_sdk_core import InvalidRequestError
from claude_sdk.process.control_requests import Controls

pytestmark = pytest.mark.anyio

Call = Callable[[Controls], Coroutine[Any, Any, object]]


class Recorded(Controls):
    """Controls whose requests are noted, and answered with what the test says."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.sent: list[tuple[str, dict[str, object]]] = []
        self._answer = answer

    async def control(self, subtype: str, **fields: object) -> Mapping[str, Any]:
        self.sent.append((subtype, fields))
        return self._answer


CALLS: list[tuple[Call, str, dict[str, object]]] = [
    (lambda it: it.context_usage(), "get_context_usage", {}),
    (lambda it: it.context_usage(summary=True), "get_context_usage", {"detail": "summary"}),
    (lambda it: it.settings(), "get_settings", {}),
    (lambda it: it.hooks_listing(), "get_hooks_listing", {}),
    (lambda it: it.rewind_files("u"), "rewind_files", {"user_message_id": "u", "dry_run": False}),
    (lambda it: it.rewind_files("u", dry_run=True), "rewind_files", {"user_message_id": "u", "dry_run": True}),
]
ORDERS: list[tuple[Call, str, dict[str, object]]] = [
    (lambda it: it.set_thinking(None), "set_max_thinking_tokens", {"max_thinking_tokens": None}),
    (
        lambda it: it.set_thinking(0, display="omitted"),
        "set_max_thinking_tokens",
        {"max_thinking_tokens": 0, "thinking_display": "omitted"},
    ),
    (lambda it: it.rename("T"), "rename_session", {"title": "T"}),
    (lambda it: it.move_to_background(), "background_tasks", {}),
    (lambda it: it.move_to_background("toolu_1"), "background_tasks", {"tool_use_id": "toolu_1"}),
]


@pytest.mark.parametrize(("call", "subtype", "fields"), CALLS)
async def test_what_is_asked_returns_the_answer(call: Call, subtype: str, fields: dict[str, object]) -> None:
    controls = Recorded({"a": 1})
    assert await call(controls) == {"a": 1}
    assert controls.sent == [(subtype, fields)]


@pytest.mark.parametrize(("call", "subtype", "fields"), ORDERS)
async def test_what_is_told_returns_nothing(call: Call, subtype: str, fields: dict[str, object]) -> None:
    controls = Recorded({"a": 1})
    assert await call(controls) is None
    assert controls.sent == [(subtype, fields)]


READ: list[tuple[Call, dict[str, Any], object, object]] = [
    (lambda it: it.session_cost(), {"text": "$1"}, "$1", ""),
    (lambda it: it.permission_rules(), {"state": {"rules": []}}, {"rules": []}, {}),
    (lambda it: it.cancel_message("u"), {"cancelled": True, "message_uuid": "u"}, True, False),
]


@pytest.mark.parametrize(("call", "answer", "read", "absent"), READ)
async def test_an_answer_is_read_and_one_without_it_is_nothing(
    call: Call, answer: dict[str, Any], read: object, absent: object
) -> None:
    assert await call(Recorded(answer)) == read
    assert await call(Recorded({})) == absent


async def test_a_command_that_cannot_be_moved_is_an_error() -> None:
    with pytest.raises(InvalidRequestError, match="toolu_1 cannot be moved") as caught:
        await Recorded({"backgrounded": False}).move_to_background("toolu_1")
    assert caught.value.backend == "claude"
