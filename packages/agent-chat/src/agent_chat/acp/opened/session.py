"""`AcpSession`: one chat as one client has it open: opened, followed, told of what happens in it, and left."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final

from agent_chat.acp.converting.commands import wants_compaction
from agent_chat.acp.converting.prompts import prompt_of
from agent_chat.acp.converting.updates import Converter
from agent_chat.acp.dialects import SessionWords
from agent_chat.acp.logins import Logins
from agent_chat.acp.opened.client import Client
from agent_chat.acp.opened.outlet import PIECES, Outlet
from agent_chat.acp.opened.prompt import PromptOfClient, ending_of
from agent_chat.acp.opened.prompts import ClientPrompts
from agent_chat.acp.opened.requests import ClientRequests
from agent_chat.acp.opened.settings import SessionSettings
from agent_chat.chats.chat import Chat
from agent_chat.chats.service import ChatService
from agent_sdk_core.errors import AgentError
from agent_sdk_core.hosting.stream import Cursor
from agent_sdk_core.messages.conversation import UserMessage
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import InitMessage, RequestOpened, RequestResolved

FLUSH_SECONDS: Final = 5.0
PAGE: Final = 500
"""Messages that are read from the log at once."""


class AcpSession:
    """A chat that a client has open.

    Args:
        chat: The chat.
        service: Where it belongs.
        client: The client.
        logins: Whether somebody is logged in at its agent.

    Attributes:
        chat: Likewise.
        prompts: The client's prompts in it.
        settings: What the client can choose in it.
    """

    def __init__(self, chat: Chat, service: ChatService, client: Client, logins: Logins) -> None:
        self.chat = chat
        self._service = service
        self._client = client
        self._logins = logins
        self.prompts = ClientPrompts(chat, lambda: self._outlet.closed)
        self._outlet = Outlet(chat.id, client, self.prompts.own)
        self._requests = ClientRequests(chat, client, self._outlet)
        self.settings = SessionSettings(chat, service, client, self._outlet)
        self._converter = Converter(chat.meta.cwd or "")
        self._work: set[asyncio.Task[None]] = set()
        self._follower: asyncio.Task[None] | None = None
        self._taking = asyncio.Lock()
        self._last: ResultMessage | None = None
        self._stand()

    @property
    def id(self) -> str:
        """Its id: the chat's."""
        return self.chat.id

    @property
    def prompting(self) -> bool:
        """Whether a prompt of this client is not answered yet."""
        return self.prompts.waiting

    # Opening

    async def take_over(self, before: AcpSession) -> None:
        """Go on where another one stops, for a client that opens a session again which it has open.

        What comes meanwhile is told here, and prompts get their answers.
        """
        async with before._taking:  # Not in the middle of something.
            self.prompts.take_over(before.prompts)
            self._outlet.take_over(before._outlet)
            self._converter, self._cursor = before._converter, before._cursor
            await before.detach()

    def _stand(self) -> None:
        """Note where the stream is, and what the session does there: what comes behind it is told by `follow`."""
        self._cursor = self.chat.feed.stream.cursor
        state = self.chat.state
        self._outlet.be(state if state in ("running", "requires_action") else "idle")

    async def start(self) -> dict[str, Any]:
        """Start or resume the agent, unless the chat can only be read, and return the settings for the client.

        Raises:
            AgentError: The agent cannot be started, or nobody is logged in.
        """
        backend = self.chat.meta.backend
        if self.chat.state == "read_only" or backend is None:
            return self.settings.opened()
        agent = await self._service.agent(backend)
        self.settings.takes(agent.capabilities)
        looking = asyncio.create_task(self._logins.require(agent))  # It may take as long as the start.
        try:
            await self.chat.wake()
            await looking
        finally:
            looking.cancel()
            await asyncio.wait([looking])
        await self.settings.find_models(backend)
        return self.settings.opened()

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
        self._outlet.words = SessionWords()
        opened = chat.feed.snapshot()["open"]
        converter = Converter(chat.meta.cwd or "", replays=True)
        after = 0
        while page := await self._service.store.read_messages(self.id, after=after, limit=PAGE):
            after = page[-1].seq
            for stored in page:
                self._outlet.note(stored.uuid)
                for update in converter.feed(stored.message()):
                    await self._outlet.tell(update)
        converter.goes_on_live()
        self._converter = converter
        for piece in opened:
            for update in converter.feed(parse_message(piece["message"])):
                await self._outlet.tell(update)
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
        state = self._outlet.state
        ended = ending_of(self._last) if state == "idle" and self._last is not None else {}
        await self._outlet.tell({"sessionUpdate": "state_update", "state": state, **ended})

    def follow(self) -> None:
        """Begin to tell the client what happens, from where the session began to be opened, or `replay` stopped."""
        if self._outlet.closed:  # While the answer to who opened it was on its way.
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
            self.prompts.end("The chat has been closed.")

        self._follower = asyncio.create_task(read())
        self._spawn(self.settings.tell_commands())
        self._requests.put_pending()

    # What a client does

    async def prompt(self, params: Mapping[str, object]) -> PromptOfClient:
        """Send a prompt, and return it once it is to be answered.

        That is at its turn's end, or in the second version when the agent has taken it.

        Raises:
            AgentError: The prompt cannot be used, or the agent cannot be started.
            RefusalError: The turn failed.
        """
        version = self._client.dialect.version
        if self.settings.compacts and wants_compaction(params.get("prompt")):
            await self.chat.compact()
            return PromptOfClient.done(version)
        sent = PromptOfClient(prompt_of(params.get("prompt")), version)
        await self.prompts.send(sent)
        return sent

    async def cancel(self) -> None:
        """Stop the running turn, and every prompt that waits."""
        self.prompts.cancel()
        with suppress(AgentError):
            await self.chat.interrupt()

    async def close(self) -> None:
        """End what goes on, answer what waits, and give the chat back; nothing is told after that."""
        self.prompts.cancel()
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
                await self._outlet.idle.wait()
                if answers := self.prompts.answers:
                    await asyncio.wait(answers)

    def leave(self) -> None:
        """Tell the client nothing any more."""
        self._outlet.closed = True

    async def detach(self) -> None:
        """Tell the client nothing any more, and leave the chat as it is; never raises."""
        self.leave()
        self.prompts.end("")
        tasks = [*self._requests.tasks, *self._work, *([self._follower] if self._follower is not None else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def abandon(self) -> None:
        """Leave the chat because the client is gone: what it began is stopped, and an idle agent is let go."""
        mine = bool(self.prompts.waiting or self.prompts.own)
        await self.detach()
        with suppress(AgentError):
            if mine:
                await self.chat.interrupt()
            if self.chat.state == "idle":
                await self.chat.end_session()

    # What happens

    async def _take(self, event: Mapping[str, Any]) -> None:
        if event["kind"] == "chat":
            await self.settings.follow(event["chat"])
        elif event["kind"] == "message":
            await self._take_message(parse_message(event["message"]))

    async def _take_message(self, message: SDKMessage) -> None:
        """Tell what a message says, once, and follow what it does to the session and its prompts."""
        known = self._outlet.knows(message)
        if not isinstance(message, PIECES):
            self._outlet.note(message.uuid)
        if isinstance(message, InitMessage) and message.parent_tool_use_id is None:
            self._spawn(self.settings.tell_commands())
            await self._outlet.tell_state("running")  # Before its prompt, and where the agent begins a turn by itself.
        for update in () if known else self._converter.feed(message):
            await self._outlet.tell(update)
        match message:
            case UserMessage() if message.is_prompt and message.uuid is not None:
                await self.prompts.taken(message.uuid)
            case RequestOpened():
                await self._requests.opened(message)
            case RequestResolved():
                await self._requests.resolved(message)
            case ResultMessage() if message.parent_tool_use_id is None:
                if message.outcome != "cancelled":  # Else its prompt never had a turn: another one may run.
                    self._last = message
                    await self._outlet.tell_state("idle", **ending_of(message))
                await self.prompts.answer(message)
            case _:
                pass

    async def _catch_up(self, snapshot: Mapping[str, Any]) -> None:
        """Go on after more happened than is remembered: what is whole is told, as far as the chat still holds it."""
        for each in snapshot["messages"]:
            message = parse_message(each["message"])
            if self._outlet.knows(message):
                await self._settle(message)
            else:
                await self._take_message(message)

    async def _settle(self, message: SDKMessage) -> None:
        """Answer the prompts that a message takes or ends, which has been told already."""
        match message:
            case UserMessage() if message.is_prompt and message.uuid is not None:
                await self.prompts.taken(message.uuid)
            case ResultMessage() if message.parent_tool_use_id is None:
                if message.outcome != "cancelled":
                    self._last = message
                await self.prompts.answer(message)
            case _:
                pass

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
