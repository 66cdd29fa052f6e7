"""Scenarios of turns that no prompt of the session began, or that another began; forks, histories, lost providers."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_testing import Gate, call, text
from codex_sdk.routing.receiver import Notification
from flows.stage import Stage, scenario

_NOBODY: Final = {"base_url": "http://127.0.0.1:1/v1"}
"""A provider that no process listens for."""


def _prompt(stage: Stage, words: str) -> dict[str, Any]:
    return {
        "threadId": stage.session.thread_id,
        "input": [{"type": "text", "text": words, "text_elements": []}],
        "clientUserMessageId": str(uuid4()),
    }


def _reached(notification: Notification) -> bool:
    return notification.method == "thread/goal/updated" and "complete" in str(notification.params.get("goal"))


async def _results(stage: Stage, number: int) -> None:
    def is_it(message: object) -> bool:
        del message
        return sum(isinstance(seen, ResultMessage) for seen in stage.messages) >= number

    await stage.seen(is_it)


@scenario(permission_mode="bypass", home={"features": {"goals": True}})
async def goal(stage: Stage) -> None:
    stage.model.reply(text("Half way.", phase="final_answer"))
    # The response ends only after the tool did: else it is chance which of the two codex accounts for first.
    counted = Gate()
    stage.model.reply(call("update_goal", status="complete"), counted).reply(text("There."))
    await stage.backend.request("thread/goal/set", {"threadId": stage.session.thread_id, "objective": "Get there."})
    await stage.told(_reached)
    counted.open()
    await _results(stage, 2)


@scenario()
async def turn_of_another_client_that_joins(stage: Stage) -> None:
    gate = Gate()
    stage.model.reply(text("One", gate, ".")).reply(text("Both."))
    async with stage.session.query("first") as turn:
        await stage.seen(lambda message: message.type == "stream_event" and '"One"' in message.to_json())
        await stage.backend.request("turn/start", _prompt(stage, "second"))
        await stage.model.wait_for_requests(2)
        gate.open()
        await turn.wait()


@scenario()
async def shell_command_of_the_user(stage: Stage) -> None:
    command = {"threadId": stage.session.thread_id, "command": "echo mine; sleep 0.3"}
    await stage.backend.request("thread/shellCommand", command)
    await _results(stage, 1)


@scenario()
async def forked(stage: Stage) -> None:
    stage.model.reply(text("One.")).reply(text("Two.")).reply(text("In the fork."))
    await stage.say("first")
    await stage.say("second")
    first = await stage.seen(lambda message: isinstance(message, ResultMessage))
    async with await stage.session.fork(at=first.uuid) as fork, fork.query("instead of the second") as turn:
        await turn.wait()


async def _work_and_read(stage: Stage) -> None:
    stage.model.reply(call("exec_command", cmd="echo hi; sleep 0.3")).reply(text("done"))
    await stage.say("work")
    await stage.session.history()


@scenario(permission_mode="bypass", native={"historyMode": "paginated"})
async def history_paginated(stage: Stage) -> None:
    await _work_and_read(stage)


@scenario(permission_mode="bypass", native={"historyMode": "legacy"})
async def history_legacy(stage: Stage) -> None:
    await _work_and_read(stage)


@scenario(home={"provider": _NOBODY})
async def refused_connection(stage: Stage) -> None:
    await stage.say("hi")


@scenario(home={"provider": _NOBODY, "features": {"unbounded_connection_retries": True}})
async def refused_connection_interrupted(stage: Stage) -> None:
    async with stage.session.query("hi") as turn:
        await stage.seen(lambda message: message.type == "system" and "api_retry" in message.to_json())
        await turn.interrupt()


@scenario()
async def queued_in_codex(stage: Stage) -> None:
    """A prompt waits in Codex's own queue, and has a turn of its own."""
    gate = Gate()
    stage.model.reply(text("One", gate, ".")).reply(text("Two."))
    async with stage.session.query("first") as turn:
        await stage.seen(lambda message: message.type == "stream_event" and '"One"' in message.to_json())
        await stage.backend.request("thread/queue/add", _prompt(stage, "second"))
        gate.open()
        await turn.wait()
    await _results(stage, 2)
