"""Scenarios of sub-agents, of both kinds that codex 0.163 has: v1 by the model's slug, v2 with the newest models."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, cast

from agent_sdk_core.asking.permissions import DEFER, Allow
from agent_sdk_core.messages.system import TaskNotification, TaskStarted
from agent_sdk_testing import Gate, ModelRequest, call, custom, failed, text
from codex_sdk.routing.receiver import Notification
from flows.stage import Stage, scenario
from flows.tools import ASKING

_V1: Final[dict[str, Any]] = {"slug": "mock-model"}
_V2: Final[dict[str, Any]] = {"slug": "gpt-6.1-sol"}
_THREAD: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _v1(tool: str, **arguments: Any) -> Any:
    return call(tool, arguments, namespace="multi_agent_v1")


def _v1_to_the_agent(tool: str, **arguments: Any) -> Callable[[ModelRequest], Any]:
    """Return a call about the sub-agent that the first tool output names."""

    def step(request: ModelRequest) -> Any:
        named = next(match for output in request.tool_outputs if (match := _THREAD.search(output.text)))
        about = {"targets": [named[0]]} if tool == "wait_agent" else {"target": named[0]}
        return _v1(tool, **about, **arguments)

    return step


def _v2(tool: str, **arguments: Any) -> Any:
    return call(tool, arguments, namespace="collaboration")


def _spawn_v2(name: str) -> Any:
    return _v2("spawn_agent", task_name=name, message="a task", fork_turns="none")


def _of(path: str) -> Callable[[ModelRequest], bool]:
    """Return a rule for the model requests of a v2 sub-agent."""
    return lambda request: f'"agent_name":"/root/{path}"' in request.headers.get("x-codex-turn-metadata", "")


def _completed(notification: Notification) -> bool:
    item = cast("dict[str, Any]", notification.params.get("item") or {})
    return notification.method == "item/completed" and item.get("kind") == "completed"


async def _started(stage: Stage) -> None:
    await stage.seen(lambda message: isinstance(message, TaskStarted))


async def _ended(stage: Stage) -> None:
    await stage.seen(lambda message: isinstance(message, TaskNotification))


@scenario(home=_V1)
async def agents_v1(stage: Stage) -> None:
    model = stage.model
    first, second = Gate(), Gate()
    model.when("the child's task").reply(first, text("child ", "says hi"))
    model.when("another task").reply(second, text("once more"))
    model.reply(_v1("spawn_agent", message="the child's task"))
    model.reply(_v1_to_the_agent("wait_agent", timeout_ms=20_000))
    model.reply(_v1_to_the_agent("send_input", message="another task"))
    model.reply(_v1_to_the_agent("wait_agent", timeout_ms=20_000))
    model.reply(_v1_to_the_agent("close_agent"))
    model.reply(text("all done"))
    async with stage.session.query("start a child") as turn:
        await stage.called("WaitAgent", 1)
        first.open()
        await stage.called("WaitAgent", 2)
        second.open()
        await turn.wait()


@scenario(home=_V1)
async def agent_v1_that_fails(stage: Stage) -> None:
    gate = Gate()
    stage.model.when("the child's task").reply(gate, failed("context_length_exceeded"))
    stage.model.reply(_v1("spawn_agent", message="the child's task"))
    stage.model.reply(_v1_to_the_agent("wait_agent", timeout_ms=20_000))
    stage.model.reply(_v1("close_agent", target="00000000-0000-7000-8000-000000000000"))
    stage.model.reply(text("all done"))
    async with stage.session.query("start a child") as turn:
        await stage.called("WaitAgent", 1)
        gate.open()
        await turn.wait()


@scenario(**ASKING, can_use_tool=DEFER, home=_V1)
async def agent_v1_that_asks(stage: Stage) -> None:
    gate = Gate()
    stage.model.when("the child's task").reply(gate, call("exec_command", cmd="echo a; sleep 0.3")).reply(
        text("child done")
    )
    stage.model.reply(_v1("spawn_agent", message="the child's task"))
    stage.model.reply(_v1_to_the_agent("wait_agent", timeout_ms=20_000))
    stage.model.reply(text("all done"))
    async with stage.session.query("start a child") as turn:
        await stage.called("WaitAgent", 1)
        gate.open()
        request = await stage.asked(1)
        await stage.session.answer(request.request_id, Allow())
        await turn.wait()


@scenario(home=_V1)
async def agent_v1_whose_parent_is_interrupted(stage: Stage) -> None:
    gate, late = Gate(), Gate()
    stage.model.when("the child's task").reply(gate, text("child ", late, "goes on"))
    stage.model.reply(_v1("spawn_agent", message="the child's task"))
    stage.model.reply(_v1_to_the_agent("wait_agent", timeout_ms=20_000))
    async with stage.session.query("start a child") as turn:
        await stage.called("WaitAgent", 1)
        gate.open()
        await stage.seen(lambda message: message.type == "stream_event" and message.parent_tool_use_id is not None)
        await turn.interrupt()
    await _ended(stage)
    late.open()


@scenario(home=_V2)
async def agents_v2(stage: Stage) -> None:
    model = stage.model
    first, second = Gate(), Gate()
    model.when(_of("one")).reply(first, text("child ", "says hi", phase="final_answer")).reply(second, text("second"))
    model.reply(_spawn_v2("one"))
    model.reply(_v2("wait_agent", timeout_ms=20_000))
    model.reply(_v2("send_message", target="one", message="a remark"))
    model.reply(_v2("followup_task", target="one", message="another task"))
    model.reply(_v2("wait_agent", timeout_ms=20_000))
    model.reply(_v2("list_agents"))
    model.reply(text("all done"))
    async with stage.session.query("start a child") as turn:
        await stage.called("WaitAgent", 1)
        first.open()
        await stage.called("WaitAgent", 2)
        second.open()
        await turn.wait()


@scenario(**ASKING, can_use_tool=DEFER, home=_V2)
async def agent_v2_that_asks(stage: Stage) -> None:
    gate = Gate()
    script = "text(await tools.exec_command({cmd: 'echo a; sleep 0.3'}))"
    stage.model.when(_of("one")).reply(gate, custom("exec", script)).reply(text("child done"))
    stage.model.reply(_spawn_v2("one"))
    stage.model.reply(_v2("wait_agent", timeout_ms=20_000))
    stage.model.reply(text("all done"))
    async with stage.session.query("start a child") as turn:
        await stage.called("WaitAgent", 1)
        gate.open()
        request = await stage.asked(1)
        await stage.session.answer(request.request_id, Allow())
        await turn.wait()


@scenario(home=_V2)
async def agent_v2_whose_parent_is_interrupted(stage: Stage) -> None:
    gate, late = Gate(), Gate()
    stage.model.when(_of("one")).reply(gate, text("child ", late, "goes on"))
    stage.model.reply(_spawn_v2("one"))
    stage.model.reply(_v2("wait_agent", timeout_ms=20_000))
    async with stage.session.query("start a child") as turn:
        await stage.called("WaitAgent", 1)
        gate.open()
        await stage.seen(lambda message: message.type == "stream_event" and message.parent_tool_use_id is not None)
        await turn.interrupt()
    await _ended(stage)
    late.open()


@scenario(home=_V2)
async def agent_v2_that_is_stopped(stage: Stage) -> None:
    gate, late, stop = Gate(), Gate(), Gate()
    stage.model.when(_of("one")).reply(gate, text("child ", late, "goes on"))
    stage.model.reply(_spawn_v2("one"))
    stage.model.reply(stop, _v2("interrupt_agent", target="one"))
    stage.model.reply(text("all done"))
    async with stage.session.query("start a child") as turn:
        await _started(stage)
        await stop.reached()
        gate.open()
        await stage.seen(lambda message: message.type == "stream_event" and message.parent_tool_use_id is not None)
        stop.open()
        await turn.wait()
    late.open()


@scenario(home=_V2)
async def agent_v2_with_an_agent(stage: Stage) -> None:
    model = stage.model
    gates = {name: Gate() for name in ("child", "grandchild")}
    model.when(_of("one/two")).reply(gates["grandchild"], text("grandchild done"))
    model.when(_of("one")).reply(gates["child"], _spawn_v2("two")).reply(_v2("wait_agent", timeout_ms=20_000)).reply(
        text("child done")
    )
    model.reply(_spawn_v2("one"))
    model.reply(_v2("wait_agent", timeout_ms=20_000))
    model.reply(text("all done"))
    async with stage.session.query("start a child") as turn:
        await stage.called("WaitAgent", 1)
        gates["child"].open()
        await stage.called("WaitAgent", 2)
        gates["grandchild"].open()
        await turn.wait()


@scenario(home=_V2)
async def agent_v2_that_outlives_its_turn(stage: Stage) -> None:
    gate = Gate()
    stage.model.when(_of("one")).reply(gate, text("child goes on"))
    stage.model.reply(_spawn_v2("one"))
    stage.model.reply(text("all done"))
    await stage.say("start a child")
    gate.open()
    await stage.told(_completed)
