"""The session as an application sees it: one conversation with one agent."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, overload

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest
from agent_sdk_core.errors import UnsupportedOptionError
from agent_sdk_core.interfaces.goal import Goal, GoalRun
from agent_sdk_core.interfaces.interface import Interface
from agent_sdk_core.interfaces.mcp import McpServerStatus
from agent_sdk_core.interfaces.opening import SessionOpening
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.interfaces.turn import MessageStream, Priority, PromptQueue, Turn
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.typed import TypedResult
from agent_sdk_core.messages.usage import SessionUsage
from agent_sdk_core.models import ReasoningEffort
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.forms import WireForm
from agent_sdk_core.wire.shown import described

if TYPE_CHECKING:
    from agent_sdk_core.interfaces.backend import AgentBackend
    from agent_sdk_core.options import SessionOptions
    from agent_sdk_core.turn_options import TurnOptions

T = TypeVar("T")

SessionState = Literal["starting", "idle", "running", "requires_action", "parked", "disconnected", "closed"]
"""What a session does: "requires_action" while a request waits, "disconnected" when its agent is gone, for good or for
now, "parked" when nobody used it for so long that it was let go, "starting" while a prompt waits for either."""


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class SessionInfo(WireForm):
    """What a session runs with, as the agent last confirmed it or as it was set since; None where neither told.

    Attributes:
        model: Model id.
        reasoning_effort: How much the model reasons.
        permission_mode: The mode that was asked for, None when inherited.
        cwd: Folder it works in, without symbolic links.
        sandbox: Sandbox in force, in the agent's words.
        approval_policy: Approval policy in force, in the agent's words.
        tools: Names of its tools, where the agent lists them.
        mcp_servers: Names of its MCP servers.
        version: Version of the agent.
        title: Name of the session, where it has one.
        agents: Names of the sub-agents that it can start, where the agent lists them.
        output_style: How it writes, where the agent has styles.
        output_styles: The styles that there are.
    """

    model: str | None = None
    reasoning_effort: ReasoningEffort | None = None
    permission_mode: PermissionMode | None = None
    cwd: str | None = None
    sandbox: str | None = None
    approval_policy: str | None = None
    tools: tuple[str, ...] = ()
    mcp_servers: tuple[str, ...] = ()
    version: str | None = None
    title: str | None = None
    agents: tuple[str, ...] = ()
    output_style: str | None = None
    output_styles: tuple[str, ...] = ()


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class AgentCommand(WireForm):
    """What a user may name in a prompt to have the agent do it: a command, or a skill.

    Attributes:
        name: Its name, without a slash.
        description: What it does.
        kind: "command": a prompt that begins with `/NAME` runs it. "skill": `SkillInput` names it.
        argument_hint: What to write behind the name, where the agent says.
        path: File of a skill, where the agent tells: what `SkillInput` takes.
    """

    name: str
    description: str = ""
    kind: Literal["command", "skill"] = "command"
    argument_hint: str | None = None
    path: str | None = None


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class BackgroundTask(WireForm):
    """A command that goes on beside the conversation.

    Attributes:
        task_id: What `stop_task` takes; also the id of the tool use that started it.
        command: What runs.
        cwd: Where.
        pid: Its process id, where the agent tells.
    """

    task_id: str
    command: str
    cwd: str | None = None
    pid: int | None = None


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class InterruptReceipt(WireForm):
    """What an interrupt did.

    Attributes:
        interrupted: Whether a turn was running and has now ended.
        cancelled: Uuids of prompts that it cancelled: those that waited, and those that had been steered into the turn
            and that the model was not shown. What it was shown ends with the turn.
        still_queued: Uuids of prompts that go on to run.
    """

    interrupted: bool
    cancelled: tuple[str, ...] = ()
    still_queued: tuple[str, ...] = ()


class AgentSession(Interface):
    """One conversation. Leaving `async with` closes the session, not the backend.

    Attributes:
        backend: The backend it belongs to.
        session_id: The id at creation; stays the same.
        resolved_session_id: The agent's id now; store this one to resume.
    """

    backend: AgentBackend
    session_id: str
    resolved_session_id: str

    @property
    @abstractmethod
    def state(self) -> SessionState:
        """What the session does now."""

    @property
    @abstractmethod
    def resumable(self) -> bool:
        """Whether the agent has stored the session, so that it can be resumed after the process ends."""

    @property
    @abstractmethod
    def info(self) -> SessionInfo:
        """What the session runs with."""

    @property
    @abstractmethod
    def pending(self) -> Sequence[AgentRequest]:
        """Requests that wait for an answer, oldest first."""

    @property
    @abstractmethod
    def queue(self) -> PromptQueue:
        """Prompts that wait for their turn; they can be edited, removed and moved."""

    @overload
    def query(self, prompt: Prompt, *, options: TurnOptions | None = None) -> Turn: ...
    @overload
    def query(
        self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: type[T]
    ) -> Turn[TypedResult[T]]: ...
    @overload
    def query(self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: Any) -> Turn[Any]: ...
    @abstractmethod
    def query(self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: Any = None) -> Turn[Any]:
        """Return a turn that sends the prompt when it is entered, awaited or first iterated; it may have to queue.

        Args:
            prompt: The prompt.
            options: What is otherwise in this turn; then the session is as it was.
            output_type: What the answer shall be: a pydantic model, a dataclass, a `TypedDict`, a list of them, or
                another type that JSON can be. The result is a `TypedResult`, its `output` the answer; an answer that
                does not fit is a failed turn that says what does not.

        Raises:
            InvalidRequestError: The prompt is empty or malformed, or no answer can be of this type.
            UnsupportedOptionError: The agent cannot honour an option for one turn.
            SessionClosedError: The session is closed.
        """

    @overload
    async def run(self, prompt: Prompt, *, options: TurnOptions | None = None) -> ResultMessage: ...
    @overload
    async def run(
        self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: type[T]
    ) -> TypedResult[T]: ...
    @overload
    async def run(
        self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: Any
    ) -> TypedResult[Any]: ...
    async def run(self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: Any = None) -> Any:
        """Send a prompt, wait for its end, and return its result; cancelled, it interrupts the turn.

        A turn that failed is a result too: `result.raise_for_error()`.

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
        async with self.query(prompt, options=options, output_type=output_type) as turn:
            return await turn.wait()

    @abstractmethod
    async def send(
        self,
        prompt: Prompt,
        *,
        priority: Priority = "queue",
        uuid: str | None = None,
        options: TurnOptions | None = None,
    ) -> str:
        """Send a prompt without watching it, and return its uuid.

        Args:
            prompt: The prompt.
            priority: "queue" waits for the running turn's result, "steer" joins it where the agent can.
            uuid: Identity of the prompt; absent: a new one.
            options: What is otherwise in its turn, as for `query`; not for a steer, whose turn runs already.

        Raises:
            InvalidRequestError: The uuid was used before or cannot be told, a steer has options, or the agent refused
                the prompt.
            UnsupportedOptionError: The agent cannot honour an option for one turn.
            SessionClosedError: The session is closed.
        """

    @abstractmethod
    def messages(self) -> MessageStream:
        """Return an iterator over every message of the session from now on; it ends when the session closes."""

    @abstractmethod
    async def answer(self, request_id: str, answer: AgentAnswer) -> None:
        """Answer a pending request.

        Raises:
            InvalidRequestError: No such request is open, or the answer does not fit it.
            UnsupportedOptionError: The agent cannot honour the answer; the request stays open.
        """

    @abstractmethod
    async def interrupt(self, *, cancel_queued: bool = True, now: bool = False) -> InterruptReceipt:
        """End the running turn, its foreground command included, and return when it has ended.

        An agent that does not confirm that within ten seconds has its turn ended by us, with `RequestTimeoutError`.

        Args:
            cancel_queued: Whether prompts are cancelled too that wait, or were steered in and the model was not shown
                yet; else they have a turn afterwards.
            now: Give the agent half a second, also where an interrupt has begun that would wait for longer.
        """

    @abstractmethod
    async def set_model(self, model: str | None) -> None:
        """Use this model from the next turn; None: the agent's default.

        What is set while a turn runs does not touch that turn. What only the agent can refuse is then told to the next
        prompt, which is not sent.

        Raises:
            InvalidRequestError: There is no such model, or its name is blank.
        """

    @abstractmethod
    async def set_permission_mode(self, mode: PermissionMode | None) -> None:
        """Use this permission mode from the next turn, as `set_model` does; None: the agent's default.

        Raises:
            InvalidRequestError: There is no such mode; the message names the nearest.
            UnsupportedOptionError: The agent does not have it, or not in a session that was opened without it.
        """

    @abstractmethod
    async def set_reasoning_effort(self, effort: ReasoningEffort | None) -> None:
        """Use this effort from the next turn, as `set_model` does; None: the agent's default.

        Raises:
            InvalidRequestError: No model takes it; the message names those there are.
        """

    @abstractmethod
    async def wait_idle(self) -> None:
        """Return when no turn runs, none is queued, and no background work goes on."""

    @abstractmethod
    async def history(self, *, limit: int | None = None, cursor: str | None = None) -> HistoryPage:
        """Return stored messages of this session, oldest first.

        Args:
            limit: Turns a page; absent: all.
            cursor: Where the page before ended.

        Raises:
            InvalidRequestError: The limit is not positive.
            SessionClosedError: The backend is closed.
        """

    @abstractmethod
    async def usage(self) -> SessionUsage:
        """Return what the session used so far."""

    async def compact(self) -> None:
        """Replace the conversation so far by a summary, and return when that is done.

        Raises:
            SessionBusyError: A turn runs or waits.
            AgentError: It failed.
            UnsupportedOptionError: The backend cannot.
        """
        raise self._unsupported("compact a session")

    def fork(self, *, at: str | None = None, options: SessionOptions | None = None) -> SessionOpening[Self]:
        """Open a copy of this session that goes its own way, when this is awaited or entered with ``async with``.

        Args:
            at: Uuid of a turn, of one of its messages or of its result: the last turn to copy; absent: all of it.
            options: Options of the copy; absent: this session's, with what was set since.

        Raises:
            InvalidRequestError: This session has no such turn or message.
            UnsupportedOptionError: The backend cannot.
        """
        raise self._unsupported("fork a session")

    async def commands(self) -> list[AgentCommand]:
        """Return the commands and skills that there are in this session; before its first turn, too."""
        return []

    @property
    def goal(self) -> Goal | None:
        """The goal that the agent pursues or pursued last, as it was told since the session is open."""
        return None

    async def set_goal(self, objective: str, *, token_budget: int | None = None) -> GoalRun:
        """Have the agent pursue a goal by itself, turn after turn, instead of the one before; these turns are one run.

        Args:
            objective: What it is to reach.
            token_budget: Tokens that it may take.

        Raises:
            InvalidRequestError: The objective is blank, the budget is not positive, or the agent refused.
            UnsupportedError: The backend cannot.
        """
        raise self._unsupported("pursue a goal")

    async def clear_goal(self) -> None:
        """Take the goal away; the turn that runs goes on. Does nothing when there is none.

        Raises:
            UnsupportedError: The backend cannot.
        """
        raise self._unsupported("pursue a goal")

    async def background_tasks(self) -> list[BackgroundTask]:
        """Return the commands that run in the background.

        Raises:
            UnsupportedOptionError: The backend cannot tell.
        """
        raise self._unsupported("list background tasks")

    async def stop_task(self, task_id: str) -> None:
        """End a background task, by the id that `TaskStarted` and `background_tasks()` give.

        Raises:
            InvalidRequestError: No such task runs.
            UnsupportedOptionError: The backend cannot.
        """
        raise self._unsupported("stop background tasks")

    async def mcp_status(self) -> list[McpServerStatus]:
        """Return what the session's MCP servers do, those included that are configured elsewhere; bounded.

        Raises:
            UnsupportedOptionError: The backend cannot tell.
        """
        raise self._unsupported("tell the status of MCP servers")

    async def reload_mcp_servers(self) -> None:
        """Start anew the MCP servers that failed, died, or wait for a login; the others go on.

        Raises:
            UnsupportedOptionError: The backend cannot.
        """
        raise self._unsupported("start MCP servers anew")

    async def enable_mcp_server(self, name: str) -> None:
        """Let an MCP server run that is disabled; from the next turn, the model has its tools.

        Raises:
            InvalidRequestError: There is no such server.
            UnsupportedOptionError: The backend cannot while a session is open.
        """
        raise self._unsupported("enable an MCP server while a session is open")

    async def disable_mcp_server(self, name: str) -> None:
        """End an MCP server of the session; from the next turn, the model has none of its tools.

        Raises:
            InvalidRequestError: There is no such server.
            UnsupportedOptionError: The backend cannot while a session is open.
        """
        raise self._unsupported("disable an MCP server while a session is open")

    async def login_mcp_server(self, name: str) -> str:
        """Begin a login by OAuth, and return the URL to open in a browser of the machine that the agent runs on.

        When somebody has agreed there, the agent connects; `reload_mcp_servers()` has it connect at once.

        Raises:
            InvalidRequestError: There is no such server, or it takes no login.
            UnsupportedOptionError: The backend cannot.
        """
        raise self._unsupported("log in to MCP servers")

    def _unsupported(self, what: str) -> UnsupportedOptionError:
        name = self.backend.type
        return UnsupportedOptionError(f"The {name} backend cannot {what}.", backend=name)

    @abstractmethod
    async def aclose(self) -> None:
        """Close gracefully: the running turn is interrupted, pending requests are denied. Never raises."""

    @abstractmethod
    async def kill(self) -> None:
        """Close at once, this session only."""

    def __repr__(self) -> str:
        asked, queued = len(self.pending) or None, len(self.queue) or None
        info = self.info
        return described(
            self,
            session_id=self.resolved_session_id,
            state=self.state,
            model=info.model,
            permission_mode=info.permission_mode,
            cwd=info.cwd,
            pending=asked,
            queued=queued,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.aclose()
