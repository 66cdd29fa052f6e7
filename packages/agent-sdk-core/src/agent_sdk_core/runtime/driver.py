"""What a backend writes for its sessions: the few things that differ between agents."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from agent_sdk_core.errors import AgentError, UnsupportedOptionError
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.usage import SessionUsage
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.structured.answers import AnswerForm

if TYPE_CHECKING:
    from agent_sdk_core.asking.requests import AgentRequest, Ask, Json
    from agent_sdk_core.options import SessionOptions
    from agent_sdk_core.turn_options import TurnOptions

Setting = Literal["model", "permission_mode", "reasoning_effort"]
"""What can be changed while a session is open, named as in `SessionOptions`."""


class SessionSink(Protocol):
    """What a driver tells its session, which has it set as `SessionDriver.sink`.

    Attributes:
        session_id: The session's id.
        options: What it was opened with.
    """

    session_id: str
    options: SessionOptions

    def deliver(self, batch: Iterable[SDKMessage]) -> None:
        """Take messages in the agent's order and hand them on; never waits."""

    def disconnected(self, error: AgentError) -> None:
        """Note that the agent is gone."""

    def drop_prompt(self, uuid: str) -> None:
        """Note that the agent let go of a prompt that it held: no result of the agent's will list it."""

    async def ask(self, ask: Ask[AgentRequest]) -> Json:
        """Put a request to whoever answers it, and return the answer as the agent takes it; see `Ask`."""
        ...

    def withdraw(self) -> None:
        """Note that the agent asks nothing any more."""


class SessionDriver(ABC):
    """The agent's side of one session. The runtime serialises its calls; none of them waits for a turn to end.

    Attributes:
        name: Name of the backend.
        answers: What the results have to hold, where the session has an output schema.
        lends: Settings that the session itself changes for one turn, with `apply`, and puts back when that has ended.
        sink: What takes its messages and requests; there from the moment that its session is made.
    """

    name: str
    answers: AnswerForm | None = None
    lends: frozenset[Setting] = frozenset()
    sink: SessionSink

    @property
    @abstractmethod
    def resumable(self) -> bool:
        """Whether the agent has stored the session."""

    @abstractmethod
    async def start_turn(
        self,
        prompt: Prompt,
        uuid: str,
        *,
        options: TurnOptions | None = None,
        answers: AnswerForm | None = None,
    ) -> str | None:
        """Send a prompt to an idle session, and return the agent's id of its turn, if it has one.

        Args:
            prompt: The prompt.
            uuid: Its identity.
            options: What is otherwise in this turn, and afterwards as it was; the driver may leave to the session what
                `lends` names.
            answers: What its answer has to be, where `options` asks for data: what `answer_form` returned.

        Raises:
            AgentError: The agent did not accept the prompt.
        """

    @abstractmethod
    async def steer(self, prompt: Prompt, uuid: str, turn_id: str | None) -> bool:
        """Add a prompt to the running turn; False when that turn takes none, so that the prompt has to wait."""

    async def answer_form(self, schema: Mapping[str, object]) -> AnswerForm:
        """Return how the agent is asked, in one turn, for an answer that fits a schema.

        Raises:
            InvalidRequestError: It is no JSON Schema, or one that the agent cannot be asked for.
            UnsupportedOptionError: The agent cannot be asked for data in one turn.
        """
        raise UnsupportedOptionError(
            f"The {self.name} backend cannot ask for data in one turn: SessionOptions.output_schema.", backend=self.name
        )

    async def check(self, setting: Setting, value: str | None) -> None:
        """Refuse a value that the agent cannot have; called when it is set, while a turn runs too.

        Raises:
            AgentError: It cannot.
        """
        return

    async def apply(self, setting: Setting, value: str | None) -> None:
        """Change a setting; called while no turn runs, and None means the agent's default.

        Raises:
            AgentError: The agent refused it.
        """
        what = f"the {setting.replace('_', ' ')} of a session"
        raise UnsupportedOptionError(f"The {self.name} backend cannot change {what}.", backend=self.name)

    def fork_place(self, message: SDKMessage) -> str | None:
        """Return what names the turn of a message in `SessionOptions.fork_at`; None: the message's own uuid does.

        A result is not stored; its last prompt is.
        """
        listed = message.user_message_uuids if isinstance(message, ResultMessage) else ()
        return listed[-1] if listed else None

    def holds(self, uuid: str) -> bool:
        """Tell whether the agent keeps a steering prompt, for a turn of its own unless it can join the running one."""
        return False

    @abstractmethod
    async def interrupt(self, turn_id: str | None, *, cancel_held: bool = True) -> None:
        """Ask the agent to end the running turn and its foreground command; returns without waiting for the end.

        Args:
            turn_id: The turn.
            cancel_held: Whether the agent shall also forget the prompts that it holds.
        """

    async def interrupted(self) -> None:
        """Clean up after a turn that an interrupt ended, such as its foreground command; bounded, never raises."""
        return

    @abstractmethod
    def abandon(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        """Return what ends a turn on our side: open cards closed, then its result.

        Args:
            turn_id: The turn, which the agent may still run; None for all of them and all background work, because the
                agent or the session is gone.
            code: Code of the `AgentError` that says why.
            message: A sentence for a person.
            terminal_reason: As on the result.
        """

    def forget(self, uuid: str) -> None:
        """Note that a prompt has ended on our side: no later result may list it."""
        return

    async def compact(self) -> None:
        """Ask the agent to compact the conversation, which it does in a turn of its own.

        Raises:
            AgentError: It refused, or cannot.
        """
        raise UnsupportedOptionError(f"The {self.name} backend cannot compact a session.", backend=self.name)

    async def set_goal(self, objective: str, token_budget: int | None) -> None:
        """Have the agent pursue a goal, which it tells by `GoalChanged`; called where `capabilities.goals` says so.

        Raises:
            AgentError: It refused.
        """
        raise UnsupportedOptionError(f"The {self.name} backend cannot pursue a goal.", backend=self.name)

    async def clear_goal(self) -> None:
        """Take the goal away.

        Raises:
            AgentError: It refused, or has no goals.
        """
        raise UnsupportedOptionError(f"The {self.name} backend cannot pursue a goal.", backend=self.name)

    @abstractmethod
    async def close(self) -> None:
        """Let go of the session at the agent; bounded, never raises."""

    @abstractmethod
    async def kill(self) -> None:
        """End the session's work at the agent without waiting for it; bounded, never raises."""

    @abstractmethod
    async def history(self, *, limit: int | None, cursor: str | None) -> HistoryPage:
        """Return stored messages, oldest first."""

    @abstractmethod
    def usage(self) -> SessionUsage:
        """Return what the session used so far."""
