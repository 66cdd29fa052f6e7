"""A recorded wire, told again without the agent as the conversation that it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_sdk_core import Allow, InvalidRequestError, SDKMessage, WireLog
from agent_sdk_core.wire.reading import record_of
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio

_LATE = ("command_lifecycle", "rate_limit_event")
_REQUESTS = {"request_opened", "request_resolved"}


def shape(message: SDKMessage) -> tuple[object, ...]:
    """Return what a message says, without what differs each time."""
    wire = message.to_wire()
    said = record_of(wire.get("message", wire.get("event")))
    content = said.get("content", said.get("delta"))
    listed = wire.get("user_message_uuids") if message.type == "result" else None
    return message.type, wire.get("subtype"), content, wire.get("result"), wire.get("outcome"), listed


@needs("installed")
async def test_a_recorded_wire_is_told_again_as_it_was(agent: Agent, tmp_path: Path) -> None:
    agent.model.reply(agent.command("echo one > file", escalate=True)).reply(text("Done.")).reply(text("Again."))
    path = tmp_path / "wire.jsonl"

    async def allow(request: object) -> Allow:
        del request
        return Allow()

    with WireLog(path) as log:
        async with agent.backend(wire_log=log) as backend:
            async with await agent.open(backend, can_use_tool=allow) as session:
                stream = session.messages()
                await run(session, "Do it.")
                await run(session, "And again.")
            live = [shape(message) async for message in stream if message.type not in _LATE]
    kind = agent.backend_class()
    first, second = list(kind.replay(path)), list(kind.replay(path))
    assert [message.to_wire() for message in first] == [message.to_wire() for message in second]
    told = [shape(message) for message in first if message.type not in _LATE]
    for wanted in (_REQUESTS, {each[1] for each in live} - _REQUESTS - {"session_state_changed"}):
        # A request is told when its task runs, which may be some frames later.
        assert [each for each in told if each[1] in wanted] == [each for each in live if each[1] in wanted]


@needs("installed")
async def test_a_file_that_is_no_wire_log_says_which_line(agent: Agent, tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    path.write_text('{"t": 0, "dir": "in", "msg": {}}\nnonsense\n')
    with pytest.raises(InvalidRequestError, match="line 2"):
        list(agent.backend_class().replay(path))
