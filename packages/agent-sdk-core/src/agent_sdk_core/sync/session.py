"""The session as synchronous code sees it."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from agent_sdk_core.asking.requests import AgentRequest
from agent_sdk_core.interfaces import session as async_face
from agent_sdk_core.interfaces.goal import Goal
from agent_sdk_core.interfaces.session import SessionInfo, SessionState
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.typed import TypedResult
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.sync.faces import Face, blocking, in_loop
from agent_sdk_core.sync.goal import GoalRun
from agent_sdk_core.sync.streams import Stream
from agent_sdk_core.sync.turn import PromptQueue, Turn

if TYPE_CHECKING:
    from agent_sdk_core.sync.backend import AgentBackend
    from agent_sdk_core.turn_options import TurnOptions

T = TypeVar("T")


class AgentSession(Face[async_face.AgentSession]):
    """One conversation. Leaving `with` closes the session, not the backend.

    Attributes:
        backend: The backend it belongs to.
    """

    def __init__(self, inner: async_face.AgentSession, backend: AgentBackend) -> None:
        super().__init__(inner, backend.portal)
        self.backend = backend

    @property
    def session_id(self) -> str:
        """The id at creation; stays the same."""
        return self._inner.session_id

    @property
    def resolved_session_id(self) -> str:
        """The agent's id now; store this one to resume."""
        return self._inner.resolved_session_id

    @property
    def state(self) -> SessionState:
        """What the session does now."""
        return self._inner.state

    @property
    def resumable(self) -> bool:
        """Whether the agent has stored the session, so that it can be resumed after the process ends."""
        return self._inner.resumable

    @property
    def info(self) -> SessionInfo:
        """What the session runs with."""
        return self._inner.info

    @property
    def pending(self) -> Sequence[AgentRequest]:
        """Requests that wait for an answer, oldest first."""
        return self._inner.pending

    @property
    def queue(self) -> PromptQueue:
        """Prompts that wait for their turn; they can be edited, removed and moved."""
        return PromptQueue(self._inner.queue, self._portal)

    @overload
    def query(self, prompt: Prompt, *, options: TurnOptions | None = None) -> Turn: ...
    @overload
    def query(
        self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: type[T]
    ) -> Turn[TypedResult[T]]: ...
    @overload
    def query(self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: Any) -> Turn[Any]: ...
    def query(self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: Any = None) -> Turn[Any]:
        """Return a turn that sends the prompt when it is entered, waited for or first iterated; it may have to queue.

        Args:
            prompt: The prompt.
            options: What is otherwise in this turn; then the session is as it was.
            output_type: What the answer shall be; the result is a `TypedResult`, its `output` the answer.

        Raises:
            InvalidRequestError: The prompt is empty or malformed, or no answer can be of this type.
            UnsupportedOptionError: The agent cannot honour an option for one turn.
            SessionClosedError: The session is closed.
        """
        inner = in_loop(self._portal, lambda: self._inner.query(prompt, options=options, output_type=output_type))
        return Turn(inner, self._portal)

    @overload
    def run(self, prompt: Prompt, *, options: TurnOptions | None = None) -> ResultMessage: ...
    @overload
    def run(self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: type[T]) -> TypedResult[T]: ...
    @overload
    def run(self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: Any) -> TypedResult[Any]: ...
    def run(self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: Any = None) -> Any:
        """Send a prompt, wait for its end, and return its result; interrupted, it interrupts the turn.

        Args:
            prompt: The prompt.
            options: What is otherwise in this turn, as for `query`.
            output_type: What the answer shall be, as for `query`; it is `result.output`.

        Raises:
            InvalidRequestError: The prompt is empty or malformed, or no answer can be of this type.
            UnsupportedOptionError: The agent cannot honour an option for one turn.
            SessionClosedError: The session is closed.
            AgentError: The agent did not accept the prompt.
        """
        return self._portal.call(lambda: self._inner.run(prompt, options=options, output_type=output_type))

    def messages(self) -> Stream[SDKMessage]:
        """Return an iterator over every message of the session from now on; it ends when the session closes."""
        return Stream(in_loop(self._portal, self._inner.messages), self._portal)

    def fork(self, *, at: str | None = None, options: SessionOptions | None = None) -> AgentSession:
        """Return a copy of this session that goes its own way.

        Args:
            at: Uuid of a turn, of one of its messages or of its result: the last turn to copy; absent: all of it.
            options: Options of the copy; absent: this session's, with what was set since.

        Raises:
            InvalidRequestError: This session has no such turn or message.
            UnsupportedOptionError: The backend cannot.
        """

        async def forked() -> async_face.AgentSession:
            return await self._inner.fork(at=at, options=options)

        return self.backend.face_of(self._portal.call(forked))

    @property
    def goal(self) -> Goal | None:
        """What the agent pursues by itself, as it was told last; None without a goal."""
        return self._inner.goal

    def set_goal(self, objective: str, *, token_budget: int | None = None) -> GoalRun:
        """Have the agent pursue a goal by itself, turn after turn, until it is reached or cannot be.

        Args:
            objective: What it is to reach.
            token_budget: Tokens that it may take; absent: without a limit.

        Raises:
            AgentError: The agent refused it.
            UnsupportedOptionError: The backend cannot.
        """
        run = self._portal.call(lambda: self._inner.set_goal(objective, token_budget=token_budget))
        return GoalRun(run, self._portal)

    clear_goal = blocking(async_face.AgentSession.clear_goal)
    commands = blocking(async_face.AgentSession.commands)
    send = blocking(async_face.AgentSession.send)
    answer = blocking(async_face.AgentSession.answer)
    interrupt = blocking(async_face.AgentSession.interrupt)
    set_model = blocking(async_face.AgentSession.set_model)
    set_permission_mode = blocking(async_face.AgentSession.set_permission_mode)
    set_reasoning_effort = blocking(async_face.AgentSession.set_reasoning_effort)
    wait_idle = blocking(async_face.AgentSession.wait_idle)
    history = blocking(async_face.AgentSession.history)
    usage = blocking(async_face.AgentSession.usage)
    compact = blocking(async_face.AgentSession.compact)
    background_tasks = blocking(async_face.AgentSession.background_tasks)
    mcp_status = blocking(async_face.AgentSession.mcp_status)
    reload_mcp_servers = blocking(async_face.AgentSession.reload_mcp_servers)
    enable_mcp_server = blocking(async_face.AgentSession.enable_mcp_server)
    disable_mcp_server = blocking(async_face.AgentSession.disable_mcp_server)
    login_mcp_server = blocking(async_face.AgentSession.login_mcp_server)
    stop_task = blocking(async_face.AgentSession.stop_task)
    kill = blocking(async_face.AgentSession.kill)

    def close(self) -> None:
        """End the running turn and let go of the session. Bounded; does nothing when it, or its backend, is closed."""
        self._portal.leave(self._inner.aclose)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()
