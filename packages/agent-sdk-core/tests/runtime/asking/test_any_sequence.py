"""Requests, answers, withdrawals, deadlines, interrupts, crashes and reconnections in any order.

Each request is settled exactly once, allowed by nothing but an allow, and nothing that the agent waits for stays open.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent_sdk_core.asking.approvals import ALLOW, DENY, Offers
from agent_sdk_core.asking.permissions import DEFER, Allow, Deny, PermissionOption, PermissionRequest
from agent_sdk_core.asking.requests import Ask, Reading
from agent_sdk_core.errors import AgentError, ProcessExitedError
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.system import RequestOpened, RequestResolved
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.policy.guard import PolicyGuard
from agent_sdk_core.rpc.receiver import ServerRequest
from agent_sdk_core.runtime.asking.broker import RequestBroker

T = TypeVar("T")

SESSION = PermissionOption("allow_session", "Yes, for this session", Allow("session"), "here")
OFFERS = Offers([(ALLOW, "allow"), (SESSION, "session"), (DENY, "deny")])
COMMANDS = ["make", "rm x", "ls"]
POLICY = PolicyGuard(deny=["Bash(rm *)"], allow=["Bash(ls *)"])


class Agent:
    """The agent as the broker sees it, from one connection to the next."""

    def __init__(self) -> None:
        self.waits: set[int] = set()
        self.heard: dict[int, list[Any]] = {}

    def awaits(self, request_id: int) -> bool:
        return request_id in self.waits

    def withdraw(self, request_id: int) -> None:
        self.waits.discard(request_id)

    async def respond(self, request_id: int, body: Any) -> None:
        await anyio.lowlevel.checkpoint()
        if request_id in self.waits:
            self.waits.remove(request_id)
            self.heard.setdefault(request_id, []).append(body)

    async def refuse(self, request_id: int, message: str) -> None:
        await self.respond(request_id, message)


@dataclass
class Question:
    """One request of the agent's, and what became of it."""

    number: int
    command: str
    agent: Agent
    granted: set[str]
    over: anyio.Event = field(default_factory=anyio.Event)
    gone: bool = False
    allowed: bool = False
    answer: Any = None
    go: anyio.Event = field(default_factory=anyio.Event)


class Reader:
    """Reads each request as a permission to run a command."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id

    def read(self, request: ServerRequest) -> Reading:
        source = Source("memory", request_id=str(request.id))
        asked = PermissionRequest(
            "Bash",
            {"command": request.params["command"]},
            session_id=self.session_id,
            source=source,
            options=OFFERS.options,
            cwd="/r",
        )
        return Ask(asked, lambda answer: {"decision": OFFERS.chosen(answer)[2]})

    def refusal(self, request: ServerRequest, reason: str = "") -> dict[str, Any]:
        return {"decision": "deny", "reason": reason}


class Requests(RuleBasedStateMachine):
    """A session with one of three ways of being asked, and an agent that asks."""

    make: Callable[[], Any]
    loop: str

    def __init__(self) -> None:
        super().__init__()
        self.opening = start_blocking_portal(self.loop)
        self.portal = self.opening.__enter__()
        self.questions: list[Question] = []
        self.streams: list[Any] = []

    def run(self, work: Awaitable[T]) -> T:
        async def bounded() -> T:
            with anyio.fail_after(30):
                return await work

        return self.portal.call(bounded)

    def do(self, work: Callable[[], object]) -> None:
        """Do something in the event loop."""

        async def done() -> None:
            work()

        self.run(done())

    @initialize(asks=st.sampled_from(["callback", "defer", "nobody"]), policy=st.booleans(), timed=st.booleans())
    def begin(self, asks: str, policy: bool, timed: bool) -> None:
        self.asks, self.timed = asks, timed
        self.options = SessionOptions(
            can_use_tool={"callback": self.callback, "defer": DEFER, "nobody": None}[asks],
            policy=POLICY if policy else None,
            policy_scope="asked_only",
            request_timeout=0.02 if timed else None,
        )
        self.backend = self.make()
        self.run(self.backend.start())
        self.connect()

    def connect(self) -> None:
        """Open a session on a new connection."""
        self.agent, self.granted = Agent(), set[str]()
        self.session = self.run(self.backend.create_session(self.options))
        self.session.reader = Reader(self.session.session_id)
        self.do(lambda: self.streams.append(self.session.messages()))
        agent = self.agent
        self.broker = RequestBroker(lambda: agent)  # pyright: ignore[reportArgumentType]  # a stand-in

    async def callback(self, request: PermissionRequest) -> Any:
        assert request.source is not None
        question = self.questions[int(str(request.source.request_id))]
        await question.go.wait()
        if isinstance(question.answer, BaseException):
            raise question.answer
        return question.answer

    def settle(self) -> None:
        """Let everything happen that can, in threads too, where a policy judges."""

        async def settled() -> None:
            threads = anyio.to_thread.current_default_thread_limiter()
            quiet = 0
            while quiet < 3:  # What a task that ends has scheduled runs after all others are blocked.
                await anyio.wait_all_tasks_blocked()
                await anyio.sleep(0.001 if threads.borrowed_tokens else 0)
                quiet = 0 if threads.borrowed_tokens else quiet + 1

        self.run(settled())

    def at(self, index: int) -> Question:
        return self.questions[index % len(self.questions)]

    def is_pending(self, question: Question) -> bool:
        waiting = {one.source.request_id for one in self.session.pending if one.source is not None}
        return question.agent is self.agent and str(question.number) in waiting

    @rule(command=st.sampled_from(COMMANDS), now=st.booleans())
    def ask(self, command: str, now: bool) -> None:
        question = Question(len(self.questions), command, self.agent, self.granted)
        self.questions.append(question)
        self.agent.waits.add(question.number)
        params: dict[str, Any] = {"command": command}
        request = ServerRequest(question.number, "approve", params, params)
        broker, session = self.broker, self.session

        async def handle() -> None:
            await broker.handle(request, session)
            question.over.set()

        self.portal.start_task_soon(handle)
        if now:
            self.settle()

    @precondition(lambda self: self.questions)
    @rule(
        index=st.integers(0, 99),
        answer=st.sampled_from(
            [Allow(), Allow("session"), Allow("session"), Deny(), "nonsense", ValueError("oops"), SystemExit(3)]
        ),
    )
    def let_the_callback_answer(self, index: int, answer: Any) -> None:
        question = self.at(index)
        if not question.go.is_set():
            question.answer = answer
            question.allowed = question.allowed or isinstance(answer, Allow)
            if answer == Allow("session"):
                question.granted.add(question.command)
            self.do(question.go.set)
            self.settle()
            assert self.asks != "callback" or not self.is_pending(question)

    @precondition(lambda self: self.questions)
    @rule(index=st.integers(0, 99), answer=st.sampled_from([Allow(), Allow("session"), Deny(), Allow(option="none")]))
    def answer_from_elsewhere(self, index: int, answer: Any) -> None:
        question = self.at(index)
        pending = {str(one.source.request_id): one.request_id for one in self.session.pending if one.source}
        request_id = pending.get(str(question.number), "of nobody")
        try:
            self.run(self.session.answer(request_id, answer))
        except AgentError:
            return
        assert str(question.number) in pending
        if isinstance(answer, Allow):
            question.allowed = True
            if answer.scope == "session":
                question.granted.add(question.command)
        self.settle()

    @precondition(lambda self: self.questions)
    @rule(index=st.integers(0, 99))
    def withdraw(self, index: int) -> None:
        question = self.at(index)
        if question.agent is self.agent:
            question.gone = True
            self.broker.withdraw(question.number)
            self.do(lambda: self.session.requests.withdraw(native_id=str(question.number)))
            self.settle()

    @precondition(lambda self: self.timed)
    @rule()
    def let_deadlines_pass(self) -> None:
        self.run(self.over(self.questions))

    @rule()
    def interrupt(self) -> None:
        for question in self.questions:
            if question.agent is self.agent:
                question.gone = True
                self.broker.withdraw(question.number)
        self.do(self.session.withdraw)
        self.run(self.session.interrupt())
        self.settle()

    @rule(how=st.sampled_from(["crash", "close", "kill"]))
    def reconnect(self, how: str) -> None:
        if how == "crash":
            for question in self.questions:
                question.gone = question.gone or question.agent is self.agent
            self.agent.waits.clear()
            self.do(lambda: self.session.disconnected(ProcessExitedError("gone")))
        else:
            self.run(self.session.aclose() if how == "close" else self.session.kill())
        self.run(self.over(self.questions))
        assert self.session.pending == ()
        if how == "crash":
            self.run(self.session.aclose())
        self.connect()

    async def over(self, questions: list[Question]) -> None:
        """Wait for the end of what is being handled."""
        for question in questions:
            await question.over.wait()

    @invariant()
    def nothing_is_allowed_without_an_allow(self) -> None:
        for question in self.questions:
            heard = question.agent.heard.get(question.number, [])
            assert len(heard) <= 1
            for body in heard:
                if body["decision"] != "deny":
                    by_policy = self.options.policy is not None and question.command == "ls"
                    assert question.allowed or by_policy or question.command in question.granted
                    assert self.options.policy is None or question.command != "rm x"

    def teardown(self) -> None:
        try:
            if not hasattr(self, "backend"):
                return
            self.run(self.session.aclose())
            self.run(self.over(self.questions))
            self.run(self.backend.aclose())
            for question in self.questions:
                assert question.number not in question.agent.waits
                heard = question.agent.heard.get(question.number, [])
                assert len(heard) == 1 or (question.gone and not heard)
            opened: list[str] = []
            resolved: list[str] = []
            for stream in self.streams:
                for message in self.run(_all(stream)):
                    if isinstance(message, RequestOpened):
                        opened.append(message.request_id)
                    elif isinstance(message, RequestResolved):
                        resolved.append(message.request_id)
            assert sorted(opened) == sorted(resolved)
            assert len(set(resolved)) == len(resolved)
        finally:
            self.opening.__exit__(None, None, None)


async def _all(stream: Any) -> list[Any]:
    return [message async for message in stream]


@pytest.mark.parametrize("on", ["asyncio", "trio"])
def test_any_sequence_settles_each_request_once(make_backend: Any, on: str) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    class OnMemory(Requests):
        make = make_backend
        loop = on

    run_state_machine_as_test(OnMemory, settings=settings(max_examples=30, stateful_step_count=20, deadline=None))
