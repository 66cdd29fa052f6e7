"""The prompts that wait: edited, removed and moved before their turn comes."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.interfaces.turn import QueuedPrompt

pytestmark = pytest.mark.anyio


async def test_an_edited_prompt_is_sent_as_it_is_now(session: Any, agent: Any) -> None:
    sent: list[Any] = []

    async def remember(prompt: Any, uuid: str) -> str:
        sent.append(prompt)
        return agent.open(uuid)

    agent.hooks["start_turn"] = remember
    with anyio.fail_after(30):
        await session.send("one")
        uuid = await session.send("two")
        session.queue.edit(uuid, "two, but better")
        assert session.queue[0] == QueuedPrompt(uuid, "two, but better")
        agent.finish()
        await anyio.wait_all_tasks_blocked()
        agent.finish()
        await session.wait_idle()
    assert sent == ["one", "two, but better"]


async def test_a_removed_prompt_ends_as_cancelled(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        messages = session.messages()
        await session.send("one")
        uuid = await session.send("two")
        session.queue.remove(uuid)
        assert not session.queue
        result = await anext(messages)
        agent.finish()
        await session.wait_idle()
    assert (result.user_message_uuids, result.outcome) == ([uuid], "cancelled")
    assert agent.calls == ["start_turn"]


async def test_a_moved_prompt_runs_at_its_new_place(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        await session.send("one")
        for name in ("two", "three", "four"):
            await session.send(name, uuid=name)
        session.queue.move("four", 0)
        assert [prompt.uuid for prompt in session.queue[0:2]] == ["four", "two"]
        agent.finish()
        await anyio.wait_all_tasks_blocked()
        assert agent.uuids == ["four"]
        agent.finish()
        await session.interrupt()
        agent.finish()


@pytest.mark.parametrize("change", ["edit", "remove", "move"])
async def test_a_prompt_that_does_not_wait_cannot_be_changed(session: Any, agent: Any, change: str) -> None:
    arguments = {"edit": ("x", "new"), "remove": ("x",), "move": ("x", 0)}[change]
    with pytest.raises(InvalidRequestError, match="'x' waits"):
        getattr(session.queue, change)(*arguments)
    assert "WaitingPrompts([])" in repr(session.queue)


async def test_an_empty_prompt_is_no_edit(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        await session.send("one")
        uuid = await session.send("two")
        with pytest.raises(InvalidRequestError):
            session.queue.edit(uuid, [])
        assert session.queue[0].prompt == "two"


async def test_an_interrupt_cancels_a_prompt_whose_steer_fails_meanwhile(session: Any, agent: Any) -> None:
    asked, answer = anyio.Event(), anyio.Event()

    async def too_late(*_: Any) -> bool:
        asked.set()
        await answer.wait()
        return False

    agent.hooks["steer"] = too_late
    with anyio.fail_after(30):
        messages = session.messages()
        await session.send("one")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: session.send("two", priority="steer", uuid="two"))
            await asked.wait()
            tasks.start_soon(session.interrupt)
            await anyio.wait_all_tasks_blocked()
            answer.set()
        await session.wait_idle()
        results = [message async for message in _until(messages, "two")]
    assert results[-1].outcome == "cancelled"
    assert agent.calls.count("start_turn") == 1


class _until:
    """The results of a stream, up to the one that lists a prompt."""

    def __init__(self, messages: Any, uuid: str) -> None:
        self._messages, self._uuid, self._over = messages, uuid, False

    def __aiter__(self) -> _until:
        return self

    async def __anext__(self) -> Any:
        if self._over:
            raise StopAsyncIteration
        message = await anext(self._messages)
        while not hasattr(message, "outcome"):
            message = await anext(self._messages)
        self._over = self._uuid in message.user_message_uuids
        return message
