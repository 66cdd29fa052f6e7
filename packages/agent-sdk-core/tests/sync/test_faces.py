"""Backends, sessions and turns in plain code."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import pytest

from agent_sdk_core import (
    DEFER,
    Account,
    Allow,
    AssistantMessage,
    Goal,
    GoalRun,
    InitMessage,
    InvalidRequestError,
    LoginHandle,
    RequestOpened,
    ResultMessage,
    SDKMessage,
    SessionClosedError,
    UnsupportedError,
)
from agent_sdk_core.sync import AgentBackend, AgentSession, SessionOptions, create_backend, query


def test_a_turn_is_an_iterator_over_its_messages(session: AgentSession) -> None:
    turn = session.query("Hi")
    kinds = [type(message) for message in turn]
    assert kinds == [InitMessage, AssistantMessage, ResultMessage]
    assert (turn.text, turn.result and turn.result.outcome) == ("You said: Hi", "completed")
    assert turn.result is not None
    assert turn.uuid in turn.result.user_message_uuids
    assert list(turn) == []


def test_a_prompt_is_run_and_waited_for(session: AgentSession) -> None:
    assert session.run("Hi").result == "You said: Hi"
    assert session.query("Again").wait().result == "You said: Again"
    assert list(session.query("Text").texts()) == ["You said: Text"]
    assert session.usage().total.input_tokens == 3
    assert session.state == "idle"
    session.wait_idle()


def test_a_turn_that_is_left_early_is_interrupted(session: AgentSession, agent: Any) -> None:
    with session.query("hang") as turn:
        assert isinstance(next(turn), InitMessage)
        assert session.state == "running"
    assert turn.result is not None
    assert turn.result.outcome == "interrupted"
    assert agent.hanging.is_set()


def iterate(session: AgentSession, armed: threading.Event) -> None:
    turn = session.query("hang")
    next(turn)
    armed.set()
    next(turn)


def texts(session: AgentSession, armed: threading.Event) -> None:
    pieces = session.query("hang").texts()
    armed.set()
    next(pieces)


def wait(session: AgentSession, armed: threading.Event) -> None:
    turn = session.query("hang")
    armed.set()
    turn.wait()


def run(session: AgentSession, armed: threading.Event) -> None:
    armed.set()
    session.run("hang")


@pytest.mark.parametrize("use", [iterate, texts, wait, run])
def test_ctrl_c_ends_the_wait_and_interrupts_the_turn(session: AgentSession, agent: Any, use: Any) -> None:
    armed = threading.Event()

    def press() -> None:
        armed.wait(30)
        agent.hanging.wait(30)
        while not session.portal.busy:
            threading.Event().wait(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        use(session, armed)
    thread.join()
    assert session.state == "idle"
    assert session.run("Hi").result == "You said: Hi"


def test_messages_of_a_session_are_read_beside_its_turns(session: AgentSession) -> None:
    messages = session.messages()
    uuid = session.send("Hi")
    result = next(message for message in messages if isinstance(message, ResultMessage))
    assert result.user_message_uuids == [uuid]
    assert messages.dropped == 0
    session.close()
    assert list(messages) == []


def test_events_of_a_backend_begin_with_what_happened(backend: AgentBackend) -> None:
    assert next(backend.events()).kind == "started"


def test_waiting_prompts_can_be_edited_removed_and_moved(session: AgentSession) -> None:
    running = session.query("hang")
    next(running)
    first, second, third = session.send("one"), session.send("two"), session.send("three")
    queue = session.queue
    assert [prompt.prompt for prompt in queue] == ["one", "two", "three"]
    queue.edit(first, "uno")
    queue.move(third, 0)
    queue.remove(second)
    assert [prompt.prompt for prompt in session.queue] == ["three", "uno"]
    assert (len(queue), queue[0].uuid, [prompt.uuid for prompt in queue[1:]]) == (2, third, [first])
    with pytest.raises(InvalidRequestError, match="waits in the queue"):
        queue.remove(second)
    receipt = session.interrupt()
    assert receipt.interrupted
    assert set(receipt.cancelled) == {first, third}


def test_a_callback_may_be_a_plain_function_and_runs_in_a_thread(backend: AgentBackend, agent: Any) -> None:
    threads: list[threading.Thread] = []

    def can_use_tool(request: Any) -> Allow:
        threads.append(threading.current_thread())
        assert [face.state for face in backend.sessions] == ["requires_action"]
        assert request.tool_name == "Bash"
        return Allow()

    with backend.create_session(SessionOptions(can_use_tool=can_use_tool)) as session:
        assert session.run("ask").outcome == "completed"
    assert agent.asked == ["allowed"]
    assert threads
    assert threads[0] not in (threading.current_thread(), threading.main_thread())


def test_a_callback_that_raises_denies(backend: AgentBackend, agent: Any) -> None:
    def can_use_tool(request: Any) -> Allow:
        raise SystemExit("no")

    with backend.create_session(SessionOptions(can_use_tool=can_use_tool)) as session:
        assert session.run("ask").outcome == "completed"
    assert agent.asked == ["denied"]


def test_a_callback_that_waits_holds_up_nobody_and_is_left_behind_by_a_close(backend: AgentBackend) -> None:
    asked, go = threading.Event(), threading.Event()

    def can_use_tool(request: Any) -> Allow:
        asked.set()
        go.wait(30)
        return Allow()

    with backend.create_session(SessionOptions(can_use_tool=can_use_tool)) as waiting:
        waiting.send("ask")
        assert asked.wait(30)
        with backend.create_session() as other:
            assert other.run("Hi").result == "You said: Hi"
    assert waiting.state == "closed"
    go.set()


def test_a_callback_may_use_the_session_it_belongs_to(backend: AgentBackend) -> None:
    sessions: list[AgentSession] = []

    def can_use_tool(request: Any) -> Allow:
        sessions[0].interrupt()
        return Allow()

    with backend.create_session(SessionOptions(can_use_tool=can_use_tool)) as session:
        sessions.append(session)
        assert session.run("ask").outcome == "interrupted"


def test_an_async_callback_is_taken_too_and_cannot_wait_for_its_own_loop(backend: AgentBackend, agent: Any) -> None:
    refused: list[str] = []

    async def can_use_tool(request: Any) -> Allow:
        try:
            backend.sessions[0].usage()
        except InvalidRequestError as error:
            refused.append(error.message)
        return Allow()

    with backend.create_session(SessionOptions(can_use_tool=can_use_tool)) as session:
        assert session.run("ask").outcome == "completed"
    assert agent.asked == ["allowed"]
    assert "would wait for itself" in refused[0]


def test_a_deferred_request_is_answered_from_the_loop_over_messages(backend: AgentBackend, agent: Any) -> None:
    with backend.create_session(SessionOptions(can_use_tool=DEFER)) as session:
        for message in session.query("ask"):
            if isinstance(message, RequestOpened):
                assert [request.request_id for request in session.pending] == [message.request_id]
                session.answer(message.request_id, Allow())
    assert agent.asked == ["allowed"]


def test_many_threads_may_use_one_backend(backend: AgentBackend) -> None:
    def work(number: int) -> str | None:
        with backend.create_session() as session:
            return session.run(f"{number}").result

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(24))) == [f"You said: {number}" for number in range(24)]
    assert backend.sessions == ()


def test_it_works_while_an_event_loop_runs_in_the_same_thread(agent: Any) -> None:
    async def cell() -> str | None:
        with AgentBackend(agent.backend) as backend, backend.create_session() as session:
            return session.run("Hi").result

    assert asyncio.run(cell()) == "You said: Hi"


def test_sessions_have_one_face_each(backend: AgentBackend, agent: Any) -> None:
    with backend.create_session() as session:
        assert backend.sessions == (session,)
        assert backend.sessions[0] is session
        assert session.backend is backend
        assert session.inner is agent.made[0]
        assert (session.session_id, session.resolved_session_id) == ("session-1", "session-1")
        assert (session.resumable, session.info.model, list(session.pending)) == (False, None, [])
        assert repr(session) == f"<sync {session.inner!r}>"
    assert (backend.type, backend.capabilities.steer, backend.configuration) == ("memory", True, None)
    assert [model.id for model in backend.list_models()] == ["m"]


def test_a_backend_that_was_closed_says_so_and_leaves_no_thread(agent: Any) -> None:
    backend = AgentBackend(agent.backend)
    session = backend.create_session()
    backend.close()
    backend.close()
    assert session.state == "closed"
    for use in (backend.list_models, lambda: session.run("Hi")):
        with pytest.raises(SessionClosedError, match="is closed; create a new one"):
            use()
    session.close()


def test_a_backend_that_is_closed_inside_of_a_session_and_a_turn_ends_both(agent: Any) -> None:
    backend = AgentBackend(agent.backend)
    with backend.create_session() as session, session.query("hang") as turn:
        next(turn)
        backend.close()
    assert (session.state, turn.result and turn.result.outcome) == ("closed", "interrupted")


def test_a_backend_that_was_never_used_starts_no_thread(agent: Any) -> None:
    before = threading.active_count()
    backend = AgentBackend(agent.backend)
    assert threading.active_count() == before
    backend.close()


def test_what_cannot_be_started_is_closed(agent: Any) -> None:
    async def fail() -> None:
        raise InvalidRequestError("It does not start.")

    agent.backend._connect = fail
    with pytest.raises(InvalidRequestError, match="does not start"), AgentBackend(agent.backend):
        raise AssertionError


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch, agent: Any) -> Any:
    def kind(*args: object, **kwargs: object) -> Any:
        return lambda: agent.backend

    monkeypatch.setattr("agent_sdk_core.factory.registry.load_backend", kind)
    return agent


def test_a_backend_is_made_by_name(registered: Any) -> None:
    with create_backend("codex") as backend, backend.create_session() as session:
        assert session.run("Hi").result == "You said: Hi"


def test_a_query_ends_with_its_turn(registered: Any) -> None:
    turn = query("Hi", backend="codex")
    assert [type(message) for message in turn][-1] is ResultMessage
    assert turn.text == "You said: Hi"
    assert not registered.backend.host.running


def test_a_query_is_waited_for_or_entered(registered: Any, make_backend: Any) -> None:
    assert query("Hi", backend="codex").wait().result == "You said: Hi"
    assert not registered.backend.host.running


def test_a_query_that_is_left_early_leaves_nothing(registered: Any) -> None:
    with query("hang", backend="codex") as turn:
        assert isinstance(next(turn), InitMessage)
    assert not registered.backend.host.running


def test_a_query_that_is_left_by_break_ends_when_it_is_dropped(registered: Any) -> None:
    for message in query("hang", backend="codex"):
        assert isinstance(message, InitMessage)
        break
    for thread in threading.enumerate():
        if "query" in thread.name:
            thread.join(30)
    assert not registered.backend.host.running


def test_a_query_on_a_backend_leaves_it_open(backend: AgentBackend) -> None:
    assert query("Hi", backend=backend).wait().result == "You said: Hi"
    assert query("Hi", backend=backend).wait().result == "You said: Hi"
    with query("hang", backend=backend) as turn:
        next(turn)
    assert backend.sessions == ()


def test_a_query_that_is_refused_leaves_no_thread() -> None:
    with pytest.raises(InvalidRequestError):
        query("", backend="codex")


class Login(LoginHandle):
    """A login that a code ends."""

    method = "browser"
    url = "https://example.org/login"

    def __init__(self) -> None:
        self.code = ""

    @property
    def done(self) -> bool:
        return bool(self.code)

    async def wait(self) -> Account:
        return Account("subscription", needs_login=False)

    async def submit_code(self, code: str) -> None:
        self.code = code

    async def cancel(self) -> None:
        self.code = self.code or "cancelled"


def test_a_login_is_shown_and_waited_for(backend: AgentBackend, agent: Any) -> None:
    handle = Login()

    async def login(*args: object, **kwargs: object) -> Login:
        return handle

    agent.backend.login = login
    with backend.login("browser") as shown:
        assert (shown.method, shown.url, shown.manual_url, shown.user_code) == ("browser", handle.url, None, None)
        assert not shown.done
        shown.submit_code("1234")
        assert not shown.wait().needs_login
    assert (handle.code, shown.done) == ("1234", True)
    with backend.login():
        handle.code = ""
    assert handle.code == "cancelled"
    with pytest.raises(UnsupportedError):
        backend.account()


class Pursuit(GoalRun):
    """A goal that one result ends."""

    def __init__(self) -> None:
        self.messages: list[Any] = [ResultMessage(subtype="success")]
        self.left = False

    @property
    def goal(self) -> Goal:
        return Goal("Ship it.")

    @property
    def result(self) -> None:
        return None

    async def wait(self) -> Goal:
        return self.goal

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SDKMessage:
        if not self.messages:
            raise StopAsyncIteration
        return self.messages.pop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.left = True


def test_a_goal_is_read_and_left(session: AgentSession, agent: Any) -> None:
    pursuit = Pursuit()

    async def set_goal(*args: object, **kwargs: object) -> Pursuit:
        return pursuit

    agent.made[0].set_goal = set_goal
    with session.set_goal("Ship it.") as run:
        assert [type(message) for message in run] == [ResultMessage]
        assert run.wait() == run.goal == Goal("Ship it.")
        assert run.result is None
    assert pursuit.left
    assert session.goal is None


@pytest.mark.parametrize(
    ("method", "args", "named", "said"),
    [
        ("query", (), {}, "AgentSession.query needs 'prompt'."),
        ("query", (), {"promt": "x"}, "AgentSession.query takes no 'promt'; did you mean 'prompt'?"),
        ("run", ("x",), {"cwd": "."}, "write options=TurnOptions(cwd=…)."),
        ("fork", ("x",), {}, "AgentSession.fork takes 0 by position, not 1"),
        ("set_goal", (3,), {}, "AgentSession.set_goal: objective must be text, not int."),
    ],
)
def test_what_a_session_does_not_take_is_refused_in_words(
    session: AgentSession, method: str, args: tuple[object, ...], named: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        getattr(session, method)(*args, **named)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("method", "named", "said"),
    [
        ("create_session", {"cwd": "."}, "write options=SessionOptions(cwd=…)."),
        ("resume", {}, "AgentBackend.resume needs 'session_id'."),
    ],
)
def test_what_a_backend_does_not_take_is_refused_in_words(
    backend: AgentBackend, method: str, named: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        getattr(backend, method)(**named)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("made", "args", "named", "said"),
    [
        (AgentBackend, ("codex",), {}, "sync.create_backend(…) makes one by its name."),
        (query, (), {}, "query needs 'prompt'."),
        (query, ("x",), {"model": "y"}, "query takes no 'model' of its own"),
        (query, ("x",), {"cli_path": "y"}, "a backend does: query(…, backend=create_backend(…, executable=…))"),
        (create_backend, ("codex", SessionOptions()), {}, "create_backend takes 1 by position"),
    ],
)
def test_what_makes_none_is_refused_in_words(
    made: Callable[..., object], args: tuple[object, ...], named: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        made(*args, **named)
    assert said in caught.value.message


def test_a_turn_that_is_never_sent_is_told_with_the_line_that_made_it(session: AgentSession) -> None:
    with pytest.warns(ResourceWarning, match=r"Wait for it, .*`result = session\.query\(…\)\.wait\(\)`") as caught:
        session.query("Hi")
    assert [warning.filename for warning in caught] == [__file__]
