from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import anyio
import pytest
from tests.codex.driving import ASK_ALWAYS, Codex, backend_of, told

from agent_sdk_core import (
    AgentSession,
    Allow,
    AssistantMessage,
    Deny,
    RequestResolved,
    StreamEvent,
    TaskNotification,
    TaskStarted,
    ToolUseBlock,
    Turn,
)
from agent_sdk_testing import Gate, ModelRequest, Step, call, custom, text
from agent_sdk_testing.contract.watching import Asker, Waiter, until

pytestmark = pytest.mark.anyio

_THREAD = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Kind:
    """How the model starts and awaits a sub-agent, and how a sub-agent runs a command."""

    version: Literal["v1", "v2"]

    @property
    def slug(self) -> str:
        return "mock-model" if self.version == "v1" else "gpt-6.1-sol"

    def spawn(self) -> Step:
        if self.version == "v1":
            return call("spawn_agent", namespace="multi_agent_v1", message="the child's task")
        return call("spawn_agent", namespace="collaboration", task_name="one", message="a task", fork_turns="none")

    def wait(self) -> Callable[[ModelRequest], Step]:
        def step(request: ModelRequest) -> Step:
            if self.version == "v2":
                return call("wait_agent", namespace="collaboration", timeout_ms=20_000)
            [named] = {match[0] for output in request.tool_outputs if (match := _THREAD.search(output.text))}
            return call("wait_agent", namespace="multi_agent_v1", targets=[named], timeout_ms=20_000)

        return step

    def is_child(self, request: ModelRequest) -> bool:
        if self.version == "v1":
            return request.last_user_text == "the child's task"
        return '"agent_name":"/root/one"' in request.headers.get("x-codex-turn-metadata", "")

    def command(self, cmd: str) -> Step:
        if self.version == "v1":
            return call("exec_command", cmd=cmd)
        return custom("exec", f"text(await tools.exec_command({{cmd: {cmd!r}}}))")


@pytest.fixture(params=["v1", "v2"])
def kind(request: pytest.FixtureRequest, codex: Codex) -> Kind:
    kind = Kind(request.param)
    codex.settings(slug=kind.slug)
    return kind


def script(codex: Codex, kind: Kind, *, ends: bool = True) -> Any:
    """Let the model start a sub-agent and wait for it; return the rule for what the sub-agent says."""
    codex.model.reply(kind.spawn()).reply(kind.wait())
    if ends:
        codex.model.reply(text("All done."))
    return codex.model.when(kind.is_child)


async def waiting(turn: Turn) -> ToolUseBlock:
    """Read until the model waits for its sub-agent; return the tool use that started the sub-agent."""
    started = await until(turn, AssistantMessage, lambda message: any(use.name == "Task" for use in message.tool_uses))
    await until(turn, AssistantMessage, lambda message: any(use.name == "WaitAgent" for use in message.tool_uses))
    return started.tool_uses[0]


async def none_runs(session: AgentSession) -> None:
    """Wait until no thread of Codex runs a turn; one whose model or person is still waited for would for ever."""
    while await running(session):
        await anyio.sleep(0.02)


async def running(session: AgentSession) -> list[str]:
    """Return the threads of Codex that run a turn."""
    backend = backend_of(session)
    loaded = (await backend.request("thread/loaded/list", {})).data
    threads = [(await backend.request("thread/read", {"threadId": thread_id})).thread for thread_id in loaded]
    return [thread.id for thread in threads if thread.status.type == "active"]


async def test_a_sub_agent_is_a_task_and_what_it_says_hangs_below_it(codex: Codex, kind: Kind) -> None:
    gate = Gate()
    script(codex, kind).reply(gate, text("Child ", "speaks."))
    async with codex.session() as session:
        async with session.query("Delegate.") as turn:
            stream = session.messages()
            task = await waiting(turn)
            gate.open()
            ran = await turn.wait()
        assert (ran.outcome, ran.result) == ("completed", "All done.")
        said = await until(stream, AssistantMessage, lambda message: message.parent_tool_use_id is not None)
        assert (said.text, said.parent_tool_use_id) == ("Child speaks.", task.id)
        ended = await until(stream, TaskNotification)
        assert (ended.tool_use_id, ended.status) == (task.id, "completed")
        assert task.kind == "agent"
        used = await session.usage()
        everything = sum(each.total_tokens for each in used.by_model.values())
        assert used.by_agent[task.id].total_tokens == everything - used.total.total_tokens > 0


async def test_a_command_of_a_sub_agent_asks_in_its_name(codex: Codex, kind: Kind) -> None:
    gate, asker = Gate(), Asker([Allow()])
    script(codex, kind).reply(gate, kind.command("echo asked > asked.txt; sleep 0.3")).reply(text("Child done."))
    async with codex.session(native=ASK_ALWAYS, can_use_tool=asker) as session, session.query("Delegate.") as turn:
        task = await waiting(turn)
        gate.open()
        assert (await turn.wait()).result == "All done."
    [request] = asker.requests
    assert (request.tool_name, request.parent_tool_use_id) == ("Bash", task.id)
    assert request.session_id == session.session_id
    assert codex.read("asked.txt") == "asked\n"


async def test_what_a_sub_agent_was_denied_is_listed_with_the_result(codex: Codex, kind: Kind) -> None:
    gate, asker = Gate(), Asker([Deny()])
    script(codex, kind).reply(gate, kind.command("echo asked > asked.txt; sleep 0.3")).reply(text("Child done."))
    async with codex.session(native=ASK_ALWAYS, can_use_tool=asker) as session, session.query("Delegate.") as turn:
        await waiting(turn)
        gate.open()
        result = await turn.wait()
    assert [denial["tool_name"] for denial in result.permission_denials] == ["Bash"]
    assert not codex.exists("asked.txt")


async def test_an_interrupt_of_the_parent_ends_its_sub_agent(codex: Codex, kind: Kind) -> None:
    gate, late = Gate(), Gate()
    script(codex, kind, ends=False).reply(gate, text("Child ", late, "goes on."))
    async with codex.session() as session:
        stream, watch = session.messages(), backend_of(session).notifications()
        turn = session.query("Delegate.")
        task = await waiting(turn)
        gate.open()
        await until(stream, StreamEvent, lambda event: event.parent_tool_use_id == task.id and event.text)
        await turn.interrupt()
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"
        ended = await until(stream, TaskNotification)
        assert (ended.tool_use_id, ended.status) == (task.id, "stopped")
        await told(
            watch,
            "turn/completed",
            lambda params: params["threadId"] != session.thread_id and params["turn"]["status"] == "interrupted",
        )
        await none_runs(session)
        late.open()


async def test_an_interrupt_of_the_parent_withdraws_what_its_sub_agent_asks(codex: Codex, kind: Kind) -> None:
    gate, waiter = Gate(), Waiter()
    script(codex, kind, ends=False).reply(gate, kind.command("echo asked > asked.txt"))
    async with codex.session(native=ASK_ALWAYS, can_use_tool=waiter) as session:
        stream = session.messages()
        turn = session.query("Delegate.")
        await waiting(turn)
        gate.open()
        await waiter.asked.wait()
        await turn.interrupt()
        await waiter.cancelled.wait()
        notified, resolved = False, None  # In which order, nobody says.
        while not notified or resolved is None:
            message = await anext(stream)
            notified = notified or isinstance(message, TaskNotification)
            resolved = message if isinstance(message, RequestResolved) else resolved
        assert resolved.outcome == "withdrawn"
        assert not session.pending
        await none_runs(session)
    assert not codex.exists("asked.txt")


async def test_closing_the_session_ends_its_sub_agents(codex: Codex, kind: Kind) -> None:
    gate, late = Gate(), Gate()
    script(codex, kind, ends=False).reply(gate, text("Child ", late, "goes on."))
    async with codex.backend() as backend:
        session = await codex.open(backend)
        stream = session.messages()
        turn = session.query("Delegate.")
        task = await waiting(turn)
        gate.open()
        await until(stream, StreamEvent, lambda event: event.parent_tool_use_id == task.id and event.text)
        await session.aclose()
        with anyio.fail_after(30):
            other = await codex.open(backend)
            await none_runs(other)
        late.open()


async def test_a_sub_agent_may_outlive_the_turn_that_started_it(codex: Codex, kind: Kind) -> None:
    gate = Gate()
    codex.model.reply(kind.spawn()).reply(text("I do not wait."))
    codex.model.when(kind.is_child).reply(gate, text("Child done."))
    async with codex.session() as session:
        stream = session.messages()
        async with session.query("Delegate.") as turn:
            assert (await turn.wait()).result == "I do not wait."
        started = await until(stream, TaskStarted)
        gate.open()
        ended = await until(stream, TaskNotification)
        assert (ended.task_id, ended.status) == (started.task_id, "completed")


async def test_closing_an_idle_session_ends_the_sub_agent_that_still_runs(codex: Codex, kind: Kind) -> None:
    gate, late = Gate(), Gate()
    codex.model.reply(kind.spawn()).reply(text("I do not wait."))
    codex.model.when(kind.is_child).reply(gate, text("Child ", late, "goes on."))
    async with codex.backend() as backend:
        session = await codex.open(backend)
        stream = session.messages()
        async with session.query("Delegate.") as turn:
            await turn.wait()
        gate.open()
        await until(stream, StreamEvent, lambda event: event.parent_tool_use_id and event.text)
        await session.aclose()
        ended = await until(stream, TaskNotification)
        assert ended.status == "stopped"
        [request] = filter(kind.is_child, codex.model.requests)
        assert await request.finished() == "client_gone"
        late.open()
