"""`AcpSession`: one chat as one client has it open: what happens in it told, what is asked put, prompts answered."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol
from uuid import uuid4

from agent_chat.acp.converting.asking import Forms, answer_of, asks
from agent_chat.acp.converting.choices import DEFAULT, MODE, checked_choice, config_options, modes
from agent_chat.acp.converting.commands import COMPACT, commands_of, wants_compaction
from agent_chat.acp.converting.prompts import prompt_of
from agent_chat.acp.converting.updates import Converter, Update
from agent_chat.acp.dialects import Dialect, SessionWords
from agent_chat.acp.logins import Logins
from agent_chat.acp.prompting import PromptOfClient, answer_to, ending_of
from agent_chat.chats.chat import Chat
from agent_chat.chats.prompts import ChatPrompt
from agent_chat.chats.service import ChatService
from agent_sdk_core.asking.requests import AgentRequest, refusal_of, request_from_wire
from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.hosting.stream import Cursor
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.turn import Priority
from agent_sdk_core.messages.conversation import StreamEvent, ToolProgress, UserMessage
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import InitMessage, RequestOpened, RequestResolved
from agent_sdk_core.models import ChatModel
from agent_sdk_core.wire.reading import as_record

NAME: Final = "acp"
"""What other front ends are told who answered a request."""

REMEMBERED: Final = 400
"""Messages that are known to have been told, so that what is both read from the log and shown is told once."""

FLUSH_SECONDS: Final = 5.0
PAGE: Final = 500
"""Messages that are read from the log at once."""

_PIECES: Final = (StreamEvent, ToolProgress)


class Client(Protocol):
    """The client of a connection, as a session speaks to it."""

    @property
    def dialect(self) -> Dialect:
        """How it is spoken to."""
        ...

    async def notify(self, method: str, params: dict[str, Any]) -> None:
        """Tell it something; does nothing when it is gone."""
        ...

    async def ask(self, method: str, params: dict[str, Any]) -> object:
        """Ask it something, and return its answer; raises `AgentError` when it refuses or is gone."""
        ...


class AcpSession:
    """A chat that a client has open.

    Args:
        chat: The chat.
        service: Where it belongs.
        client: The client.
        logins: Whether somebody is logged in at its agent.
    """

    def __init__(self, chat: Chat, service: ChatService, client: Client, logins: Logins) -> None:
        self.chat = chat
        self._service = service
        self._client = client
        self._logins = logins
        self._words = SessionWords()
        self._converter = Converter(chat.meta.cwd or "")
        self._prompts: dict[str, PromptOfClient] = {}
        self._ours: set[str] = set()
        self._asks: dict[str, asyncio.Task[None]] = {}
        self._work: set[asyncio.Task[None]] = set()
        self._follower: asyncio.Task[None] | None = None
        self._taking = asyncio.Lock()
        self._successor: AcpSession | None = None
        self._seen: dict[str, None] = {}
        self._idle = asyncio.Event()
        self._last: ResultMessage | None = None
        self._stand()
        self._told_title = chat.meta.title
        self._told_commands: list[dict[str, Any]] = []
        self._told_options: list[dict[str, Any]] = []
        self._can: BackendCapabilities | None = None
        self._models: tuple[ChatModel, ...] = ()
        self._closed = False

    @property
    def id(self) -> str:
        """Its id: the chat's."""
        return self.chat.id

    @property
    def prompting(self) -> bool:
        """Whether a prompt of this client is not answered yet."""
        return bool(self._prompts)

    @property
    def gone(self) -> bool:
        """Whether it tells the client nothing any more, and no other goes on with it."""
        return self._closed if self._successor is None else self._successor.gone

    # Opening

    async def take_over(self, before: AcpSession) -> None:
        """Go on where another one stops, for a client that opens a session again which it has open.

        What comes meanwhile is told here, and prompts get their answers.
        """
        async with before._taking:  # Not in the middle of something.
            before._successor = self
            self._ours |= before._ours
            self._prompts |= before._prompts
            before._prompts.clear()
            self._converter, self._words, self._seen = before._converter, before._words, before._seen
            self._cursor = before._cursor
            self._be(before._state)
            await before.detach()

    def _stand(self) -> None:
        """Note where the stream is, and what the session does there: what comes behind it is told by `follow`."""
        self._cursor = self.chat.feed.stream.cursor
        state = self.chat.state
        self._be(state if state in ("running", "requires_action") else "idle")

    async def start(self) -> dict[str, Any]:
        """Start or resume the agent, unless the chat can only be read, and return the settings for the client.

        Raises:
            AgentError: The agent cannot be started, or nobody is logged in.
        """
        backend = self.chat.meta.backend
        if self.chat.state == "read_only" or backend is None:
            return self._settings()
        agent = await self._service.agent(backend)
        self._can = agent.capabilities
        looking = asyncio.create_task(self._logins.require(agent))  # It may take as long as the start.
        try:
            await self.chat.wake()
            await looking
        finally:
            looking.cancel()
            await asyncio.wait([looking])
        with suppress(AgentError):
            self._models = (await self._service.models(backend)).models
        return self._settings()

    async def replay(self) -> None:
        """Tell the client all that was said, by the log, and what is not final yet.

        What comes while the log is read is told by `follow`, once; what came before that, since the session began to
        be opened, may have ended prompts.
        """
        chat = self.chat
        if chat.log is not None:
            await chat.log.flush(FLUSH_SECONDS)
        passed = self._passed()
        self._stand()
        self._words = SessionWords()
        opened = chat.feed.snapshot()["open"]
        converter = Converter(chat.meta.cwd or "", replays=True)
        after = 0
        while page := await self._service.store.read_messages(self.id, after=after, limit=PAGE):
            after = page[-1].seq
            for stored in page:
                self._note(stored.uuid)
                for update in converter.feed(stored.message()):
                    await self._tell(update)
        converter.goes_on_live()
        self._converter = converter
        for piece in opened:
            for update in converter.feed(parse_message(piece["message"])):
                await self._tell(update)
        for message in passed:
            await self._settle(message)

    def _passed(self) -> list[SDKMessage]:
        """Return what the chat's stream has that was not followed, as far as it is known."""
        stream = self.chat.feed.stream
        entries = stream.since(self._cursor)
        if entries is None:
            return [parse_message(each["message"]) for each in self.chat.feed.snapshot()["messages"]]
        told = [entry.data["message"] for entry in entries if entry.kind == "message" and entry.piece is None]
        return [parse_message(each) for each in told]

    async def tell_state(self) -> None:
        """Tell the client what the session does now, as it has to hear before it is answered that the session is open.

        What happens from here on is told by `follow`.
        """
        ended = ending_of(self._last) if self._state == "idle" and self._last is not None else {}
        await self._tell({"sessionUpdate": "state_update", "state": self._state, **ended})

    def follow(self) -> None:
        """Begin to tell the client what happens, from where the session began to be opened, or `replay` stopped."""
        if self._closed:  # While the answer to who opened it was on its way.
            return
        reader = self.chat.follow(self._cursor)

        async def read() -> None:
            while (told := await reader.read()) is not None:
                if told["type"] == "snapshot":
                    async with self._taking:
                        await self._catch_up(told)
                        self._cursor = Cursor(**told["cursor"])
                    continue
                for event in told["events"]:
                    async with self._taking:
                        await self._take(event)
                        self._cursor = Cursor(told["epoch"], event["seq"])
            self._end_prompts("The chat has been closed.")

        self._follower = asyncio.create_task(read())
        self._spawn(self._tell_commands())
        if self.chat.session is not None:
            for request in self.chat.session.pending:
                self._put(request)

    # What a client does

    async def prompt(self, params: Mapping[str, object]) -> PromptOfClient:
        """Send a prompt, and return it once it is to be answered.

        That is at its turn's end, or in the second version when the agent has taken it.

        Raises:
            AgentError: The prompt cannot be used, or the agent cannot be started.
            RefusalError: The turn failed.
        """
        if self._compacts and wants_compaction(params.get("prompt")):
            return await self._compact()
        sent = PromptOfClient(prompt_of(params.get("prompt")), self._client.dialect.version)
        self._prompts[sent.uuid] = sent
        self._ours.add(sent.uuid)
        try:
            await self._send(sent)
            await self._until_answered(sent)
        except BaseException as error:
            self.drop(sent, unsent=isinstance(error, Exception))  # Who is cancelled may have sent it.
            sent.told.set()
            raise
        return sent

    def drop(self, sent: PromptOfClient, *, unsent: bool) -> None:
        """Forget a prompt that was answered with an error, here or where the session goes on."""
        self._prompts.pop(sent.uuid, None)
        if unsent:
            self._ours.discard(sent.uuid)
        if self._successor is not None:
            self._successor.drop(sent, unsent=unsent)

    async def steer(self, params: Mapping[str, object]) -> dict[str, str]:
        """Add a prompt to the running turn; where none runs, one begins, unless the client wants to do that itself."""
        prompt = prompt_of(params.get("prompt"))
        meta = as_record(params.get("_meta")) or {}
        wanted = (as_record(meta.get("steering")) or {}).get("idleBehavior")
        if wanted not in (None, "promptRequired"):
            raise InvalidRequestError("steering.idleBehavior can be 'promptRequired'.")
        if self.chat.state not in ("running", "requires_action"):
            if wanted is not None:
                return {"outcome": "promptRequired", "reason": "noRunningTurn"}
            await self._add(prompt, "queue")
            return {"outcome": "startedNewTurn"}
        uuid = await self._add(prompt, "steer")
        session = self.chat.session
        queued = session is not None and any(each.uuid == uuid for each in session.queue)
        return {"outcome": "queued" if queued else "injected"}

    async def _add(self, prompt: ChatPrompt, priority: Priority) -> str:
        """Send a prompt whose end nobody waits for, and return its uuid."""
        uuid = str(uuid4())
        self._ours.add(uuid)
        try:
            return await self.chat.send(prompt, priority=priority, uuid=uuid)
        except Exception:  # Not when it is cancelled: nobody knows then whether the agent has it.
            self._ours.discard(uuid)
            raise

    async def cancel(self) -> None:
        """Stop the running turn, and every prompt that waits."""
        for sent in self._prompts.values():
            sent.cancelled = True
        with suppress(AgentError):
            await self.chat.interrupt()

    async def set_mode(self, mode: object) -> None:
        """Set the permission mode; raises what `choose` raises."""
        await self.choose(MODE, mode)
        await self._tell({"sessionUpdate": "config_option_update", "configOptions": self._told_options})

    async def choose(self, config_id: object, value: object) -> list[dict[str, Any]]:
        """Set one of the settings, and return all as the client has them.

        Raises:
            InvalidRequestError: There is no such setting, or it takes no such value.
            AgentError: The agent refused it.
        """
        chosen = checked_choice(self._options(), config_id, value)
        match config_id:
            case "mode":
                await self.chat.set_permission_mode(chosen)
            case "model":
                await self.chat.set_model(chosen)
            case "effort":
                await self.chat.set_effort(None if chosen == DEFAULT else chosen)
            case _:
                await self._service.change_sandbox(self.chat, None if chosen == DEFAULT else chosen)
        options = self._options()
        before, self._told_options = self._told_options, options
        if config_id == MODE and before != options:
            self._words.mode = None
            await self._tell({"sessionUpdate": "config_option_update", "configOptions": options}, only_mode=True)
        return self._client.dialect.config_options(options)

    async def close(self) -> None:
        """End what goes on, answer what waits, and give the chat back; nothing is told after that."""
        for sent in self._prompts.values():
            sent.cancelled = True
        if self.prompting or self.chat.state in ("running", "requires_action"):
            with suppress(AgentError):
                await self.chat.interrupt()
            await self._until_ended()
        await self.detach()
        await self._service.close_chat(self.id)

    async def _until_ended(self) -> None:
        """Wait until the client was told the end of the turn that was stopped, and what waits has its answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._idle.wait()
                if answers := [sent.answer for sent in self._prompts.values()]:
                    await asyncio.wait(answers)

    async def detach(self) -> None:
        """Tell the client nothing any more, and leave the chat as it is; never raises."""
        self._closed = True
        self._end_prompts("")
        tasks = [*self._asks.values(), *self._work, *([self._follower] if self._follower is not None else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def abandon(self) -> None:
        """Leave the chat because the client is gone: what it began is stopped, and an idle agent is let go."""
        mine = bool(self._prompts or self._ours)
        await self.detach()
        with suppress(AgentError):
            if mine:
                await self.chat.interrupt()
            if self.chat.state == "idle":
                await self.chat.end_session()

    # Prompts

    @property
    def _compacts(self) -> bool:
        named = any(command["name"] == COMPACT for command in self._told_commands)
        return named and self._can is not None and self._can.compact and self._makes_compact

    @property
    def _makes_compact(self) -> bool:
        """Whether compacting is a command of ours, because the agent has none of that name."""
        return any(command.get("_meta") for command in self._told_commands if command["name"] == COMPACT)

    async def _compact(self) -> PromptOfClient:
        await self.chat.compact()
        sent = PromptOfClient(None, self._client.dialect.version)
        sent.settle({"stopReason": "end_turn"})
        return sent

    async def _send(self, sent: PromptOfClient) -> None:
        """Send a prompt whose client has not given it up while the agent was started."""
        await self._unless_given_up(sent, self.chat.wake())
        if sent.cancelled:
            sent.give_up()
            return
        if sent.prompt is not None:
            try:
                await self.chat.send(sent.prompt, uuid=sent.uuid)
            except InvalidRequestError as error:
                if not sent.cancelled or error.code != "stopped":
                    raise
                sent.give_up()
                return
        if sent.cancelled:
            await self._stop(sent)

    async def _until_answered(self, sent: PromptOfClient) -> None:
        while not sent.answer.done():
            try:
                await asyncio.wait([sent.answer])
            except asyncio.CancelledError:
                if self.gone or (task := asyncio.current_task()) is None:
                    raise
                task.uncancel()
                sent.cancelled = True
                await self._stop(sent)
        sent.answer.result()

    async def _unless_given_up(self, sent: PromptOfClient, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.ensure_future(work)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if self.gone or current is None or task.cancelled():
                task.cancel()
                raise
            current.uncancel()
            sent.cancelled = True
            await task

    async def _stop(self, sent: PromptOfClient) -> None:
        """Take a prompt back: from the queue, or by ending its turn."""
        session = self.chat.session
        with suppress(AgentError):
            if session is not None and any(each.uuid == sent.uuid for each in session.queue):
                self.chat.edit_queued(sent.uuid, None)
            else:
                await self.chat.interrupt(cancel_queued=False)

    def _end_prompts(self, why: str) -> None:
        for sent in self._prompts.values():
            if sent.cancelled or not why:
                sent.give_up()
            else:
                sent.fail(why)
        self._prompts.clear()

    # What happens

    async def _take(self, event: Mapping[str, Any]) -> None:
        if event["kind"] == "chat":
            await self._stands(event["chat"])
        elif event["kind"] == "message":
            await self._take_message(parse_message(event["message"]))

    async def _take_message(self, message: SDKMessage) -> None:
        """Tell what a message says, once, and follow what it does to the session and its prompts."""
        known = self._knows(message)
        if not isinstance(message, _PIECES):
            self._note(message.uuid)
        if isinstance(message, InitMessage) and message.parent_tool_use_id is None:
            self._spawn(self._tell_commands())
            await self._tell_state("running")  # Before its prompt, and for a turn that the agent begins by itself.
        for update in () if known else self._converter.feed(message):
            await self._tell(update)
        match message:
            case UserMessage() if message.is_prompt and message.uuid is not None:
                self._inserted(message.uuid)
            case RequestOpened():
                await self._opened(message)
            case RequestResolved():
                await self._resolved(message)
            case ResultMessage() if message.parent_tool_use_id is None:
                await self._ended(message)
            case _:
                pass

    async def _catch_up(self, snapshot: Mapping[str, Any]) -> None:
        """Go on after more happened than is remembered: what is whole is told, as far as the chat still holds it."""
        for each in snapshot["messages"]:
            message = parse_message(each["message"])
            if self._knows(message):
                await self._settle(message)
            else:
                await self._take_message(message)

    def _knows(self, message: SDKMessage) -> bool:
        """Tell whether the client was told of a message."""
        return message.uuid is not None and message.uuid in self._seen and not isinstance(message, _PIECES)

    def _note(self, uuid: str | None) -> None:
        """Remember a message as told."""
        if uuid is not None:
            self._seen[uuid] = None
            while len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]

    def _inserted(self, uuid: str) -> None:
        sent = self._prompts.get(uuid)
        if sent is not None and sent.version == 2:
            sent.settle({"messageId": uuid})
            del self._prompts[uuid]

    async def _settle(self, message: SDKMessage) -> None:
        """Answer the prompts that a message takes or ends, which has been told already."""
        match message:
            case UserMessage() if message.is_prompt and message.uuid is not None:
                self._inserted(message.uuid)
            case ResultMessage() if message.parent_tool_use_id is None:
                self._last = message
                await self._answer(message)
            case _:
                pass

    async def _ended(self, result: ResultMessage) -> None:
        self._last = result
        await self._tell_state("idle", **ending_of(result))
        await self._answer(result)

    async def _answer(self, result: ResultMessage) -> None:
        for uuid in result.user_message_uuids:
            sent = self._prompts.pop(uuid, None)
            self._ours.discard(uuid)
            if sent is not None:
                answer_to(sent, result)
                await sent.told.wait()

    async def _stands(self, view: Mapping[str, Any]) -> None:
        """Tell of a title or settings that are otherwise now."""
        title = view.get("title")
        if isinstance(title, str) and title and title != self._told_title:
            self._told_title = title
            await self._tell({"sessionUpdate": "session_info_update", "title": title})
        options = self._options()
        if options != self._told_options and self._told_options:
            self._told_options = options
            await self._tell({"sessionUpdate": "config_option_update", "configOptions": options})

    async def _tell_state(self, state: str, **more: object) -> None:
        if state == self._state and not more:
            return
        await self._tell({"sessionUpdate": "state_update", "state": state, **more})
        self._be(state)

    def _be(self, state: str) -> None:
        self._state = state
        if state == "idle":
            self._idle.set()
        else:
            self._idle.clear()

    async def _tell_commands(self) -> None:
        with suppress(AgentError):
            compacts = self._can is not None and self._can.compact
            commands = commands_of(await self.chat.commands(), compacts=compacts)
            if commands != self._told_commands:
                self._told_commands = commands
                await self._tell({"sessionUpdate": "available_commands_update", "availableCommands": commands})

    async def _tell(self, update: Update, *, only_mode: bool = False) -> None:
        """Send an update as the client has it, unless it knows already; nothing once the session is closed."""
        first = self._client.dialect.version == 1
        if first and update["sessionUpdate"] == "user_message" and update["messageId"] in self._ours:
            return
        for told in self._client.dialect.lower(update, self._words):
            if only_mode and told["sessionUpdate"] != "current_mode_update":
                continue
            if not self._closed:
                await self._client.notify("session/update", {"sessionId": self.id, "update": told})

    # What is asked

    async def _opened(self, message: RequestOpened) -> None:
        session = self.chat.session
        if session is None or all(request.request_id != message.request_id for request in session.pending):
            return  # It has been answered since.
        await self._tell_state("requires_action")
        with suppress(AgentError):
            self._put(request_from_wire(message.request))

    async def _resolved(self, message: RequestResolved) -> None:
        asking = self._asks.pop(message.request_id, None)
        if asking is not None:
            asking.cancel()
        if self.chat.session is None or not self.chat.session.pending:
            await self._tell_state("running" if self._state == "requires_action" else self._state)

    def _put(self, request: AgentRequest) -> None:
        if request.request_id not in self._asks and not self._closed:
            self._asks[request.request_id] = asyncio.create_task(self._ask(request))

    async def _ask(self, request: AgentRequest) -> None:
        """Put a request to the client, and answer it; whatever is no answer refuses."""
        dialect = self._client.dialect
        askings = asks(request, Forms(dialect.form, dialect.url), self.chat.meta.cwd or "")
        results: list[object] = []
        for asking in askings:
            params = asking.params
            if asking.method == "session/request_permission":
                params = dialect.permission(params)
            try:
                results.append(await self._client.ask(asking.method, {"sessionId": self.id, **params}))
            except AgentError:
                break
        if not askings:
            title = "The agent asked for something that cannot be asked here, and got no answer."
            await self._tell({"sessionUpdate": "notice", "severity": "warning", "title": title})
        self._asks.pop(request.request_id, None)
        try:
            await self.chat.answer(request.request_id, answer_of(request, askings, results), by=NAME)
        except AgentError as error:
            if error.code not in ("already_answered", "not_waiting"):
                with suppress(AgentError):
                    await self.chat.answer(request.request_id, refusal_of(request), by=NAME)

    # Settings

    def _settings(self) -> dict[str, Any]:
        options = self._told_options = self._options()
        told = self._modes()
        self._words.mode = told["currentModeId"]
        return {"configOptions": options, "modes": told}

    def _options(self) -> list[dict[str, Any]]:
        session = self.chat.session
        info = None if session is None else session.info
        can = self._can or BackendCapabilities()
        return config_options(self.chat.meta, info, can, self._models, self._service.config.permission_mode)

    def _modes(self) -> dict[str, Any]:
        session = self.chat.session
        info = None if session is None else session.info
        return modes(self.chat.meta, info, self._can or BackendCapabilities(), self._service.config.permission_mode)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
