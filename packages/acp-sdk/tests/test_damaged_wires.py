"""Damaged lines of an agent, requests among them: nothing is raised or lost, no turn and no request stays open."""

from __future__ import annotations

import copy
import json
import logging
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

import anyio
import pytest
from pydantic_core import from_json

from acp_sdk.backend import AcpBackend
from agent_sdk_core import (
    Allow,
    AssistantMessage,
    ElicitationAnswer,
    ElicitationRequest,
    PermissionRequest,
    SDKMessage,
    SessionOptions,
)
from agent_sdk_testing.contract.rules import check_rules
from agent_sdk_testing.fakes.acp import FakeAcp
from agent_sdk_testing.fakes.codex_exchanges import FakeRequest

pytestmark = pytest.mark.anyio

LINES = int(os.environ.get("FUZZ_LINES", "400"))
SEED = int(os.environ.get("FUZZ_SEED", "20261126"))
A_TURN = 20
ODD: tuple[Any, ...] = (None, True, -1, 2**70, 1.5, "", "x" * 300, [], {}, [[[]]], {"a": {"b": []}}, "\ud800", "../..")
CALL: dict[str, Any] = {"title": "ls", "kind": "execute", "rawInput": {"command": "ls"}}
DIFF: dict[str, Any] = {"type": "diff", "path": "/a", "oldText": "x", "newText": "y"}
OPTIONS = [{"optionId": f"x{kind}", "name": kind, "kind": kind} for kind in ("allow_once", "reject_once")]


def valid(number: int, version: int) -> list[dict[str, Any]]:
    """Return a message of each kind that an agent sends, with ids of its own; none that ends a turn."""
    call = {**CALL, "toolCallId": f"call{number}"}
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    requests: list[tuple[str, dict[str, Any]]] = [
        ("session/request_permission", {"toolCall": call, "options": OPTIONS}),
        ("session/request_permission", {"toolCall": {**call, "kind": "edit", "content": [DIFF]}, "options": OPTIONS}),
        ("elicitation/create", {"mode": "form", "message": "?", "requestedSchema": schema}),
        ("elicitation/create", {"mode": "url", "message": "?", "url": "http://localhost", "elicitationId": "e"}),
        ("fs/read_text_file", {"path": "/etc/passwd"}),
        ("terminal/create", {"command": "sh"}),
    ]
    updates: list[dict[str, Any]] = [
        {"sessionUpdate": "tool_call", **call, "status": "in_progress"},
        {"sessionUpdate": "tool_call_update", "toolCallId": f"call{number - 1}", "status": "completed"},
        {"sessionUpdate": "agent_thought_chunk", "content": {"type": "text", "text": "Hm."}},
        {"sessionUpdate": "plan", "entries": [{"content": "a", "priority": "low", "status": "pending"}]},
        {"sessionUpdate": "usage_update", "used": 1, "size": 2, "cost": {"amount": 1, "currency": "USD"}},
    ]
    if version == 2:
        subject = {"type": "command", "command": "ls", "cwd": "/"}
        requests += [
            ("session/request_permission", {"title": "List", "subject": subject, "options": OPTIONS}),
            (
                "session/request_permission",
                {"title": "?", "subject": {"type": "tool_call", "toolCall": call}, "options": OPTIONS},
            ),
        ]
        block = {"type": "text", "text": "Hm."}
        updates += [
            {"sessionUpdate": "state_update", "state": "running"},
            {"sessionUpdate": "state_update", "state": "requires_action"},
            {"sessionUpdate": "agent_thought", "messageId": f"t{number}", "content": [block]},
            {"sessionUpdate": "tool_call_content_chunk", "toolCallId": f"call{number - 1}", "content": DIFF},
            {"sessionUpdate": "terminal_update", "terminalId": f"t{number}", "cwd": "/", "command": "ls"},
            {"sessionUpdate": "terminal_output_chunk", "terminalId": f"t{number - 1}", "data": "aGk="},
            {"sessionUpdate": "plan_update", "plan": {"type": "items", "id": "p", "entries": []}},
        ]
    own: dict[str, Any] = {"sessionId": "session-1"}
    found: list[dict[str, Any]] = [
        {"id": f"q{number}.{place}", "method": method, "params": {**own, **params}}
        for place, (method, params) in enumerate(requests)
    ]
    found += [{"method": "session/update", "params": {**own, "update": update}} for update in updates]
    found.append({"method": "$/cancel_request", "params": {"requestId": f"q{number - 1}.0"}})
    found.append({"id": f"a{number}", "result": {"stopReason": "end_turn"}})
    found.append({"id": f"a{number}", "error": {"code": -1, "message": "no"}})
    return [{"jsonrpc": "2.0", **message} for message in found]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every place in a message, as what holds it and its key."""
    keys: list[Any] = list(cast("Any", value)) if isinstance(value, dict) else []
    if isinstance(value, list):
        keys = list(range(len(cast("list[Any]", value))))
    for key in keys:
        yield value, key
        yield from places(value[key])


def damaged(message: dict[str, Any], dice: random.Random) -> bytes:
    """Return the line of a message with one thing wrong in what it says, or some bytes of it."""
    if dice.random() < 0.4:
        line = bytearray(json.dumps(message).encode())
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(line))
            match dice.randrange(3):
                case 0:
                    line[place] = dice.randrange(256)
                case 1 if place:
                    del line[place:]
                case _:
                    line.insert(place, dice.randrange(256))
        return bytes(line)
    message = copy.deepcopy(message)
    holder, key = dice.choice(list(places(message)))
    if dice.random() < 0.3:
        del holder[key]
    else:
        holder[key] = copy.deepcopy(dice.choice(ODD))
    return json.dumps(message).encode()


def asks(line: bytes) -> Iterator[str]:
    """Give the ids of the requests in what was written."""
    for part in line.split(b"\n"):
        try:
            message = from_json(part)
        except ValueError:
            continue
        match message:
            case {"id": str(request_id), "method": str(), **rest} if not {"result", "error"} & set(rest):
                yield request_id
            case _:
                pass


@pytest.fixture(params=[1, 2])
def fake(request: pytest.FixtureRequest) -> Iterator[FakeAcp]:
    """An agent of each version."""
    with FakeAcp(version=request.param) as agent:
        yield agent


async def test_damaged_lines_of_an_agent_harm_nothing(
    fake: FakeAcp, make_backend: Callable[..., AcpBackend], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    dice = random.Random(SEED)
    asked: Counter[str] = Counter()
    sent = 0

    def prompt(request: FakeRequest) -> None:
        nonlocal sent
        if fake.version == 2:
            request.answer()
            fake.update("session-1", "state_update", state="running")
        for place in range(A_TURN):
            sent += 1
            line = damaged(dice.choice(valid(sent, fake.version)), dice)
            asked.update(asks(line))
            fake.write(line)
            fake.say("session-1", f"{place};", **({"messageId": f"m{sent}"} if fake.version == 2 else {}))
        if fake.version == 2:
            fake.update("session-1", "state_update", state="idle", stopReason="end_turn")
        else:
            request.answer()

    async def decide(request: PermissionRequest) -> Allow:
        return Allow()

    async def fill(request: ElicitationRequest) -> ElicitationAnswer:
        return ElicitationAnswer("accept", {"name": "Ada"} if request.mode == "form" else None)

    fake.on("session/prompt", prompt)
    options = SessionOptions(can_use_tool=decide, on_elicitation=fill)
    messages: list[SDKMessage] = []
    async with (
        anyio.create_task_group() as tasks,
        make_backend(protocol_version=fake.version) as backend,
        backend.create_session(options) as session,
    ):
        told = session.messages()

        async def listen() -> None:
            # All along: of what nobody reads, only the last ten thousand are kept.
            messages.extend([message async for message in told])

        tasks.start_soon(listen)
        for _ in range(LINES // A_TURN):
            result = await session.run("Hi")
            assert result.outcome == "completed", result
        once = {request_id for request_id, count in asked.items() if count == 1}

        def answers() -> Counter[str]:
            return Counter(str(each["id"]) for each in fake.received if "id" in each and "method" not in each)

        await fake.wait_until(lambda: once <= set(answers()), "an answer of each request", 60)
        assert max(answers()[request_id] for request_id in once) == 1
        assert not session.pending
    check_rules(messages, session.session_id)
    said = "".join(message.text for message in messages if isinstance(message, AssistantMessage))
    assert said == "".join(f"{place};" for place in range(A_TURN)) * (LINES // A_TURN)
    raised = [record.getMessage() for record in caplog.records if record.exc_info or record.name == "asyncio"]
    assert raised == []
