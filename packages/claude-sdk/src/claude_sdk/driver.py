"""Claude's side of one session: prompts become user frames with uuids of ours, interrupts a control request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast
from uuid import uuid4

import anyio

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.errors import (
    AgentError,
    InvalidRequestError,
    ProtocolError,
    RequestTimeoutError,
    SessionBusyError,
    SessionNotFoundError,
    UnsupportedOptionError,
)
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.messages.conversation import AssistantMessage, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.usage import SessionUsage
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.runtime.driver import Away, SessionDriver, Setting
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.tools.registry import ToolRegistry
from agent_sdk_core.turn_options import TurnOptions
from agent_sdk_core.wire.reading import Json
from claude_sdk.asking.updates import rule_texts
from claude_sdk.modes import MODES
from claude_sdk.normalizer.closer import Closer
from claude_sdk.normalizer.session_facts import SessionFacts
from claude_sdk.process.answer_schema import answer_form
from claude_sdk.process.control_peer import ControlPeer
from claude_sdk.process.errors import translate
from claude_sdk.process.link import ClaudeLink
from claude_sdk.process.typed_options import flag_settings
from claude_sdk.prompt_content import user_content
from claude_sdk.store.stored_sessions import StoredSessions
from claude_sdk.tools import CHANGED

if TYPE_CHECKING:
    from agent_sdk_core.options import SessionOptions
    from agent_sdk_core.policy.rules import Rule

_log = logging.getLogger(__name__)

_ACCEPT_SECONDS: Final = 60.0
"""How long claude may take to say that it has a prompt; one whose uuid it has seen before it passes over in silence."""

_INTERRUPT_SECONDS: Final = 10.0

_HUMAN: Final = "human"
"""The one origin of a prompt that claude lets an application tell."""


class ClaudeDriver(SessionDriver):
    """Drives one claude process.

    Args:
        link: The way to it, which is asked at each call.
        host: Runs what nobody waits for.
        closer: Makes messages of its frames.
        facts: What its frames told of the session.
        store: Where claude keeps its sessions.
        stored: Whether the session is stored from the start.
        ephemeral: Whether it is never stored.
        copied_from: For a fork, the session that it is a copy of.

    Attributes:
        turn_schema: What claude was started for beside the session's own schema; None: nothing else.
        restored: Rules that answers added, in which this claude was started anew and told of as settings.
    """

    name = "claude"
    keeps_held = True
    brings_context = True
    lends = frozenset({"model", "permission_mode", "reasoning_effort"})
    budgets = frozenset({"max_turns", "max_budget_usd"})
    updates = "sent"

    def __init__(
        self,
        link: ClaudeLink,
        host: Host,
        closer: Closer,
        facts: SessionFacts,
        store: StoredSessions,
        *,
        stored: bool,
        ephemeral: bool = False,
        copied_from: str | None = None,
    ) -> None:
        self.link = link
        self._host = host
        self._closer = closer
        self._facts = facts
        self._store = store
        self._stored = stored
        self._ephemeral = ephemeral
        self._copied_from = copied_from
        self._taken: dict[str, anyio.Event] = {}
        self._last_uuid: str | None = None
        self._asked = False
        self.turn_schema: Json | None = None
        self.restored: Sequence[Rule] = ()

    @property
    def away(self) -> Away | None:
        """Why no claude runs for the session."""
        return self.link.away

    @property
    def lasts(self) -> bool:
        """Whether the conversation is on disk, or there is none yet."""
        return not (self._ephemeral and self._asked)

    async def ready(self) -> None:
        """Have a claude run for the session: another one resumes it, or starts it anew if it is not stored."""
        await self.link.connect()

    @property
    def resumable(self) -> bool:
        """Whether claude has stored the session: it writes it with its first prompt."""
        return not self._ephemeral and (self._stored or self._closer.stored)

    async def start_turn(
        self, prompt: Prompt, uuid: str, *, options: TurnOptions | None = None, answers: AnswerForm | None = None
    ) -> str | None:
        """Send a prompt, and return its uuid, by which its turn is called; what is otherwise in it is set already."""
        await self._send(prompt, uuid, origin=None if options is None else _origin(options.origin))
        return uuid

    async def steer(self, prompt: Prompt, uuid: str, turn_id: str | None) -> bool:
        """Send a prompt that joins the running turn at its next tool; too late for that, it has a turn of its own."""
        await self._send(prompt, uuid, priority="next")
        return True

    async def park(self, idle: Callable[[], bool]) -> None:
        """End the process."""
        await self.link.park(idle)

    async def tools_changed(self, registry: ToolRegistry) -> bool:
        """Say about which tools nobody is asked now, and only then that there are others."""
        await self.control("apply_flag_settings", settings=self.flags(self.sink.options) or {})
        await self.control("mcp_message", server_name=registry.name, message=CHANGED)
        return True

    async def take_updates(self, rules: Sequence[Rule], directories: Sequence[str]) -> None:
        """Take back a rule that claude, started anew, has from its settings, where no answer can remove it."""
        left = [rule for rule in self.restored if rule in rules]
        if len(left) < len(self.restored):
            self.restored = left
            await self.control("apply_flag_settings", settings=self.flags(self.sink.options) or {})

    def flags(self, options: SessionOptions) -> Json | None:
        """Return the settings that claude is told when it has started."""
        return flag_settings(options, rule_texts(self.restored))

    async def control(self, subtype: str, **fields: object) -> Json:
        """Send a control request, and return the payload of its answer.

        Raises:
            AgentError: Claude refused it, or it could not be sent, or was not answered in time.
        """
        try:
            return await (await self.link.connect()).peer.request(subtype, fields)
        except ProtocolError as error:
            raise translate(error) from error

    async def answer_form(self, schema: Mapping[str, object]) -> AnswerForm:
        """Return how claude is asked for an answer that fits a schema: the session's own, or that of another start."""
        form = await off_the_loop(answer_form, schema)
        own = self.answers
        return form if own is None or own.asked.schema != form.asked.schema else own

    async def prepare(self, answers: AnswerForm | None) -> None:
        """Start claude again where it was started for answers of another kind: it reads a schema then only (2.1.332).

        Raises:
            SessionBusyError: Something runs in the background, which would end with it.
            UnsupportedOptionError: The conversation is not stored, and would be lost.
            AgentError: It does not start again.
        """
        own = None if self.answers is None else self.answers.asked.schema
        wanted = own if answers is None else answers.asked.schema
        if wanted == (own if self.turn_schema is None else self.turn_schema):
            return
        if self._closer.background_tasks:
            raise SessionBusyError(
                "Claude is started again for an answer of another kind than before, which would end what runs in the "
                "background. Wait for it (session.wait_idle()), or end it (session.stop_task).",
                backend=self.name,
            )
        if not self.lasts:
            raise UnsupportedOptionError(
                "The claude backend cannot change the kind of answer in a session that is not stored "
                "(SessionOptions.ephemeral): it starts claude again for it. Open the session with "
                "SessionOptions(output_schema=…).",
                backend=self.name,
                details={"option": "output_schema"},
            )
        self.turn_schema = None if wanted == own else wanted
        await self.link.park(lambda: True)
        await self.link.connect()

    async def check(self, setting: Setting, value: str | None) -> None:
        """Refuse an effort that no model takes."""
        if setting == "reasoning_effort":
            self._facts.require_effort(value)

    async def apply(self, setting: Setting, value: str | None) -> None:
        """Send a setting, which works at once (2.1.329); claude checks that a model exists, and sends it a word."""
        match setting:
            case "model":
                self._facts.take_model((await self.control("set_model", model=value)).get("model"))
            case "permission_mode":
                mode = self._facts.default_mode if value is None else MODES[cast("PermissionMode", value)]
                answer = await self.control("set_permission_mode", mode=mode)
                self._facts.take_mode(answer.get("mode", mode))
            case "reasoning_effort":
                await self.control("apply_flag_settings", settings={"effortLevel": value})
                self._facts.effort = value

    def fork_place(self, message: SDKMessage) -> str | None:
        """Return the last prompt of a result, or of a turn that nobody prompted the last message."""
        if not isinstance(message, ResultMessage):
            synthetic = message.source is not None and message.source.synthetic
            if isinstance(message, AssistantMessage | UserMessage) and not synthetic:
                self._last_uuid = message.uuid
            return None
        return super().fork_place(message) or self._last_uuid

    def holds(self, uuid: str) -> bool:
        """Tell whether claude keeps the prompt until it has time for it."""
        return self._closer.state_of(uuid) in ("sent", "queued")

    async def interrupt(self, turn_id: str | None, *, cancel_held: bool = True) -> None:
        """Ask for the end of the turn; its result tells when that is done."""
        self._host.start_soon(self._interrupt, cancel_held)

    def abandon(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        """Return what ends a turn on our side, or everything; a claude that cannot be stopped is killed."""
        ending = self._closer.end(turn_id, code=code, message=message, terminal_reason=terminal_reason)
        if turn_id is not None:
            # It might work on, and answer the next prompt with what it still has to say to this one.
            _log.warning("claude went on after an interrupt, and is killed")
            self.link.doubt()
        return ending

    def forget(self, uuid: str) -> None:
        """Note that a prompt has ended on our side."""
        self._closer.forget(uuid)

    async def compact(self) -> None:
        """Send ``/compact``, which is a turn of its own."""
        await self._send("/compact", str(uuid4()), shown=False)

    def note_lifecycle(self, frame: Json) -> None:
        """Note what claude tells of a prompt, which shows that it has it."""
        taken = self._taken.get(str(frame.get("command_uuid")))
        if taken is not None:
            taken.set()

    def cut_off(self) -> None:
        """Note that the process is gone, so that no receipt comes any more."""
        for taken in self._taken.values():
            taken.set()

    async def close(self) -> None:
        """End the process, and the background work that it would wait for."""
        await self.link.dismiss()

    async def kill(self) -> None:
        """Kill the process and all it started."""
        await self.link.close(grace=0, term=0)

    async def history(self, *, limit: int | None, cursor: str | None) -> HistoryPage:
        """Return stored messages, oldest first; claude writes a session, and the copy of one, with its first prompt."""
        try:
            return await self._store.read_history(self._closer.session_id, limit=limit, cursor=cursor)
        except SessionNotFoundError:
            if self._copied_from is None or self._ephemeral:
                return HistoryPage([])
            return await self._store.read_history(self._copied_from, limit=limit, cursor=cursor)

    def usage(self) -> SessionUsage:
        """Return what the session used so far."""
        return self._facts.usage

    async def _send(
        self,
        prompt: Prompt,
        uuid: str,
        *,
        priority: str | None = None,
        origin: Json | None = None,
        shown: bool = True,
    ) -> None:
        """Send a prompt, and return when claude has said that it has it."""
        content = prompt if isinstance(prompt, str) else await off_the_loop(user_content, prompt)
        frame: Json = {
            "type": "user",
            "message": {"role": "user", "content": content},
            "parent_tool_use_id": None,
            "uuid": uuid,
        }
        if priority is not None:
            frame["priority"] = priority
        if origin is not None:
            frame["origin"] = origin
        taken = self._taken[uuid] = anyio.Event()
        self._closer.expect(uuid, content, shown=not shown)
        self._asked = True
        try:
            peer = self.link.today.peer  # And no later one: what was lost on its way is not sent again.
            await peer.send(frame)
            await self._await_receipt(peer, uuid, taken)
        except BaseException:
            self._closer.forget(uuid)
            raise
        finally:
            del self._taken[uuid]

    async def _await_receipt(self, peer: ControlPeer, uuid: str, taken: anyio.Event) -> None:
        with anyio.move_on_after(_ACCEPT_SECONDS):
            await taken.wait()
        peer.require_open()
        if not taken.is_set():
            raise InvalidRequestError(
                f"Claude passed over the prompt {uuid}: in this conversation, another one had this uuid.",
                backend=self.name,
            )

    async def _interrupt(self, cancel_held: bool) -> None:
        fields = {"cancel_queued": cancel_held}
        try:
            await self.link.today.peer.request("interrupt", fields, timeout=_INTERRUPT_SECONDS, counted=False)
        except RequestTimeoutError:
            _log.warning("claude did not answer an interrupt")
        except AgentError as error:
            _log.debug("interrupt: %s", error)


def _origin(word: str | None) -> Json | None:
    """Return where a prompt is from as claude takes it: of every word but one it makes nothing (2.1.332).

    Raises:
        UnsupportedOptionError: It is another word.
    """
    if word is None:
        return None
    if word != _HUMAN:
        raise UnsupportedOptionError(
            f"Claude takes TurnOptions(origin={_HUMAN!r}) alone, and passes over {word!r}: leave it out, or say it in "
            "the prompt.",
            backend="claude",
            details={"option": "origin"},
        )
    return {"kind": word}
