"""What whoever answers does to a request's data: it is theirs, and neither runs nor is taken for what was asked."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from agent_sdk_core.asking.permissions import ALLOW, DEFER, Allow, PermissionOption, PermissionRequest
from agent_sdk_core.asking.questions import ElicitationAnswer, ElicitationRequest
from agent_sdk_core.asking.requests import Ask
from agent_sdk_core.messages.system import RequestOpened
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.policy.guard import PolicyGuard

pytestmark = pytest.mark.anyio

KEPT = PermissionOption("allow_session", "For this session", Allow("session"), "here")


def change(request: PermissionRequest) -> None:
    """Change in place whatever of a request's data can be."""
    tables: tuple[Any, ...] = (request.input, request.raw["input"])
    for table in tables:
        table["command"] = "rm x"
        table["nested"].append("more")


def asked(sent: list[Any]) -> Ask[PermissionRequest]:
    """A request as an agent has it that runs the input which it gets back."""
    native: dict[str, Any] = {"input": {"command": "ls", "nested": []}}
    request = PermissionRequest("Bash", native["input"], options=(ALLOW, KEPT), raw=native)

    def encode(answer: Any) -> Any:
        runs = native["input"] if isinstance(answer, Allow) and answer.updated_input is None else None
        sent.append((type(answer).__name__, runs))
        return {}

    return Ask(request, encode)


@pytest.mark.parametrize("hand_back", [False, True])
async def test_a_callback_that_changes_an_input_in_place_changes_nothing_unless_it_hands_it_back(
    backend: Any, hand_back: bool
) -> None:
    async def callback(request: PermissionRequest) -> Allow:
        change(request)
        return Allow(updated_input=request.input) if hand_back else Allow("session")

    sent: list[Any] = []
    ask = asked(sent)
    policy = PolicyGuard(deny=["Bash(rm *)"])
    with anyio.fail_after(30):
        options = SessionOptions(can_use_tool=callback, policy=policy, policy_scope="asked_only")
        session = await backend.create_session(options)
        await session.ask(ask)
    assert ask.request.input == {"command": "ls", "nested": []}
    assert sent[-1] == (("Deny", None) if hand_back else ("Allow", ask.request.input))
    assert session.requests.grants.covers(ask.request) is not hand_back


async def test_a_front_end_that_changes_a_pending_request_changes_nothing(backend: Any) -> None:
    sent: list[Any] = []
    ask = asked(sent)
    with anyio.fail_after(30):
        session = await backend.create_session(SessionOptions(can_use_tool=DEFER))
        stream = session.messages()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.ask, ask)
            while not isinstance(await anext(stream), RequestOpened):
                continue
            [pending] = session.pending
            change(pending)
            await session.answer(pending.request_id, Allow())
    assert sent == [("Allow", {"command": "ls", "nested": []})]
    assert ask.request.settled


async def test_a_callback_that_changes_a_forms_schema_is_held_to_the_form_that_was_asked(backend: Any) -> None:
    async def callback(request: ElicitationRequest) -> ElicitationAnswer:
        schema: Any = request.schema
        schema["required"].clear()
        return ElicitationAnswer("accept", {})

    def encode(answer: Any) -> dict[str, Any]:
        sent.append(answer.action)
        return {}

    form = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    sent: list[str] = []
    ask = Ask(ElicitationRequest("Your name?", schema=form), encode)
    with anyio.fail_after(30):
        session = await backend.create_session(SessionOptions(on_elicitation=callback))
        await session.ask(ask)
    assert form["required"] == ["name"]
    assert sent[-1] != "accept"
