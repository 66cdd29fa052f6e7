"""`Talk`: what goes on between a chat and a front: lines become prompts and commands, messages are shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any, Final, cast

from agent_chat.chats.chat import Chat
from agent_chat.chats.prompts import ChatPrompt
from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import ChatSettings
from agent_chat.exits import ExitCode
from agent_chat.terminal.chat.actions import Actions
from agent_chat.terminal.chat.choosing import Chooser
from agent_chat.terminal.chat.commands import Command, Mistake, help_text, read_line
from agent_chat.terminal.chat.front import Front, Line, Status
from agent_chat.transcript.blocks import Level, Said
from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.asking.questions import QuestionRequest
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest
from agent_sdk_core.errors import AgentError, AuthenticationError, InvalidRequestError
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import RequestOpened, RequestResolved
from agent_sdk_core.wire.recent import Recent

BY: Final = "the terminal"
"""What other front ends are told of who answered."""

SHOWN: Final = 30
"""Messages of a chat that is opened again that are shown."""

_BUSY: Final = ("opening", "running", "requires_action")


class Talk:
    """One front's use of a service: one chat at a time.

    Args:
        service: Keeps the chats.
        front: Where lines come from and the conversation goes.
        settings: What new chats are like.

    Attributes:
        left: Id of the chat that was left last, where something was said in it.
        unwritten: Why the output is not written any more, None while it is.
    """

    def __init__(self, service: ChatService, front: Front, settings: ChatSettings) -> None:
        self._service = service
        self._front = front
        self._chat: Chat | None = None
        self._follower: asyncio.Task[None] | None = None
        self._asked: dict[str, asyncio.Task[None]] = {}
        self._work: set[asyncio.Task[None]] = set()
        self._sending: list[str] = []
        self._sender: asyncio.Queue[Line] = asyncio.Queue()
        self._doing = ""
        self._code = ExitCode.OK
        self._idle = asyncio.Event()
        self._leaving = asyncio.Event()
        self._warned = False
        self.left: str | None = None
        self.unwritten: OSError | None = None
        self._chooser = Chooser(service, front, settings)
        self._actions = Actions(service, front, self._chooser, self)

    @property
    def chat(self) -> Chat | None:
        """The chat that is talked in."""
        return self._chat

    async def run(self, chat: Chat | None) -> ExitCode:
        """Talk until the input ends or the person leaves, and return what to exit with.

        Args:
            chat: The chat; None: a new one, or one that the person chooses.
        """
        sender = asyncio.create_task(self._send_all())
        try:
            chosen = chat or await self._chooser.chat(fresh=True)
            if chosen is None:
                return ExitCode.OK
            await self._enter(chosen)
            await self._listen()
            return self._code
        finally:
            sender.cancel()
            await self._exit()
            for task in [sender, *self._work]:
                task.cancel()
            await asyncio.wait([sender, *self._work])

    def interrupt(self) -> None:
        """Stop what runs; a second time, or where nothing does, leave."""
        chat = self._chat
        busy = chat is not None and (chat.state in _BUSY or bool(self._sending) or bool(self._doing))
        if self._warned or chat is None:
            self.leave(ExitCode.INTERRUPTED if busy else self._code)
            return
        self._warned = True
        if busy:
            self.say("stopping… press Ctrl-C again to leave")
            self.spawn(self.halt(chat))
        else:
            self.say("press Ctrl-C again to leave")

    def leave(self, code: ExitCode) -> None:
        """End the talk."""
        self._code = code
        self._leaving.set()

    # Lines

    async def _listen(self) -> None:
        leaving = asyncio.create_task(self._leaving.wait())
        try:
            while not self._leaving.is_set():
                reading = asyncio.create_task(self._front.line())
                await asyncio.wait([reading, leaving], return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    reading.cancel()
                    return
                line = reading.result()
                if line is None:
                    return
                self._warned = False
                handling = asyncio.create_task(self._take(line))
                await asyncio.wait([handling, leaving], return_when=asyncio.FIRST_COMPLETED)
                if not handling.done():
                    handling.cancel()
                    return
                handling.result()
        finally:
            leaving.cancel()

    async def _take(self, line: Line) -> None:
        """Do what a line says; without a person, wait until that is done."""
        chat = cast("Chat", self._chat)
        theirs = await self._theirs(chat) if line.text.startswith("/") else ()
        match read_line(line.text, theirs):
            case Mistake(message):
                self.say(message, "error")
                self._failed()
            case Command("quit"):
                self._leaving.set()
            case Command("help"):
                self._front.view.put(Said(help_text(live=self._front.live)))
            case Command(name, argument):
                await self.guarded(self._actions.do(name, chat, argument))
            case prompt:
                self._sending.append(prompt.text)
                self._refresh()
                self._sender.put_nowait(Line(prompt.text, line.steers))
        if not self._front.live:
            await self._settled()

    async def _theirs(self, chat: Chat) -> tuple[str, ...]:
        with suppress(AgentError):
            return tuple(str(command.to_wire().get("name", "")) for command in await chat.commands())
        return ()

    async def guarded(self, work: Awaitable[None]) -> None:
        """Do something, and tell how it failed."""
        try:
            await work
        except AgentError as error:
            self.say(error.message, "error")
            self._failed(error)
        self._refresh()

    def _failed(self, error: AgentError | None = None) -> None:
        if not self._front.live:
            self._code = ExitCode.NOT_LOGGED_IN if isinstance(error, AuthenticationError) else ExitCode.ERROR

    async def _send_all(self) -> None:
        """Send the prompts one after the other: the first starts the agent, and the others wait for it."""
        while True:
            line = await self._sender.get()
            chat = cast("Chat", self._chat)
            await self.guarded(self._send(chat, line))
            self._sending.remove(line.text)
            self._refresh()

    async def _send(self, chat: Chat, line: Line) -> None:
        try:
            await chat.send(ChatPrompt(line.text), priority="steer" if line.steers else "queue")
        except AgentError:
            if self._front.live:
                self._front.give_back(line.text)
            raise

    async def _settled(self) -> None:
        """Wait until nothing runs."""
        while (chat := self._chat) is not None and (self._sending or chat.state in _BUSY or self._work):
            self._idle.clear()
            await self._idle.wait()

    async def halt(self, chat: Chat) -> None:
        """Stop the turn, and give what waited back to the person."""
        waiting = [str(each["text"]) for each in chat.view()["queue"]]
        await self.guarded(self._interrupted(chat))
        if waiting:
            self._front.give_back("\n".join(waiting))

    async def _interrupted(self, chat: Chat) -> None:
        await chat.interrupt()

    # The chat

    async def move_to(self, chat: Chat) -> None:
        """Leave the chat, and talk in another one."""
        await self._exit()
        await self._enter(chat)

    async def _enter(self, chat: Chat) -> None:
        """Show a chat, and talk in it from now on."""
        self._chat = chat
        self._front.renew()
        reader = chat.follow()
        snapshot = await reader.read() or {}
        self._show_past(snapshot)
        for unsent in snapshot.get("unsent", ()):
            self.say("this was never sent; it is in the line again", "warning")
            self._front.give_back(str(unsent.get("text", "")))
            with suppress(AgentError):
                await chat.forget_unsent(str(unsent["uuid"]))
        if chat.state == "read_only":
            self.say(f"This chat can only be read. {chat.view()['reason']}".strip(), "warning")
        elif self._front.live:
            with suppress(AgentError):
                if draft := await chat.drafts.text(author=BY):
                    self._front.give_back(draft)
                    await chat.drafts.set_text("", author=BY)
        seen = Recent(1_000)
        for view in snapshot.get("messages", ()):
            seen.note(str(view["message"].get("uuid")))
        self._follower = asyncio.create_task(self._follow(chat, reader, seen))
        self._refresh()

    def _show_past(self, snapshot: Mapping[str, Any]) -> None:
        """Show the end of a chat that was opened again, to a person."""
        past = list(snapshot.get("messages", ()))
        if not past:
            return
        if not self._front.live:
            return
        if len(past) > SHOWN or snapshot.get("before"):
            self.say("earlier messages are left out; `agent-sdk chats show` has them")
        for view in past[-SHOWN:]:
            message = parse_message(view["message"])
            if not isinstance(message, RequestOpened | RequestResolved):
                self._front.view.show(message)

    async def _exit(self) -> None:
        """Leave the chat: what was typed stays as a draft, and one in which nothing was said is no chat."""
        chat, self._chat = self._chat, None
        follower, self._follower = self._follower, None
        for task in [*self._asked.values(), *([follower] if follower else [])]:
            task.cancel()
            await asyncio.wait([task])
        self._asked.clear()
        if chat is None:
            return
        with suppress(AgentError):
            typed = self._front.typed
            if not chat.snapshot()["messages"] and chat.meta.last_session_id is None and chat.state != "read_only":
                await self._service.delete(chat.id)
            else:
                if typed and chat.state != "read_only":
                    await chat.drafts.set_text(typed, author=BY)
                self.left = chat.id
                await self._service.close_chat(chat.id)

    async def _follow(self, chat: Chat, reader: Any, seen: Recent) -> None:
        while (told := await reader.read()) is not None:
            events: list[dict[str, Any]] | None = told.get("events")
            if events is None:  # It fell behind: what it has not seen is in the snapshot.
                events = [{"kind": "message", **cast("dict[str, Any]", view)} for view in told.get("messages", ())]
            for event in events:
                if event["kind"] != "message":
                    continue
                uuid = event["message"].get("uuid")
                if isinstance(uuid, str) and event["message"].get("type") != "stream_event":
                    if uuid in seen:
                        continue
                    seen.note(uuid)
                try:
                    self._show(chat, parse_message(event["message"]))
                except OSError as error:
                    self.unwritten = error
                    self.leave(ExitCode.BROKEN_PIPE)
                    return
            self._refresh()

    def _show(self, chat: Chat, message: SDKMessage) -> None:
        self._front.view.show(message)
        match message:
            case RequestOpened():
                requests = () if chat.session is None else chat.session.pending
                for request in requests:
                    if request.request_id == message.request_id:
                        self._asked[request.request_id] = asyncio.create_task(self._ask(chat, request))
            case RequestResolved():
                if (task := self._asked.pop(message.request_id, None)) is not None:
                    task.cancel()
            case ResultMessage():
                self._warned = False
                if message.outcome == "completed" or self._front.live:
                    self._code = ExitCode.OK
                elif message.outcome in ("interrupted", "cancelled"):
                    self._code = ExitCode.INTERRUPTED
                else:
                    self._failed(message.error)
            case _:
                pass

    async def _ask(self, chat: Chat, request: AgentRequest) -> None:
        """Have the person answer a request, unless somebody else does before."""
        asker = self._front.asker
        answer: AgentAnswer
        match request:
            case PermissionRequest():
                answer = await asker.permission(request)
            case QuestionRequest():
                answer = await asker.question(request)
            case _:
                answer = await asker.elicitation(request)
        self._asked.pop(request.request_id, None)
        try:
            await chat.answer(request.request_id, answer, by=BY)
        except InvalidRequestError as error:
            if error.code not in ("already_answered", "not_waiting"):
                self.say(error.message, "error")
        except AgentError as error:
            self.say(error.message, "error")

    # Small things

    def spawn(self, work: Awaitable[None]) -> None:
        """Do something while the talk goes on."""
        task = asyncio.ensure_future(work)
        self._work.add(task)

        def done(task: asyncio.Task[None]) -> None:
            self._work.discard(task)
            self._refresh()

        task.add_done_callback(done)

    def busy(self, doing: str) -> None:
        """Show what is being done; "": nothing any more."""
        self._doing = doing
        self._refresh()

    def _refresh(self) -> None:
        if self._chat is not None:
            self._front.tell(Status(self._chat.view(), tuple(self._sending), self._doing))
        self._idle.set()

    def say(self, text: str, level: Level = "info") -> None:
        """Tell the person something."""
        self._front.view.notice(text, level)
