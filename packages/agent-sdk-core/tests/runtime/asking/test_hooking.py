"""The hooks of a session: called in order, and whatever they do made one outcome that can be used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    AddContext,
    Block,
    ChangeInput,
    Hook,
    HookEvent,
    Hooks,
    PolicyGuard,
    PostCompactEvent,
    PreToolUseEvent,
    SessionEndEvent,
    SessionOptions,
    StopTurn,
    SystemMessage,
    TextInput,
)
from agent_sdk_core.errors import AgentError
from agent_sdk_core.runtime.asking import hooking
from agent_sdk_core.runtime.asking.hooking import HookOutcome, SessionHooks, check_tool
from agent_sdk_core.runtime.asking.policing import Police
from agent_sdk_core.runtime.host import Host

pytestmark = pytest.mark.anyio

CALL = PreToolUseEvent("Bash", {"command": "ls"}, "use-1")
WHERE: ContextVar[str] = ContextVar("where", default="nowhere")


@pytest.fixture
async def host(anyio_backend: str) -> AsyncIterator[Host]:
    async def stop() -> None:
        return

    def abort(error: AgentError) -> None:
        del error

    host = Host("the host of the test", on_stop=stop, on_abort=abort)
    await host.start()
    yield host
    await host.aclose()


class Told(list[SystemMessage]):
    """What was told."""

    @property
    def outcomes(self) -> list[tuple[Any, Any]]:
        return [(extra["hook_name"], extra["outcome"]) for each in self if (extra := each.model_extra or {})]


def made(host: Host, told: Told | None = None, **hooks: Any) -> SessionHooks:
    return SessionHooks(Hooks(**hooks), host, (told if told is not None else Told()).append, lambda: "session-1")


def giving(answer: Any, name: str = "given") -> Any:
    async def hook(event: HookEvent) -> Any:
        return answer

    hook.__name__ = name
    return hook


async def test_hooks_see_what_those_before_them_left_and_a_block_is_the_last(host: Host) -> None:
    seen: list[Any] = []

    async def note(event: PreToolUseEvent) -> None:
        seen.append(event.input)

    chain = [
        giving(ChangeInput({"command": "a"}), "a"),
        note,
        giving(AddContext("x"), "x"),
        giving(Block("no"), "b"),
        note,
    ]
    told = Told()
    outcome = await made(host, told, pre_tool_use=chain).run(CALL)
    assert outcome == HookOutcome(block="no", input={"command": "a"}, context=("x",))
    assert seen == [{"command": "a"}]
    assert told.outcomes == [("a", "changed"), ("x", "context"), ("b", "blocked")]
    assert {message.session_id for message in told} == {"session-1"}


async def test_a_stop_ends_it_too_and_reasons_are_never_blank(host: Host) -> None:
    stopped = await made(host, pre_tool_use=[giving(StopTurn(" ")), giving(Block("never"))]).run(CALL)
    assert (stopped.block, stopped.stop) == (None, "The pre_tool_use hook given stopped the turn.")
    assert (
        await made(host, pre_tool_use=giving(Block(""))).run(CALL)
    ).block == "The pre_tool_use hook given refused it."


@pytest.mark.parametrize("answer", [5, "deny", {}, Block, HookOutcome(), AddContext])
async def test_an_answer_of_another_kind_is_a_failure(host: Host, answer: Any) -> None:
    told = Told()
    outcome = await made(host, told, pre_tool_use=giving(answer)).run(CALL)
    assert "takes one of: Block, ChangeInput, AddContext, StopTurn, None" in str(outcome.block)
    assert told.outcomes == [("given", "failed")]


async def test_an_event_that_guards_nothing_passes_a_failure_and_says_so(host: Host) -> None:
    told = Told()
    assert await made(host, told, post_compact=giving(Block("no"))).run(PostCompactEvent()) == HookOutcome()
    assert told.outcomes == [("given", "failed")]


async def test_a_hook_that_takes_too_long_blocks(host: Host) -> None:
    async def wait(event: HookEvent) -> None:
        await anyio.sleep_forever()

    outcome = await made(host, pre_tool_use=Hook(wait, timeout=0.01)).run(CALL)
    assert outcome.block == "The pre_tool_use hook wait did not answer within 0.01 s."


async def test_who_asks_may_give_up(host: Host) -> None:
    began, cancelled = anyio.Event(), anyio.Event()

    async def wait(event: HookEvent) -> None:
        began.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(made(host, pre_tool_use=wait).run, CALL)
            await began.wait()
            tasks.cancel_scope.cancel()
        await cancelled.wait()


async def test_a_hook_runs_in_the_context_in_which_the_session_was_made(host: Host) -> None:
    seen: list[str] = []

    async def note(event: HookEvent) -> None:
        seen.append(WHERE.get())

    token = WHERE.set("made")
    hooks = made(host, pre_tool_use=note)
    WHERE.reset(token)
    await hooks.run(CALL)
    assert seen == ["made"]


async def test_a_policy_comes_first_and_judges_what_was_changed(host: Host) -> None:
    seen: list[Any] = []

    async def change(event: PreToolUseEvent) -> ChangeInput:
        seen.append(event.input)
        return ChangeInput({"command": "rm x"})

    policy = PolicyGuard(deny=["Bash(rm *)"], ask=["Bash(git *)"])
    police = Police.of(SessionOptions(policy=policy))
    hooks = made(host, pre_tool_use=change)
    assert "Bash(rm *)" in str((await check_tool(PreToolUseEvent("Bash", {"command": "rm a"}), police, hooks)).block)
    assert not seen
    assert "Bash(rm *)" in str((await check_tool(CALL, police, hooks)).block)
    asked = PreToolUseEvent("Bash", {"command": "git log"})
    assert "git" in str((await check_tool(asked, police, None)).ask)
    assert await check_tool(CALL, police, None) == await check_tool(CALL, None, None) == HookOutcome()


async def test_what_is_added_to_a_prompt_is_taken_once(host: Host) -> None:
    hooks = made(host, prompt_submit=giving(AddContext("x")), session_start=giving(AddContext("s")))
    assert await hooks.start(SessionOptions(resume="abc"), cwd="/") is None
    assert await hooks.check_prompt([TextInput("one"), TextInput("two")], "uuid") is None
    assert hooks.take_context() == "s\n\nx"
    assert hooks.take_context() is None


async def test_the_end_is_told_once_and_does_not_wait_for_long(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    reasons: list[str] = []

    async def end(event: SessionEndEvent) -> None:
        reasons.append(event.reason)
        await anyio.sleep_forever()

    monkeypatch.setattr(hooking, "END_SECONDS", 0.01)
    hooks = made(host, session_end=end)
    with anyio.fail_after(30):
        await hooks.end("lost")
        await hooks.end("closed")
    assert reasons == ["lost"]


async def test_a_session_without_hooks_asks_nobody(host: Host) -> None:
    hooks = SessionHooks(None, host, Told().append, lambda: "session-1")
    assert not hooks.has("stop")
    assert hooks.seconds("stop") == 0
    assert await hooks.run(CALL) == HookOutcome()
    assert await hooks.check_prompt("x", "uuid") is None
    assert await hooks.start(SessionOptions(), cwd=None) is None
    await hooks.end("closed")
