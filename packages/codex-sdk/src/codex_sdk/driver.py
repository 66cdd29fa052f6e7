"""Codex's side of one session: prompts become `turn/start` and `turn/steer`, interrupts `turn/interrupt`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import anyio

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.errors import AgentError, ProtocolError, RequestTimeoutError, SessionBusyError
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.interfaces.session import AgentCommand, BackgroundTask
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.usage import SessionUsage
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.runtime.driver import SessionDriver, Setting
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.wire.reading import Json, as_record, optional_text_at, record_at, records_at, text_at, texts_at
from codex_sdk.modes import configured_sandbox, mode_params
from codex_sdk.normalizer import ThreadFamily
from codex_sdk.process.errors import translate
from codex_sdk.process.link import AppServerLink
from codex_sdk.prompt_content import replay_content, user_input
from codex_sdk.threads.history import read_history
from codex_sdk.threads.listings import list_models, require_effort
from codex_sdk.threads.project_trust import applied_config
from codex_sdk.threads.terminals import background_task, list_terminals, stop_terminal

if TYPE_CHECKING:
    from agent_sdk_core.turn_options import TurnOptions

_log = logging.getLogger(__name__)

_REQUEST_SECONDS: Final = 60.0
_INTERRUPT_SECONDS: Final = 10.0
_PUT_BACK_SECONDS: Final = 10.0
_GOODBYE_SECONDS: Final = 2.0
_KILL_SECONDS: Final = 0.5
_NOT_YET_STARTED: Final = ("no active turn to interrupt", "expected active turn id")
_UNLOAD_SECONDS: Final = 1.0
_PAUSE: Final = 0.02
_NOT_STEERABLE: Final = ("no active turn", "expected active turn", "activeturnnotsteerable", "not steerable")


class CodexDriver(SessionDriver):
    """Drives one thread of an app-server.

    Args:
        link: The way to the app-server, which is asked at each call.
        host: Runs what nobody waits for.
        family: Makes messages of the events of the thread and its sub-agents'.
        options: The session's options.
        stored: Whether Codex has stored the thread from the start.
        answers: What its answers have to be, where the session has an output schema.

    Attributes:
        changes: Settings to change with the next turn, as `turn/start` takes them.
    """

    name = "codex"

    def __init__(
        self,
        link: AppServerLink,
        host: Host,
        family: ThreadFamily,
        options: SessionOptions,
        *,
        stored: bool,
        answers: AnswerForm | None = None,
    ) -> None:
        self._link = link
        self._host = host
        self._family = family
        self._normalizer = family.main
        self._options = options
        self._stored = stored
        self.answers = answers
        self._interrupting: list[tuple[str, str]] = []
        self._starting = anyio.Lock()
        self.changes: Json = {}
        if options.permission_mode == "plan":
            self.set_mode("plan")  # thread/start has no parameter for it.

    @property
    def thread_id(self) -> str:
        """The thread."""
        return self._normalizer.facts.thread_id

    @property
    def resumable(self) -> bool:
        """Whether Codex has stored the thread: it writes it once its first turn has finished (0.163)."""
        if self._options.ephemeral or self._options.native.get("ephemeral") is True:
            return False
        return self._stored or self._normalizer.has_finished_turn

    def set_mode(self, mode: PermissionMode) -> None:
        """Change the permission mode with the next turn; a sandbox that the options name stays as it is."""
        facts = self._normalizer.facts
        model, effort = self.changes.get("model", facts.model), self.changes.get("effort", facts.reasoning_effort)
        roots = [str(Path(folder).expanduser().absolute()) for folder in self._options.add_dirs]
        self.changes.update(mode_params(mode, model=model, effort=effort, roots=roots))
        if self._options.sandbox is not None:
            self.changes.pop("sandboxPolicy", None)

    async def check(self, setting: Setting, value: str | None) -> None:
        """Refuse an effort that no model takes; Codex itself passes it on to the model (0.163)."""
        if setting == "reasoning_effort":
            await require_effort((await self._link.connect()).peer, value)

    async def apply(self, setting: Setting, value: str | None) -> None:
        """Change a setting with the next turn; None: back to what Codex is configured for."""
        config: Json = {} if value is not None else await self._configured()
        if setting == "permission_mode":
            self.set_mode(cast("PermissionMode", value or "default"))
            if value is None:
                self.changes["approvalPolicy"] = config.get("approval_policy") or "on-request"
                if self._options.sandbox is None:
                    self.changes["sandboxPolicy"] = configured_sandbox(config)
            return
        if setting == "model":
            value = self.changes["model"] = value or config.get("model") or await self._first_model()
        else:
            value = self.changes["effort"] = value or config.get("model_reasoning_effort") or "medium"
        if (mode := self.changes.get("collaborationMode")) is not None:
            mode["settings"][setting] = value  # It repeats both, and what it says is what counts.

    def fork_place(self, message: SDKMessage) -> str | None:
        """Return the turn of a message; the uuids of the stored ones are others."""
        return message.source.turn_id if message.source is not None else None

    async def _configured(self) -> Json:
        params = {"cwd": self._normalizer.facts.cwd, "includeLayers": True}
        answer = as_record(await self._call("config/read", params))
        return applied_config(answer or {}, self._options.setting_sources)

    async def _first_model(self) -> str:
        """Return the model that Codex uses when none is configured."""
        models = await list_models((await self._link.connect()).peer)
        return next((model.id for model in models if model.is_default), models[0].id)

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
        await self._until_free()
        content = await _content(prompt)
        changes = dict(self.changes)
        lent, own = await self._lent(options)
        params: Json = {
            "threadId": self.thread_id,
            "input": content,
            "clientUserMessageId": uuid,
            **changes,
            **lent,
        }
        if answers is not None:
            params["outputSchema"] = answers.sent
        self._normalizer.expect_prompt(uuid, replay_content(prompt), structured=answers is not None)
        try:
            response = await self._call("turn/start", params)
        except AgentError:
            self._normalizer.forget_prompt(uuid)
            self.changes = {**own, **self.changes}  # It may have been read all the same.
            raise
        if self.changes == changes:
            self.changes.clear()
        turn_id = optional_text_at(record_at(as_record(response) or {}, "turn"), "id")
        if turn_id is not None:
            self._normalizer.assign_prompt(uuid, turn_id)
        if own:
            await self._put_back(own)
        return turn_id

    async def _lent(self, options: TurnOptions | None) -> tuple[Json, Json]:
        """Return what one turn changes, and what puts it back."""
        if options is None:
            return {}, {}
        from codex_sdk.threads.turn_settings import own_settings, turn_settings

        told, pending = self._normalizer.facts.settings, self.changes
        lent = await off_the_loop(turn_settings, options, self._options, told, pending)
        return lent, own_settings(lent, {**told, **pending})

    async def _put_back(self, own: Json) -> None:
        """Put back what a turn changed: `turn/start` changes the turns after it too, this all but the running one.

        At once, so that the thread is stored with its own settings whatever becomes of the turn (measured with 0.163).
        """
        error = await self._quietly("thread/settings/update", {"threadId": self.thread_id, **own}, _PUT_BACK_SECONDS)
        if error is not None:
            _log.warning("the settings of a turn are put back with the next one: %s", error)
            self.changes = {**own, **self.changes}

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
        self._normalizer.expect_prompt(uuid, replay_content(prompt))
        try:
            await self._call("turn/steer", params)
        except AgentError as error:
            self._normalizer.forget_prompt(uuid)
            if any(words in str(error).lower() for words in _NOT_STEERABLE):
                return False
            raise
        self._normalizer.assign_prompt(uuid, turn_id)
        return True

    async def interrupt(self, turn_id: str | None, *, cancel_held: bool = True) -> None:
        """Send `turn/interrupt` to the thread and to its sub-agents', which Codex itself lets go on (0.163).

        Waits for no answer: a turn that is already interrupted never gives one (0.163).
        """
        running = self._family.active_turns()
        if turn_id is not None and (self.thread_id, turn_id) not in running:
            running.insert(0, (self.thread_id, turn_id))
        for thread_id, running_id in running:
            if (normalizer := self._family.normalizer(thread_id)) is not None:
                normalizer.begin_interrupt(running_id)
            self._host.start_soon(self._send_interrupt, thread_id, running_id)
        self._interrupting = running

    async def stop_turn(self, thread_id: str, turn_id: str) -> None:
        """Interrupt one turn, this thread's or a sub-agent's, and return when Codex has taken that."""
        if (normalizer := self._family.normalizer(thread_id)) is not None:
            normalizer.begin_interrupt(turn_id)
        await self._send_interrupt(thread_id, turn_id)

    async def interrupted(self) -> None:
        """Terminate the commands that the interrupted turns were waiting for; Codex itself lets them run (0.163)."""
        turns, self._interrupting = self._interrupting, []
        async with anyio.create_task_group() as tasks:
            for thread_id, turn_id in turns:
                normalizer = self._family.normalizer(thread_id)
                # Asked only now: a command may have been announced after the interrupt was sent.
                for process_id in normalizer.foreground_processes(turn_id) if normalizer is not None else ():
                    params = {"threadId": thread_id, "processId": process_id}
                    tasks.start_soon(self._quietly, "thread/backgroundTerminals/terminate", params)

    def abandon(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        """Return what ends a turn on our side, or all of them."""
        return self._family.end(code=code, message=message, terminal_reason=terminal_reason, turn_id=turn_id)

    def forget(self, uuid: str) -> None:
        """Note that a prompt has ended on our side."""
        self._normalizer.forget_prompt(uuid)

    async def compact(self) -> None:
        """Send `thread/compact/start`; Codex compacts in a turn of its own."""
        await self._until_free()
        await self._call("thread/compact/start", {"threadId": self.thread_id})

    async def set_goal(self, objective: str, token_budget: int | None) -> None:
        """Send `thread/goal/set`; Codex begins a turn for it, and another one after each until it is reached."""
        params: Json = {"threadId": self.thread_id, "objective": objective, "origin": "user"}
        if token_budget is not None:
            params["tokenBudget"] = token_budget
        await self._call("thread/goal/set", params)

    async def clear_goal(self) -> None:
        """Send `thread/goal/clear`."""
        await self._call("thread/goal/clear", {"threadId": self.thread_id, "origin": "user"})

    async def skills(self) -> list[AgentCommand]:
        """Return the skills that are switched on in the thread's folder."""
        answer = as_record(await self._call("skills/list", {"cwds": [self._normalizer.facts.cwd]})) or {}
        return [
            AgentCommand(text_at(skill, "name"), text_at(skill, "description"), "skill", path=text_at(skill, "path"))
            for entry in records_at(answer, "data")
            for skill in records_at(entry, "skills")
            if skill.get("enabled") is not False
        ]

    async def background_tasks(self) -> list[BackgroundTask]:
        """Return the thread's background terminals."""
        return [background_task(terminal) for terminal in await list_terminals(self._call, self.thread_id)]

    async def stop_task(self, task_id: str) -> None:
        """Terminate one background terminal."""
        await stop_terminal(self._call, self.thread_id, task_id)

    async def close(self) -> None:
        """End what the thread and its sub-agents still do, background commands too, and have Codex unload them."""
        await self._leave(_GOODBYE_SECONDS)

    async def kill(self) -> None:
        """As `close`, in less time."""
        await self._leave(_KILL_SECONDS)

    async def _leave(self, seconds: float) -> None:
        with anyio.move_on_after(_KILL_SECONDS):
            async with anyio.create_task_group() as tasks:
                for thread_id, turn_id in self._family.active_turns():
                    tasks.start_soon(self._send_interrupt, thread_id, turn_id)
        async with anyio.create_task_group() as tasks:
            for thread_id in self._family.thread_ids:
                tasks.start_soon(self._let_go, thread_id, seconds)

    async def _let_go(self, thread_id: str, seconds: float) -> None:
        params = {"threadId": thread_id}
        error = await self._quietly("thread/backgroundTerminals/clean", params, seconds)
        if isinstance(error, RequestTimeoutError):
            return  # Who does not answer will not answer what follows either.
        if await self._quietly("thread/unsubscribe", params, seconds) is not None:
            return
        with anyio.move_on_after(_UNLOAD_SECONDS):
            # Until then its file is in use, and cannot be opened elsewhere.
            while thread_id in await self._loaded():  # noqa: ASYNC110  # nothing to wait for is at hand here
                await anyio.sleep(_PAUSE)

    async def _loaded(self) -> list[str]:
        try:
            peer = self._link.today.peer
            answer = await peer.request("thread/loaded/list", {}, timeout=_UNLOAD_SECONDS, counted=False)
        except AgentError:
            return []
        return texts_at(as_record(answer) or {}, "data")

    async def history(self, *, limit: int | None, cursor: str | None) -> HistoryPage:
        """Return stored messages, oldest first."""
        return await read_history((await self._link.connect()).peer, self._normalizer.facts, limit=limit, cursor=cursor)

    def usage(self) -> SessionUsage:
        """Return what the thread used so far."""
        return self._family.usage

    async def _call(self, method: str, params: Json, *, timeout: float = _REQUEST_SECONDS) -> object:
        try:
            return await (await self._link.connect()).peer.request(method, params, timeout=timeout)
        except ProtocolError as error:
            raise translate(error, session_id=self.thread_id) from error

    async def _until_free(self) -> None:
        """Wait until Codex has ended the turns that we gave up: what is sent before joins them (0.163).

        Raises:
            SessionBusyError: It did not; what it goes on with would answer in the name of another prompt.
        """
        if not self._normalizer.given_up:
            return
        for turn_id in self._normalizer.given_up:
            self._host.start_soon(self._send_interrupt, self.thread_id, turn_id)
        with anyio.move_on_after(_INTERRUPT_SECONDS):
            while self._normalizer.given_up:  # noqa: ASYNC110  # a normalizer is pure, and signals nothing
                await anyio.sleep(_PAUSE)
            return
        raise SessionBusyError(
            "Codex still runs the turn whose interrupt it did not confirm; try again later, or kill the session.",
            backend=self.name,
        )

    async def _send_interrupt(self, thread_id: str, turn_id: str) -> None:
        """Send `turn/interrupt` until it is taken: just after turn/start, Codex knows no such turn yet (0.163)."""
        params = {"threadId": thread_id, "turnId": turn_id}
        while True:
            error = await self._quietly("turn/interrupt", params, timeout=_INTERRUPT_SECONDS)
            too_early = error is not None and any(words in str(error) for words in _NOT_YET_STARTED)
            if not too_early or (thread_id, turn_id) not in self._family.active_turns():
                return
            await anyio.sleep(_PAUSE)

    async def _quietly(self, method: str, params: Json, timeout: float = _GOODBYE_SECONDS) -> AgentError | None:
        """Send what may fail because its object is gone already, and return how it failed."""
        try:
            await self._link.today.peer.request(method, params, timeout=timeout, counted=False)
        except AgentError as error:
            _log.debug("%s: %s", method, error)
            return error
        return None


async def _content(prompt: Prompt) -> list[Json]:
    """Return a prompt as the wire takes it; files that it names are looked for in a thread."""
    return user_input(prompt) if isinstance(prompt, str) else await off_the_loop(user_input, prompt)
