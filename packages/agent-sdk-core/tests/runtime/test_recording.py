"""What a session leaves in the telemetry of the process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from agent_sdk_core.asking.permissions import DEFER, Allow
from agent_sdk_core.errors import InvalidRequestError, ProcessExitedError
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import ApiRetry, RequestOpened, UsageMessage
from agent_sdk_core.messages.usage import ModelUsage, SessionUsage, Usage
from agent_sdk_core.runtime import recording
from agent_sdk_core.runtime.recording import SessionRecorder
from agent_sdk_core.telemetry import metrics
from agent_sdk_core.telemetry.correlation import correlation
from agent_sdk_core.telemetry.metrics import Instrument
from agent_sdk_core.telemetry.reporting import error_reporter

pytestmark = pytest.mark.anyio

SOURCE = Source("memory", synthetic=True)
Growth = Callable[..., float]


@pytest.fixture
def grown() -> Growth:
    """How much an instrument counted since the test began."""
    before = {each.name: each.read() for each in metrics.INSTRUMENTS}

    def growth(instrument: Instrument, **attributes: str) -> float:
        old = before[instrument.name].series
        known = sum(each.value for each in old if attributes.items() <= each.attributes.items())
        return instrument.value(**attributes) - known

    return growth


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [1000.0]
    monkeypatch.setattr(recording, "clock", lambda: time[0])
    return time


def used(identity: str, name: str = "Bash") -> SDKMessage:
    content: list[dict[str, Any]] = [{"type": "tool_use", "id": identity, "name": name, "input": {}}]
    return parse_message({"type": "assistant", "message": {"content": content}}, source=SOURCE)


def told(identity: str, *, is_error: bool = False) -> SDKMessage:
    content = [{"type": "tool_result", "tool_use_id": identity, "content": "x", "is_error": is_error}]
    return parse_message({"type": "user", "message": {"content": content}}, source=SOURCE)


async def test_a_turn_is_counted_and_timed(agent: Any, session: Any, grown: Growth, now: list[float]) -> None:
    async with session.query("Go.") as turn:
        await anyio.wait_all_tasks_blocked()
        agent.emit(agent.init().model_copy(update={"model": "m"}))
        now[0] += 2
        agent.emit(agent.delta("he"), agent.delta("llo"))
        now[0] += 3
        usage = {"input_tokens": 5, "output_tokens": 2, "cache_read_input_tokens": 1, "reasoning_output_tokens": 2}
        agent.emit(agent.text("hello"), agent.result(result="hello", usage=usage))
        assert (await turn.wait()).outcome == "completed"
    assert grown(metrics.TURNS, backend="memory", outcome="completed") == 1
    assert grown(metrics.TURN_SECONDS, backend="memory") == 5
    assert grown(metrics.FIRST_TOKEN, backend="memory") == 2
    assert grown(metrics.TOKENS, backend="memory", model="m", agent="main") == 8
    assert grown(metrics.TOKENS, type="input") == 5


async def test_the_first_that_is_said_may_be_whole_and_is_the_main_thread_s(
    agent: Any, session: Any, grown: Growth, now: list[float]
) -> None:
    async with session.query("Go.") as turn:
        await anyio.wait_all_tasks_blocked()
        agent.emit(agent.init())
        now[0] += 1
        agent.emit(agent.text("a child", parent_tool_use_id="t"), agent.init())
        now[0] += 1
        agent.finish()
        await turn.wait()
    assert grown(metrics.FIRST_TOKEN) == 2


async def test_a_failed_turn_is_reported_with_its_session(agent: Any, session: Any, grown: Growth) -> None:
    async with session.query("Go.") as turn:
        await anyio.wait_all_tasks_blocked()
        agent.emit(
            agent.init(), agent.result(subtype="error_during_execution", is_error=True, error_code="rate_limited")
        )
        assert (await turn.wait()).outcome == "failed"
    assert grown(metrics.TURNS, outcome="failed") == 1
    record = error_reporter().records()[0]
    assert (record.error, record.where, record.backend) == ("RateLimitError", "turn", "memory")
    assert record.last_context == {"backend": "memory", "session": "session-1", "turn": turn.uuid}


async def test_a_refused_prompt_is_an_error_and_a_turn_that_failed(agent: Any, session: Any, grown: Growth) -> None:
    async def refuse(*_: Any) -> None:
        raise InvalidRequestError("Not that.")

    agent.hooks["start_turn"] = refuse
    with pytest.raises(InvalidRequestError):
        await session.send("Go.")
    assert grown(metrics.TURNS, backend="memory", outcome="failed") == 1
    assert grown(metrics.ERRORS, where="prompt", code="invalid_request") == 1


async def test_a_turn_that_the_agent_does_not_end_is_ended_in_the_counts(
    agent: Any, session: Any, grown: Growth
) -> None:
    async def gone(*_: Any) -> str:
        agent.turn_id = None
        session.disconnected(ProcessExitedError("It is gone."))
        return "turn-9"

    agent.hooks["start_turn"] = gone
    turn = session.query("Go.")
    async with turn:
        assert (await turn.wait()).error_code == "process_exited"
    assert grown(metrics.TURNS, outcome="failed") == 1
    assert grown(metrics.ERRORS, where="turn", code="process_exited") == 1


async def test_prompts_that_wait_are_the_depth_of_the_queue(agent: Any, session: Any, grown: Growth) -> None:
    async with session.query("Go.") as turn:
        await anyio.wait_all_tasks_blocked()
        await session.send("Then this.")
        await session.send("And this.")
        assert grown(metrics.QUEUE_DEPTH, backend="memory") == 2
        await session.interrupt()
        await turn.wait()
    assert grown(metrics.QUEUE_DEPTH, backend="memory") == 0
    assert grown(metrics.TURNS, outcome="interrupted") == 1
    assert grown(metrics.ERRORS) == 0


async def test_tools_and_retries_are_counted(agent: Any, session: Any, grown: Growth, now: list[float]) -> None:
    agent.emit(used("t1"), used("t2"), ApiRetry.synthesize(SOURCE))
    now[0] += 4
    agent.emit(told("t1"), told("t2", is_error=True), told("never"))
    assert grown(metrics.TOOL_CALLS, tool="Bash", outcome="completed") == 1
    assert grown(metrics.TOOL_CALLS, tool="Bash", outcome="failed") == 1
    assert grown(metrics.TOOL_SECONDS) == 8
    assert grown(metrics.RETRIES, backend="memory") == 1


async def test_tool_uses_without_end_do_not_grow_without_end(
    agent: Any, grown: Growth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_MOST_OPEN", 2)
    agent.emit(used("t1"), used("t2"), used("t3"))
    agent.emit(told("t1"), told("t3"))
    assert grown(metrics.TOOL_CALLS) == 1


async def test_requests_wait_and_are_settled(agent: Any, session: Any, grown: Growth) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: agent.ask(DEFER))
        await anyio.wait_all_tasks_blocked()
        assert grown(metrics.APPROVALS_WAITING, backend="memory", kind="permission") == 1
        await session.answer("r1", Allow())
    assert grown(metrics.APPROVALS_WAITING) == 0
    assert grown(metrics.APPROVALS, kind="permission", outcome="allowed", by="answer") == 1


async def test_a_closed_session_leaves_no_level_behind(backend: Any, grown: Growth) -> None:
    session = await backend.create_session()
    assert grown(metrics.SESSIONS, backend="memory") == 1
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: session.driver.ask(DEFER))
        await anyio.wait_all_tasks_blocked()
        await session.aclose()
    session.driver.emit(
        RequestOpened.synthesize(SOURCE, request_id="late", kind="permission", request={}),
    )
    assert grown(metrics.SESSIONS) == grown(metrics.APPROVALS_WAITING) == grown(metrics.QUEUE_DEPTH) == 0


async def test_what_sub_agents_used_is_known_and_counted(agent: Any, session: Any, grown: Growth) -> None:
    usage = {"input_tokens": 3, "output_tokens": 4}
    agent.emit(UsageMessage.synthesize(SOURCE, parent_tool_use_id="t1", usage=usage))
    agent.emit(agent.text("I look.", parent_tool_use_id="t1"))
    assert (await session.usage()).by_agent == {"t1": Usage(input_tokens=3, output_tokens=4)}
    assert grown(metrics.TOKENS, agent="sub_agent") == 7


@pytest.mark.parametrize(
    ("resumed", "counted"),
    [(False, [0.5, 0.75]), (True, [0.125, 0.375])],
    ids=["a new session", "a resumed one, of whose first cost a quarter is its own"],
)
async def test_a_cost_is_counted_by_what_it_grows(resumed: bool, counted: list[float], grown: Growth) -> None:
    spent = SessionUsage(Usage())
    recorder = SessionRecorder("memory", "s", lambda: spent, resumed=resumed)
    turn = ResultMessage.synthesize(SOURCE, subtype="success", usage={"input_tokens": 5, "output_tokens": 5})
    recorder.take(turn)
    assert grown(metrics.COST) == 0
    spent = SessionUsage(Usage(), by_model={"m": ModelUsage(inputTokens=40)}, cost_usd=0.5)
    recorder.take(turn)
    assert grown(metrics.COST, backend="memory") == counted[0]
    spent = SessionUsage(Usage(), by_model={"m": ModelUsage(inputTokens=50)}, cost_usd=0.75)
    recorder.take(turn)
    recorder.take(turn)
    assert grown(metrics.COST, backend="memory") == counted[1]


async def test_a_first_cost_of_which_nothing_is_known_is_not_counted(grown: Growth) -> None:
    spent = SessionUsage(Usage(), cost_usd=0.5)
    recorder = SessionRecorder("memory", "s", lambda: spent, resumed=True)
    recorder.take(ResultMessage.synthesize(SOURCE, subtype="success"))
    assert grown(metrics.COST) == 0


async def test_code_of_the_application_knows_what_it_belongs_to(agent: Any, session: Any) -> None:
    known: list[dict[str, str]] = []

    async def allow(request: Any) -> Allow:
        known.append(dict(correlation()))
        raise RuntimeError("It broke.")

    async with session.query("Go.") as turn:
        await anyio.wait_all_tasks_blocked()
        agent.emit(agent.init())
        await agent.ask(allow)
        agent.finish()
        await turn.wait()
    ids = {"backend": "memory", "session": "session-1", "turn": turn.uuid, "request": "r1"}
    assert known == [ids]
    assert error_reporter().records()[0].last_context == ids
    assert error_reporter().records()[0].where == "callback"
    assert dict(correlation()) == {}


async def test_the_task_of_a_turn_knows_it(agent: Any, session: Any) -> None:
    known: list[dict[str, str]] = []

    async def start(prompt: object, uuid: str) -> str:
        known.append({**correlation(), "uuid": uuid})
        return agent.open(uuid)

    agent.hooks["start_turn"] = start
    async with session.query("Go.") as turn:
        await anyio.wait_all_tasks_blocked()
        agent.finish()
        await turn.wait()
    assert known == [{"backend": "memory", "session": "session-1", "turn": turn.uuid, "uuid": turn.uuid}]
