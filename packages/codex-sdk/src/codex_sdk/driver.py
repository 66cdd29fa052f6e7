"""Codex's side of one session: prompts become `turn/start` and `turn/steer`, interrupts `turn/interrupt`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio

from agent_sdk_core.errors import AgentError, ProtocolError, SessionNotFoundError
from agent_sdk_core.interfaces.account import Account
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.usage import SessionUsage
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.prompts import Prompt, replay_content
from agent_sdk_core.runtime.driver import Away, SessionDriver, Setting
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.wire.reading import Json, as_record, optional_text_at, record_at
from codex_sdk.account import ask_account
from codex_sdk.normalizer import ThreadFamily
from codex_sdk.process.errors import translate
from codex_sdk.process.link import AppServerLink
from codex_sdk.prompt_content import user_input
from codex_sdk.threads.attachment import Attachment
from codex_sdk.threads.calls import GOODBYE_SECONDS, ThreadCalls
from codex_sdk.threads.history import read_session
from codex_sdk.threads.interrupts import TurnInterrupts
from codex_sdk.threads.leaving import KILL_SECONDS, Leaving, is_alive
from codex_sdk.threads.settings import ThreadSettings

if TYPE_CHECKING:
    from agent_sdk_core.policy.rules import Rule
    from agent_sdk_core.turn_options import TurnOptions

_log = logging.getLogger(__name__)

_NOT_STEERABLE: Final = ("no active turn", "expected active turn", "activeturnnotsteerable", "not steerable")


class CodexDriver(SessionDriver):
    """Drives one thread of an app-server.

    Args:
        link: The way to the app-server, which is asked at each call.
        host: Runs what nobody waits for.
        family: Makes messages of the events of the thread and its sub-agents'.
        options: The session's options.
        attachment: Opens the thread again after a loss.
        stored: Whether Codex has stored the thread from the start.
        unstored: Whether Codex cannot store the thread.
        answers: What its answers have to be, where the session has an output schema.

    Attributes:
        settings: What is changed with the next turn.
        attachment: Where the thread is open.
        calls: Asks the app-server for the thread.
    """

    name = "codex"
    brings_context = True
    changes_directories = True

    def __init__(
        self,
        link: AppServerLink,
        host: Host,
        family: ThreadFamily,
        options: SessionOptions,
        attachment: Attachment,
        *,
        stored: bool,
        unstored: bool = False,
        answers: AnswerForm | None = None,
    ) -> None:
        self._unstored = unstored and not stored
        self._link = link
        self._host = host
        self._family = family
        self._normalizer = family.main
        self._options = options
        self.attachment = attachment
        self._stored = stored
        self._asked = False
        self.answers = answers
        self._starting = anyio.Lock()
        self.calls = ThreadCalls(link, family, self.ready)
        self.settings = ThreadSettings(link, self.calls, family, options)
        attachment.changed = self.settings.restore
        self._interrupts = TurnInterrupts(host, family, self.calls, backend=self.name)
        self._leaving = Leaving(link, family, self.calls, self._interrupts)

    @property
    def thread_id(self) -> str:
        """The thread."""
        return self._normalizer.facts.thread_id

    @property
    def resumable(self) -> bool:
        """Whether Codex has stored the thread: it writes it once its first turn has finished (0.163)."""
        return not self._ephemeral and (self._stored or self._normalizer.has_finished_turn)

    @property
    def away(self) -> Away | None:
        """Why the thread is not at hand."""
        return self.attachment.away

    @property
    def lasts(self) -> bool:
        """Whether the conversation is on disk, or there is none yet."""
        return not (self._ephemeral and self._asked)

    @property
    def _ephemeral(self) -> bool:
        return self._unstored or self._options.ephemeral or self._options.native.get("ephemeral") is True

    async def ready(self) -> None:
        """Have the thread open: in another app-server than before it is resumed, or started anew if nothing was said.

        What its turns had changed of its settings is said with the next one.
        """
        await self.attachment.ready(stored=lambda: self.resumable)

    async def park(self, idle: Callable[[], bool]) -> None:
        """Have Codex unload the thread and its sub-agents'."""
        await self.attachment.park(idle, self.close)

    async def latest_turns(self) -> list[Json]:
        """Return the latest turns of the thread, which is opened again where it has to be."""
        from codex_sdk.threads.rejoining import latest_turns

        await self.ready()
        try:
            return await latest_turns(self._link.today.peer, self.thread_id)
        except ProtocolError as error:
            raise translate(error, session_id=self.thread_id) from error

    async def check(self, setting: Setting, value: str | None) -> None:
        """Refuse an effort that no model takes."""
        await self.settings.check(setting, value)

    async def apply(self, setting: Setting, value: str | None) -> None:
        """Change a setting with the next turn; None: back to what Codex is configured for."""
        await self.settings.apply(setting, value)

    def unseen(self, rule: Rule) -> str | None:
        """Return what to write instead of a refusal of what no hook sees."""
        from codex_sdk.hooks.unseen import is_unseen

        if not is_unseen(rule):
            return None
        return f"open the session with SessionOptions(policy=PolicyGuard({rule.verdict}=[{rule.text!r}]))"

    async def take_updates(self, rules: Sequence[Rule], directories: Sequence[str]) -> None:
        """Work in the folders too that answers added, from the next turn."""
        self.settings.set_directories(directories)

    def fork_place(self, message: SDKMessage) -> str | None:
        """Return the turn of a message; the uuids of the stored ones are others."""
        return message.source.turn_id if message.source is not None else None

    async def answer_form(self, schema: Mapping[str, object]) -> AnswerForm:
        """Return how Codex is asked for an answer that fits a schema, which `turn/start` takes for its turn."""
        from agent_sdk_core.structured.strict import strict_form

        return await off_the_loop(partial(strict_form, schema, backend=self.name))

    async def start_turn(
        self, prompt: Prompt, uuid: str, *, options: TurnOptions | None = None, answers: AnswerForm | None = None
    ) -> str | None:
        """Send `turn/start` and return the turn's id."""
        async with self._starting:  # A turn may end before the settings that it changed are put back.
            return await self._start(prompt, uuid, options, answers or self.answers)

    async def _start(
        self, prompt: Prompt, uuid: str, options: TurnOptions | None, answers: AnswerForm | None
    ) -> str | None:
        await self._interrupts.until_free()
        content = await _content(prompt)
        settings = self.settings
        changes = dict(settings.changes)
        lent, own = await settings.lent(options)
        params: Json = {
            "threadId": self.thread_id,
            "input": content,
            "clientUserMessageId": uuid,
            **changes,
            **lent,
        }
        if answers is not None:
            params["outputSchema"] = answers.sent
        if options is not None and options.origin is not None:
            params["turnTrigger"] = options.origin
        self._normalizer.expect_prompt(uuid, replay_content(prompt), structured=answers is not None)
        self._asked = True
        try:
            response = await self.calls.send("turn/start", params)
        except AgentError:
            self._normalizer.forget_prompt(uuid)
            settings.restore(own)  # It may have been read all the same.
            raise
        if settings.changes == changes:
            settings.changes.clear()
        turn_id = optional_text_at(record_at(as_record(response) or {}, "turn"), "id")
        if turn_id is not None:
            self._normalizer.assign_prompt(uuid, turn_id)
        if own:
            await settings.put_back(own)
        return turn_id

    async def steer(self, prompt: Prompt, uuid: str, turn_id: str | None) -> bool:
        """Send `turn/steer`; False when the turn is over, or is a review or a compaction."""
        if turn_id is None:
            return False
        params: Json = {
            "threadId": self.thread_id,
            "expectedTurnId": turn_id,
            "input": await _content(prompt),
            "clientUserMessageId": uuid,
        }
        self._normalizer.expect_prompt(uuid, replay_content(prompt), steered=True)
        try:
            await self.calls.send("turn/steer", params)
        except AgentError as error:
            self._normalizer.forget_prompt(uuid)
            if any(words in str(error).lower() for words in _NOT_STEERABLE):
                return False
            raise
        self._normalizer.assign_prompt(uuid, turn_id)
        return True

    def holds(self, uuid: str) -> bool:
        """Tell whether Codex has not taken a steering prompt into its turn; an interrupt has it drop that (0.163)."""
        return self._normalizer.holds_prompt(uuid)

    async def interrupt(self, turn_id: str | None, *, cancel_held: bool = True) -> None:
        """Send `turn/interrupt` to the thread and to its sub-agents'; waits for no answer."""
        self._interrupts.begin(self.thread_id, turn_id)

    async def stop_turn(self, thread_id: str, turn_id: str) -> None:
        """Interrupt one turn, this thread's or a sub-agent's, and return when Codex has taken that."""
        await self._interrupts.stop_turn(thread_id, turn_id)

    async def interrupted(self) -> None:
        """Pause the goal, and terminate the commands that the interrupted turns were waiting for.

        Codex goes on with no goal after a turn that was interrupted, and leaves it active (0.163).
        """
        if self._normalizer.pursues_goal:
            try:
                params: Json = {"threadId": self.thread_id, "status": "paused", "origin": "user"}
                await self.calls.send("thread/goal/set", params)
            except AgentError as error:
                _log.debug("pausing the goal of an interrupted turn: %s", error)
        await self._interrupts.clean_up()

    def abandon(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        """Return what ends a turn on our side, or all of them."""
        ending = self._family.end(code=code, message=message, terminal_reason=terminal_reason, turn_id=turn_id)
        if turn_id is not None:
            self._link.doubt(is_alive)  # Where it says nothing at all, another one takes its place.
        return ending

    def forget(self, uuid: str) -> None:
        """Note that a prompt has ended on our side."""
        self._normalizer.forget_prompt(uuid)

    async def compact(self) -> None:
        """Send `thread/compact/start`; Codex compacts in a turn of its own."""
        await self._interrupts.until_free()
        await self.calls.send("thread/compact/start", {"threadId": self.thread_id})

    async def set_goal(self, objective: str, token_budget: int | None) -> None:
        """Send `thread/goal/set`; Codex begins a turn for it, and another one after each until it is reached."""
        await self.ready()
        params: Json = {"threadId": self.thread_id, "objective": objective, "origin": "user"}
        if token_budget is not None:
            params["tokenBudget"] = token_budget
        self._asked = True
        await self.calls.send("thread/goal/set", params)

    async def clear_goal(self) -> None:
        """Send `thread/goal/clear`."""
        await self.ready()
        await self.calls.send("thread/goal/clear", {"threadId": self.thread_id, "origin": "user"})

    async def account(self) -> Account:
        """Return who is logged in."""
        return await ask_account(self._link.today.peer)

    async def close(self) -> None:
        """End what the thread and its sub-agents still do, background commands too, and have Codex unload them."""
        await self._leaving.leave(GOODBYE_SECONDS)

    async def kill(self) -> None:
        """As `close`, in less time."""
        await self._leaving.leave(KILL_SECONDS)

    async def history(self, *, limit: int | None, cursor: str | None) -> HistoryPage:
        """Return stored messages, oldest first; of a thread that is not stored, or not yet, there are none."""
        if self._ephemeral:
            return HistoryPage([])
        peer = (await self._link.connect()).peer
        try:
            return await read_session(peer, self._normalizer.facts, limit=limit, cursor=cursor)
        except SessionNotFoundError:
            if self.resumable:
                raise
            return HistoryPage([])

    def usage(self) -> SessionUsage:
        """Return what the thread used so far."""
        return self._family.usage


async def _content(prompt: Prompt) -> list[Json]:
    """Return a prompt as the wire takes it; files that it names are looked for in a thread."""
    return user_input(prompt) if isinstance(prompt, str) else await off_the_loop(user_input, prompt)
