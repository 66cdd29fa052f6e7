"""The side of the agent in memory of a session: its turns, its settings, what is stored of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from agent_sdk_core import (
    AgentError,
    HistoryPage,
    PermissionMode,
    Prompt,
    SDKMessage,
    SessionUsage,
    ToolRegistry,
    Usage,
)
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.runtime import Host, SessionDriver
from agent_sdk_core.runtime.asking.policing import denial
from agent_sdk_core.runtime.asking.user_code import UserCodeError, call_user_code
from agent_sdk_core.runtime.driver import Away, Setting
from agent_sdk_core.runtime.settings import require_known
from agent_sdk_core.structured.answers import AnswerForm, unwrapped
from agent_sdk_core.structured.schema import OutputSchema
from agent_sdk_testing.memory.conversation import DEFAULT_MODEL, Json, Talk, as_told, instructions_of, tools_of
from agent_sdk_testing.memory.player import Player
from agent_sdk_testing.memory.prompts import content_of
from agent_sdk_testing.memory.turn import NAME, MemoryTurn, added

if TYPE_CHECKING:
    from agent_sdk_core import TurnOptions
    from agent_sdk_core.runtime.asking.policing import Police
    from agent_sdk_testing.memory.stored import Stored
    from agent_sdk_testing.memory.tools import Tools
    from agent_sdk_testing.model.scripted_model import ScriptedModel

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra")


class MemoryDriver(SessionDriver):
    """Drives one session.

    Args:
        host: Runs the turns.
        script: What the model says.
        tools: What the agent's own tools return.
        stored: What is kept of the session.

    Attributes:
        script: As given.
        tools: As given.
        cwd: The folder that it is said to work in.
        model: The model that the next turn asks; None: the one without a name.
        mode: The permission mode.
        effort: The reasoning effort.
        granted: What was allowed for the session beside what the session itself keeps: edits, and paths outside.
        police: Returns what holds the session's policy against what its tools do; None without one.
    """

    name = NAME
    lends = frozenset({"model", "permission_mode", "reasoning_effort"})
    budgets = frozenset({"max_budget_usd"})  # Nothing costs anything.

    def __init__(self, host: Host, script: ScriptedModel, tools: Tools, stored: Stored) -> None:
        self.script = script
        self.tools = tools
        self.cwd = stored.cwd
        self.model: str | None = None
        self.mode: PermissionMode | None = None
        self.effort: str | None = None
        self.police: Callable[[], Police | None] = lambda: None
        self._host = host
        self._stored = stored
        self._told = list(as_told(message for message in stored.messages if message.parent_tool_use_id is None))
        self.granted: set[str] = set()
        self._turn: MemoryTurn | None = None
        self._held: set[str] = set()
        self._used = Usage(cache_read_input_tokens=0)
        self._parked = False

    @property
    def model_name(self) -> str:
        """The name of the model that the next turn asks."""
        return self.model or DEFAULT_MODEL

    @property
    def title(self) -> str:
        """The name that the session was given."""
        return self._stored.title

    @property
    def offered(self) -> tuple[str, ...]:
        """The names of the tools that the model is offered."""
        return tuple(entry["name"] for entry in tools_of(self.sink.options, self.tools))

    @property
    def resumable(self) -> bool:
        """Whether something was said, and is kept."""
        return bool(self._stored.messages) and not self.sink.options.ephemeral

    @property
    def away(self) -> Away | None:
        """Whether it sleeps."""
        return "parked" if self._parked else None

    async def ready(self) -> None:
        """Wake up."""
        self._parked = False

    async def park(self, idle: Callable[[], bool]) -> None:
        """Sleep, which costs nothing here: for tests of what does."""
        self._parked = idle()

    @property
    def lasts(self) -> bool:
        """It never goes away."""
        return True

    async def start_turn(
        self, prompt: Prompt, uuid: str, *, options: TurnOptions | None = None, answers: AnswerForm | None = None
    ) -> str:
        """Begin a turn, which then goes on by itself; what is otherwise in it, the session has set with `apply`."""
        content = await off_the_loop(content_of, prompt)
        form, session = answers or self.answers, self.sink.options
        turn = MemoryTurn(
            self.sink.session_id, uuid, partial=session.include_partial_messages, structured=form is not None
        )
        self._turn = turn
        talk = Talk(turn, instructions_of(session, self.cwd), self._told)
        self._host.start_soon(self._run, turn, talk, uuid, content, None if form is None else form.sent)
        return turn.id

    async def steer(self, prompt: Prompt, uuid: str, turn_id: str | None) -> bool:
        """Add a prompt to the running turn, whose model is shown it when it is asked next."""
        content = await off_the_loop(content_of, prompt)
        turn = self._turn
        if turn is None or turn.id != turn_id:
            return False
        turn.steered[uuid] = content
        self._held.add(uuid)
        return True

    def holds(self, uuid: str) -> bool:
        """Tell whether the model was not asked since a prompt was steered in."""
        return uuid in self._held

    def forget(self, uuid: str) -> None:
        """Let go of a prompt that a turn left out."""
        self._held.discard(uuid)

    def take_up(self, turn: MemoryTurn, talk: Talk) -> None:
        """Show the model what was steered into a turn since it was asked last."""
        while turn.steered:
            uuid, content = turn.steered.popitem(last=False)
            self._held.discard(uuid)
            turn.uuids.append(uuid)
            self.tell(talk, turn.prompt(uuid, content))

    async def answer_form(self, schema: Mapping[str, object]) -> AnswerForm:
        """Return how the model is asked for an answer that fits a schema: as it is, and it answers with JSON."""
        checked = await off_the_loop(OutputSchema, schema)
        # As at the real agents, an answer that is no object may stand in one as its `value`.
        return AnswerForm(checked, checked.schema, _same if _is_of_objects(checked) else unwrapped)

    async def check(self, setting: Setting, value: str | None) -> None:
        """Refuse an effort that no model takes."""
        if setting == "reasoning_effort" and value is not None:
            require_known("reasoning effort", value, EFFORTS, backend=NAME)

    async def apply(self, setting: Setting, value: str | None) -> None:
        """Change a setting."""
        if setting == "model":
            self.model = value
        elif setting == "permission_mode":
            self.mode = cast("PermissionMode | None", value)
        else:
            self.effort = value

    async def tools_changed(self, registry: ToolRegistry) -> bool:
        """Take the tools as they are when the model is asked next."""
        return True

    async def interrupt(self, turn_id: str | None, *, cancel_held: bool = True) -> None:
        """End the running turn."""
        if self._turn is not None:
            self._turn.scope.cancel()  # First, lest who waits for an answer goes on with the refusal.
            self.sink.withdraw()

    def abandon(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        """Return what ends the running turn."""
        if self._turn is None:
            return []
        return self._turn.end(AgentError(message, code=code), terminal_reason=terminal_reason)

    async def close(self) -> None:
        """Wait for the end of the turn that was interrupted."""
        await self.kill()

    async def kill(self) -> None:
        """End the turn at once."""
        if self._turn is not None:
            self._turn.scope.cancel()
            await self._turn.ended.wait()

    async def history(self, *, limit: int | None, cursor: str | None) -> HistoryPage:
        """Return what was said in this session; of one that is not stored, nothing, as at the real agents."""
        return HistoryPage([]) if self.sink.options.ephemeral else self._stored.page(limit, cursor)

    def usage(self) -> SessionUsage:
        """Return the tokens of all turns since the session was opened."""
        return SessionUsage(self._used)

    def tell(self, talk: Talk, *messages: SDKMessage) -> None:
        """Hand on what is said in a conversation, and keep it."""
        talk.told.extend(as_told(messages))
        self._emit(*messages)

    async def judged(
        self, name: str, given: Json, call_id: str, leaves: str | None
    ) -> tuple[Literal["deny", "ask"] | None, str]:
        """Return whether the session's policy refuses a tool, and why, or wants it asked about; None: the mode says."""
        if (police := self.police()) is None:
            return None, ""
        lifted = () if leaves is None else ("path",)
        try:
            decision = await call_user_code(
                lambda: police.judge(name, given, self.cwd, lifted, tool_use_id=call_id), "the policy"
            )
        except UserCodeError as error:
            return "deny", str(error)
        if decision is None:
            return "deny", "The turn has ended."
        if decision.verdict == "deny":
            return "deny", denial(decision).message
        return ("ask" if decision.verdict == "ask" and decision.rule is not None else None), ""

    def _tell_main(self, *messages: SDKMessage) -> None:
        self._told.extend(as_told(message for message in messages if message.parent_tool_use_id is None))
        self._emit(*messages)

    def _emit(self, *messages: SDKMessage) -> None:
        self._stored.keep(messages)
        self.sink.deliver(messages)

    async def _run(self, turn: MemoryTurn, talk: Talk, uuid: str, content: Sequence[Json], schema: object) -> None:
        facts = {"cwd": self.cwd, "model": self.model_name, "tools": list(self.offered)}
        self.tell(talk, turn.begin(facts), turn.prompt(uuid, content))
        self._stored.model = self.model_name
        error: AgentError | None = None
        with turn.scope:
            try:
                await Player(self, turn, talk, schema).play()
            except AgentError as caught:
                caught.backend = NAME
                error = caught
        self._used = added(self._used, turn.usage)
        aborted = "aborted_tools" if turn.in_tools else "aborted_streaming"
        reason = aborted if turn.scope.cancelled_caught else "completed"
        self._turn = None
        self._tell_main(*turn.end(error, terminal_reason=reason))


def _is_of_objects(schema: OutputSchema) -> bool:
    root: Json = schema.schema
    while isinstance(pointer := root.get("$ref"), str):
        root = schema.at(pointer)
    return root.get("type") == "object"


def _same(answer: Any) -> Any:
    return answer
