"""The `chat` command: a conversation that is stored and opened again, on a terminal or line by line in a pipe."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial

from agent_chat.chats.chat import Chat
from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import ChatSettings
from agent_chat.cli.demo import demo_agents
from agent_chat.cli.stdio import is_screen, open_asker, open_view, write_progress
from agent_chat.cli.trust import ask_for_trust
from agent_chat.exits import ENDING_SIGNALS, ExitCode
from agent_chat.settings import (
    DEFAULT_MODE,
    RunSettings,
    UsageError,
    is_inherit,
    load_config,
    permission_mode,
    working_folder,
)
from agent_chat.storage.memory_store import MemoryStore
from agent_chat.storage.opening import open_store
from agent_chat.terminal.chat.choosing import find_chat
from agent_chat.terminal.chat.front import Front, PipeFront, input_descriptor
from agent_chat.terminal.chat.talk import Talk
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.errors import InvalidRequestError

_NAME = "agent-sdk chat"


@dataclass(frozen=True, slots=True)
class ChatCommand:
    """What `chat` was told.

    Attributes:
        run: Agent, model, effort, folder, mode and trust, as `run` takes them.
        chat: The chat to open, by its id or the beginning of it; None: none.
        last: Whether the last chat of the folder's project is opened.
        new: Whether a chat is begun without asking which.
        store: URL of the store; None: as configured.
        demo: Whether the demo's agents answer.
        as_json: Whether messages are printed as JSON.
    """

    run: RunSettings
    chat: str | None = None
    last: bool = False
    new: bool = False
    store: str | None = None
    demo: bool = False
    as_json: bool = False


def run_chat(command: ChatCommand) -> int:
    """Chat until the input ends or the person leaves, and return the exit code.

    Raises:
        UsageError: The command line or the configuration cannot be followed.
        AgentError: The store cannot be opened, or the chat is not there.
        OSError: The output is not written any more: nobody reads it, or there is no room.
    """
    if sum((command.chat is not None, command.last, command.new)) > 1:
        raise UsageError("--chat, --continue and --new say which chat, and take one of them.")
    with _service(command) as (service, settings):
        return asyncio.run(_talk(service, settings, command))


@contextmanager
def _service(command: ChatCommand) -> Generator[tuple[ChatService, ChatSettings]]:
    run = command.run
    mode = permission_mode(run.permission_mode)
    if is_inherit(run.permission_mode):
        raise UsageError("A chat has a permission mode of its own; say which instead of inherit.")
    with ExitStack() as stack:
        if command.demo:
            from agent_chat.demo.serving import open_house

            if run.cwd is not None or command.store is not None:
                raise UsageError(
                    "The demo has a folder and a store of its own: leave out --cwd and --store, or --demo."
                )
            name = run.backend and demo_agents(run.backend)[0].name
            house = stack.enter_context(open_house())
            write_progress("A scripted model answers here, not a real one. The agents are the real ones.")
            service = ChatService(
                config=RuntimeConfig(backend=name),
                store=MemoryStore(),
                make_backend=house.make_backend,
                backends=house.backends,
                cwd=house.project,
                name=_NAME,
            )
            settings = ChatSettings(name, permission_mode=mode or DEFAULT_MODE)
        else:
            folder = working_folder(run.cwd)
            ask_for_trust(RunSettings(cwd=folder, trust=run.trust), _say, as_json=command.as_json)
            config = load_config(RunSettings(run.backend, cwd=folder))
            try:
                chosen = config.chosen_type()
                store = open_store(command.store, config=config)
            except InvalidRequestError as error:
                raise UsageError(error.message) from None
            service = ChatService(config=config, store=store, cwd=folder, name=_NAME)
            settings = ChatSettings(chosen, run.model, run.effort, mode)
        yield service, settings


async def _talk(service: ChatService, settings: ChatSettings, command: ChatCommand) -> ExitCode:
    async with service, _front(command) as front:
        talk = Talk(service, front, settings)
        front.interrupted = talk.interrupt
        with _signals(talk):
            chat = await _opened(service, settings, command)
            code = await talk.run(chat)
            if talk.unwritten is None:
                await front.drain()
    if talk.left is not None and not isinstance(service.store, MemoryStore):
        write_progress(f"To go on: {going_on(talk.left, command.store)}")
    if talk.unwritten is not None:
        raise talk.unwritten
    return code


def going_on(chat: str, store: str | None) -> str:
    """Return the command that opens a chat again; of a store's URL with a password, all but that URL."""
    if store is not None and "@" in store:
        return f"agent-sdk chat --chat {chat}, with the same --store"
    return shlex.join(["agent-sdk", "chat", *([] if store is None else ["--store", store]), "--chat", chat])


async def _opened(service: ChatService, settings: ChatSettings, command: ChatCommand) -> Chat | None:
    """Return the chat that the command line names; None where it names none."""
    if command.chat is not None:
        return await find_chat(service, command.chat)
    if command.last:
        workspace = settings.chat(service.backends[0], service.cwd).workspace
        page = await service.chats(limit=1, workspace=workspace)
        if not len(page):
            raise InvalidRequestError("There is no chat of this project yet; leave out --continue to begin one.")
        return await service.open(page[0].id)
    return await service.create(settings) if command.new else None


@asynccontextmanager
async def _front(command: ChatCommand) -> AsyncGenerator[Front]:
    """Return a person's terminal where there is one, else what reads lines and prints."""
    if not command.as_json and sys.stdin.isatty() and is_screen(sys.stdout):
        from agent_chat.terminal.chat.desk import Desk  # Which loads prompt_toolkit.

        desk = Desk(sys.stdout)
        async with desk:
            yield desk
        return
    view = open_view(as_json=command.as_json)
    yield PipeFront(view, open_asker(view, as_json=command.as_json), input_descriptor())


@contextmanager
def _signals(talk: Talk) -> Generator[None]:
    """Obey the signals that stop a turn or end the process."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, talk.interrupt)
    for number, code in ENDING_SIGNALS.items():
        loop.add_signal_handler(number, partial(talk.leave, code))
    try:
        yield
    finally:
        for number in (signal.SIGINT, *ENDING_SIGNALS):
            loop.remove_signal_handler(number)


def _say(text: str, level: str) -> None:
    del level
    write_progress(text)
