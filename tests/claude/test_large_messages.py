from __future__ import annotations

import json

import anyio
import pytest
from tests.claude.driving import Claude

from agent_sdk_core import Allow, Deny, PermissionRequest, StreamEvent
from agent_sdk_testing import Gate, call, deltas, text
from agent_sdk_testing.contract.watching import run, until

pytestmark = pytest.mark.anyio


async def test_a_system_prompt_of_200_kb_reaches_the_model(claude: Claude) -> None:
    prompt = "Be kind. " * 25_000
    claude.model.reply(text("Fine."))
    async with claude.session(system_prompt=prompt) as session:
        await run(session, "Talk.")
    assert prompt in claude.model.requests[0].instructions


async def test_a_prompt_of_2_mb_reaches_the_model(claude: Claude) -> None:
    prompt = "All of it. " * 200_000
    claude.model.reply(text("Fine."))
    async with claude.session() as session:
        ran = await run(session, prompt)
    assert ran.result.outcome == "completed"
    assert len(claude.model.requests[0].body) > len(prompt)


async def test_a_tool_use_of_5_mb_and_its_result_arrive_whole(claude: Claude) -> None:
    content = "0123456789" * 500_000
    claude.model.reply(call("Write", file_path=str(claude.workspace / "big.txt"), content=content)).reply(text("Ok."))
    async with claude.session(permission_mode="accept_edits") as session:
        ran = await run(session, "Write it.")
    [use] = ran.uses
    assert use.input["content"] == content
    assert ran.outcomes[0]["content"] == content
    assert claude.read("big.txt") == content


async def test_a_permission_request_of_5_mb_is_answered(claude: Claude) -> None:
    content = "0123456789" * 500_000
    asked: list[PermissionRequest] = []

    async def ask(request: PermissionRequest) -> Allow | Deny:
        asked.append(request)
        return Allow()

    claude.model.reply(call("Write", file_path=str(claude.workspace / "big.txt"), content=content)).reply(text("Ok."))
    async with claude.session(can_use_tool=ask, include_partial_messages=False) as session:
        await run(session, "Write it.")
    assert asked[0].input["content"] == content
    assert claude.read("big.txt") == content


async def test_20_000_deltas_that_nobody_reads_hold_up_neither_a_callback_nor_an_interrupt(claude: Claude) -> None:
    gate, asked, go = Gate(), anyio.Event(), anyio.Event()

    async def ask(request: PermissionRequest) -> Allow | Deny:
        asked.set()
        await go.wait()
        return Allow()

    claude.model.reply(deltas(20_000), claude.command("touch asked.txt"))
    claude.model.reply(deltas(20_000), text("On and ", gate, "on."))
    async with claude.backend(wire_log=None) as backend, await claude.open(backend, can_use_tool=ask) as session:
        claude.recorder.forget(session)
        slow = session.messages()  # Read by nobody until the end.
        uuid = await session.send("Talk.")
        await asked.wait()
        go.set()
        await gate.reached()
        assert (await session.interrupt()).interrupted
        assert claude.exists("asked.txt")
        result = await until(slow, StreamEvent, lambda event: event.text)
        assert result.text is not None
        assert uuid
        assert (await session.usage()).total.output_tokens > 0


async def test_a_page_of_history_with_large_messages_is_read(claude: Claude) -> None:
    content = "0123456789" * 200_000
    claude.model.reply(call("Write", file_path=str(claude.workspace / "big.txt"), content=content)).reply(text("Ok."))
    async with claude.session(permission_mode="accept_edits") as session:
        await run(session, "Write it.")
        history = await session.history()
    assert content in json.dumps([message.to_wire() for message in history])
