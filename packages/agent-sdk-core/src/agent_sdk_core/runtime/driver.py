"""What a backend writes for its sessions: the few things that differ between agents."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from agent_sdk_core.errors import AgentError, UnsupportedOptionError
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.usage import SessionUsage
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.structured.answers import AnswerForm

if TYPE_CHECKING:
    from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest, Ask, Json
    from agent_sdk_core.options import SessionOptions
    from agent_sdk_core.policy.rules import Rule
    from agent_sdk_core.runtime.asking.hooking import SessionHooks
    from agent_sdk_core.runtime.asking.own_tools import OwnCall
    from agent_sdk_core.tools.registry import ToolRegistry
    from agent_sdk_core.tools.results import ToolResult
    from agent_sdk_core.turn_options import TurnOptions

Setting = Literal["model", "permission_mode", "reasoning_effort"]
"""What can be changed while a session is open, named as in `SessionOptions`."""


Budget = Literal["max_turns", "max_budget_usd"]
"""What a session may take, named as in `SessionOptions`."""


Away = Literal["parked", "disconnected"]
"""Why an agent does not have a session at hand: we let it go for a while, or it was lost."""


class SessionSink(Protocol):
    """What a driver tells its session, which has it set as `SessionDriver.sink`.

    Attributes:
        session_id: The session's id.
        options: What it was opened with.
        hooks: Its hooks: what they say of a tool's call holds before anybody is asked.
    """

    session_id: str
    options: SessionOptions
    hooks: SessionHooks

    def deliver(self, batch: Iterable[SDKMessage]) -> None:
        """Take messages in the agent's order and hand them on; never waits."""

    def cut_off(self, error: AgentError) -> None:
        """Note that the agent is gone for now; see `SessionDriver.ready`."""

    def disconnected(self, error: AgentError) -> None:
        """Note that the agent is gone for good."""

    def drop_prompt(self, uuid: str) -> None:
        """Note that the agent let go of a prompt that it held: no result of the agent's will list it."""

    async def ask(self, ask: Ask[AgentRequest]) -> Json:
        """Put a request to whoever answers it, and return the answer as the agent takes it; see `Ask`."""
        ...

    async def run_tool(self, call: OwnCall, *, asks: bool) -> ToolResult | None:
        """Run a tool of the application, see `OwnTools.run`."""
        ...

    def withdraw(self) -> None:
        """Note that the agent asks nothing any more."""


class SessionDriver(ABC):
    """The agent's side of one session. The runtime serialises its calls; none of them waits for a turn to end.

    Attributes:
        name: Name of the backend.
        answers: What the results have to hold, where the session has an output schema.
        lends: Settings that the session itself changes for one turn, with `apply`, and puts back when that has ended.
        budgets: Of "max_turns" and "max_budget_usd" what the agent keeps itself; the session sees to the others.
        keeps_held: Whether the agent begins a turn by itself for what it `holds` when a turn ends; else it has let
            go of that by then, and the session sends it anew, or cancels it.
        brings_context: Whether the agent asks, as a turn starts, what hooks tell the model with its prompt; it is sent
            with the prompt otherwise.
        updates: Who keeps what an answer changes for longer, `Allow.updates`: "ours", the session and the options of
            its requests; "sent", the agent as well, which is told with the answer; "passed", whoever gets the answer.
        changes_directories: Whether `take_updates` changes the folders in which an open session works.
        sink: What takes its messages and requests; there from the moment that its session is made.
    """

    name: str
    answers: AnswerForm | None = None
    lends: frozenset[Setting] = frozenset()
    budgets: frozenset[Budget] = frozenset()
    keeps_held: bool = False
    brings_context: bool = False
    updates: Literal["ours", "sent", "passed"] = "ours"
    changes_directories: bool = False
    sink: SessionSink

    @property
    @abstractmethod
    def resumable(self) -> bool:
        """Whether the agent has stored the session."""

    @property
    def away(self) -> Away | None:
        """Why the agent does not have the session at hand: "parked", or "disconnected"; None: it has."""
        return None

    @property
    def lasts(self) -> bool:
        """Whether the session can go on when its agent is lost: it is stored, or nothing was said in it."""
        return False

    async def ready(self) -> None:
        """Return when the agent has the session at hand: it is opened again after a loss, or where it was parked.

        Raises:
            AgentError: It cannot be.
        """
        return

    async def park(self, idle: Callable[[], bool]) -> None:
        """Let go of the session at the agent until `ready` is called; bounded, never raises.

        Args:
            idle: Tells whether nobody uses it. Where somebody does by now, it stays.
        """
        del idle

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

    async def prepare(self, answers: AnswerForm | None) -> None:
        """Have the agent ready for a turn whose answer has to be so, None: as in the session; before settings are lent.

        Raises:
            AgentError: It cannot be, and the prompt is not sent.
        """
        return

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

    def unseen(self, rule: Rule) -> str | None:
        """Return what to write instead of a refusal that would bind no call of its tool, in a session that is open."""
        return None

    async def look_at(self, request: AgentRequest, answer: AgentAnswer) -> None:
        """Refuse an answer that whoever gets it would not take, where `updates` are "passed"; raises `AgentError`."""
        return

    async def take_updates(self, rules: Sequence[Rule], directories: Sequence[str]) -> None:
        """Have what answers changed hold for the turns to come, also where the agent is started again.

        Args:
            rules: All rules that hold until the session ends.
            directories: All folders in which it works beside its own.
        """
        return

    async def tools_changed(self, registry: ToolRegistry) -> bool:
        """Tell the agent that a registry of the application has other tools; False if it keeps those it knows.

        Raises:
            AgentError: It could not be told.
        """
        return False

    def fork_place(self, message: SDKMessage) -> str | None:
        """Return what names the turn of a message in `SessionOptions.fork_at`; None: the message's own uuid does.

        A result is not stored; its last prompt is.
        """
        listed = message.user_message_uuids if isinstance(message, ResultMessage) else ()
        return listed[-1] if listed else None

    def holds(self, uuid: str) -> bool:
        """Tell whether the agent has a steering prompt that no model has been shown; a result lists none of these."""
        return False

    @abstractmethod
    async def interrupt(self, turn_id: str | None, *, cancel_held: bool = True) -> None:
        """Ask the agent to end the running turn and its foreground command; returns without waiting for the end.

        Args:
            turn_id: The turn.
            cancel_held: Whether an agent that keeps the prompts that it holds shall forget them.
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
