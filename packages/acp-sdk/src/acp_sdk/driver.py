"""The agent's side of one session: prompts become `session/prompt`, interrupts `session/cancel`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import anyio
import anyio.lowlevel

from acp_sdk.abandoned import AbandonedTurns, is_alive
from acp_sdk.choices import Choices
from acp_sdk.modes import CATEGORIES
from acp_sdk.normalizer.failures import failure_of
from acp_sdk.normalizer.session import SessionNormalizer, history_of
from acp_sdk.process.link import AgentLink
from acp_sdk.prompt_content import content
from acp_sdk.protocol import methods
from acp_sdk.protocol.updates import ConfigOptionUpdate
from acp_sdk.protocol.upgrade import SessionUpgrade
from acp_sdk.stored import page_of
from agent_sdk_core.errors import AgentError, ConnectionLostError, ProtocolError
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.usage import SessionUsage
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.prompts import Prompt, replay_content
from agent_sdk_core.runtime.driver import Away, SessionDriver, Setting
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.wire.reading import Json, as_record

if TYPE_CHECKING:
    from acp_sdk.sessions import SessionOpener
    from agent_sdk_core.turn_options import TurnOptions

_log = logging.getLogger(__name__)

_GOODBYE_SECONDS: Final = 2.0
_KILL_SECONDS: Final = 0.5


class AcpDriver(SessionDriver):
    """Drives one session of an agent.

    Args:
        link: The way to the agent, which is asked at each call.
        host: Runs what nobody waits for.
        normalizer: Makes messages of the session's updates.
        upgrade: Reads the updates of an agent of version 1.
        options: The session's options.
        opener: Opens the session again after a loss.
        stored: Whether the agent had stored the session from the start.
        told: What was said in it before.

    Attributes:
        normalizer: Likewise.
        upgrade: Likewise.
        name: What the agent is called.
        link: The way to the agent.
        choices: What is chosen in it.
    """

    lends = frozenset(CATEGORIES)

    def __init__(
        self,
        link: AgentLink,
        host: Host,
        normalizer: SessionNormalizer,
        upgrade: SessionUpgrade,
        options: SessionOptions,
        opener: SessionOpener,
        *,
        stored: bool,
        told: Sequence[SDKMessage] = (),
    ) -> None:
        self.name = link.name
        self.normalizer = normalizer
        self.upgrade = upgrade
        self.moved: Callable[[str], object] | None = None
        self.link = link
        self.choices = Choices(link, normalizer.facts, lambda: self.upgrade, self._chosen)
        self._host = host
        self._options = options
        self._opener = opener
        self._stored = stored
        self._generation = link.generation
        self._told = list(told)
        self._abandoned = AbandonedTurns()
        self._parked = False
        self._opening = anyio.Lock()

    @property
    def session_id(self) -> str:
        """The agent's id of the session."""
        return self.normalizer.facts.session_id

    @property
    def resumable(self) -> bool:
        """Whether the agent can open the session again: it says that it can, and something was said."""
        return self._opener.reopens and (self._stored or self.normalizer.finished)

    @property
    def away(self) -> Away | None:
        """Why the session is not at hand."""
        if not self.link.is_up:
            return "disconnected"
        return "parked" if self._parked else None

    @property
    def stopping(self) -> bool:
        """Whether what the agent runs was asked to end, so that it is allowed nothing any more."""
        turn = self.normalizer.turn
        return bool(self._abandoned) if turn is None else turn.interrupting

    @property
    def lasts(self) -> bool:
        """Whether the conversation is stored, or no turn of it has ended well."""
        return self.resumable or not (self._stored or self.normalizer.finished)

    @property
    def _here(self) -> bool:
        return self.link.is_up and not self._parked and self._generation == self.link.generation

    async def ready(self) -> None:
        """Have the session open in the agent of today."""
        if not self._here or self.link.in_doubt:
            await self._host.call(self._open_again)

    async def park(self, idle: Callable[[], bool]) -> None:
        """Have the agent close the session, where it can open it again."""
        async with self._opening:
            if self._here and idle() and self.resumable:
                self._parked = True
                await self._let_go(_GOODBYE_SECONDS)

    async def _open_again(self) -> None:
        async with self._opening:
            while True:
                await self.link.connect()
                if self._here:
                    return
                generation, before = self.link.generation, self.session_id
                with self._opener.opening():
                    try:
                        await self._opener.reopen(self, self._options, stored=self.resumable)
                    except ConnectionLostError:
                        continue
                    self._generation, self._parked = generation, False
                    self._abandoned.all_ended()
                    if self.session_id != before and self.moved is not None:
                        self.moved(before)
                return

    async def start_turn(
        self, prompt: Prompt, uuid: str, *, options: TurnOptions | None = None, answers: AnswerForm | None = None
    ) -> str:
        """Send `session/prompt`, which an agent of version 1 answers when the turn has ended."""
        if self._abandoned:
            await self._cancel()
            await self._abandoned.over(backend=self.name)
        agent = self.link.today
        blocks = await off_the_loop(lambda: content(prompt, agent.prompts, backend=self.name))
        turn_id = str(uuid4())
        self._host.start_soon(self._run, turn_id, uuid, replay_content(prompt), blocks)
        return turn_id

    async def _run(self, turn_id: str, uuid: str, said: str | list[Json], blocks: list[Json]) -> None:
        self.upgrade.accepted()
        self.deliver(self.normalizer.begin(uuid, said, turn_id))
        generation = self.link.generation
        params: Json = {"sessionId": self.session_id, "prompt": blocks}
        try:
            agent = self.link.today
            answer = await agent.peer.request(methods.PROMPT, params, timeout=None, counted=False)
        except ProtocolError as error:
            self._ended(turn_id, generation)
            if self._runs(turn_id):
                code, reason = failure_of(error)
                self.deliver(self.normalizer.fail(code, reason, error.details.get("error")))
            return
        except ConnectionLostError:
            return  # The session is told of it, and ends the turn.
        except (AgentError, ValueError) as error:
            if self._runs(turn_id):
                code = error.code if isinstance(error, AgentError) else "invalid_request"
                self.deliver(self.normalizer.fail(code, str(error), None))
            return
        if agent.version > 1:
            return  # Accepted; a state update ends it.
        self._ended(turn_id, generation)
        fields = as_record(answer) or {}
        if self._runs(turn_id):
            self.deliver(self.normalizer.feed(self.upgrade.ended(fields), fields))

    def _runs(self, turn_id: str) -> bool:
        return self.normalizer.turn is not None and self.normalizer.turn.id == turn_id

    def _ended(self, turn_id: str, generation: int) -> None:
        """Note that the agent has ended a turn, which we may have given up."""
        if self._abandoned and not self._runs(turn_id) and generation == self.link.generation:
            self._abandoned.ended()

    def idled(self) -> None:
        """Note that an agent of version 2 runs nothing any more: what we had given up has ended too."""
        if self.normalizer.turn is None:
            self._abandoned.all_ended()

    def deliver(self, messages: list[SDKMessage]) -> None:
        """Hand messages on, and keep those that a history has."""
        if messages:
            self._told += history_of(messages)
            self.sink.deliver(messages)

    async def steer(self, prompt: Prompt, uuid: str, turn_id: str | None) -> bool:
        """Tell that the turn takes nothing: the protocol has no word for it."""
        return False

    async def check(self, setting: Setting, value: str | None) -> None:
        """Refuse what the agent does not offer."""
        self.choices.check(setting, value)

    async def apply(self, setting: Setting, value: str | None) -> None:
        """Choose a value; None: the one that the session had when it was opened."""
        await self.ready()
        await self.choices.apply(setting, value)

    def _chosen(self, update: ConfigOptionUpdate, answer: Json) -> None:
        if hasattr(self, "sink"):
            self.deliver(self.normalizer.feed(update, answer))
        else:  # Before the session is there to be told.
            self.normalizer.facts.options = update.config_options

    async def interrupt(self, turn_id: str | None, *, cancel_held: bool = True) -> None:
        """Send `session/cancel`; the agent answers the prompt then. What it asks is withdrawn."""
        if self.normalizer.turn is not None:
            self.normalizer.turn.interrupting = True
        self.sink.withdraw()
        await self._cancel()

    async def stop_turn(self) -> None:
        """Have the running turn end, because a person said so."""
        if self.normalizer.turn is not None:
            self.normalizer.turn.interrupting = True
        await self._cancel()  # Before the answer: an agent that hears of a refusal alone goes on.

    async def _cancel(self) -> None:
        try:
            await self.link.today.peer.notify(methods.CANCEL, {"sessionId": self.session_id})
        except AgentError as error:
            _log.debug("session/cancel: %s", error)

    def abandon(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> list[SDKMessage]:
        """Return what ends a turn on our side."""
        running = self.normalizer.turn is not None
        messages = self.normalizer.abandon(code=code, message=message, terminal_reason=terminal_reason)
        self._told += history_of(messages)
        if turn_id is not None and running and self._here:
            self._abandoned.add()
            if self._options.stall_timeout is not None:
                _log.warning("the %s agent does not end its turn, and is killed", self.name)
                self.link.doubt()
            else:
                self.link.doubt(is_alive)  # Where it says nothing at all, another one takes its place.
        return messages

    async def close(self) -> None:
        """Have the agent close the session, where it has a word for that."""
        await self._let_go(_GOODBYE_SECONDS)

    async def kill(self) -> None:
        """Cancel what runs, and close the session, in little time."""
        with anyio.move_on_after(_KILL_SECONDS):
            await self._cancel()
        for _ in range(2):  # A callback whose request was refused hears of it before the session is gone.
            await anyio.lowlevel.checkpoint()
        await self._let_go(_KILL_SECONDS)

    async def _let_go(self, seconds: float) -> None:
        try:
            agent = self.link.today
            if agent.sessions.close is not None:
                params = {"sessionId": self.session_id}
                await agent.peer.request(methods.CLOSE, params, timeout=seconds, counted=False)
        except AgentError as error:
            _log.debug("session/close: %s", error)

    async def history(self, *, limit: int | None, cursor: str | None) -> HistoryPage:
        """Return what was said: what the agent told when it opened the session, and what came since."""
        return page_of(self._told, limit=limit, cursor=cursor)

    def usage(self) -> SessionUsage:
        """Return what the session used so far."""
        return self.normalizer.facts.usage()
