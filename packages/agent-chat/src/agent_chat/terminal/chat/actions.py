"""The actions of the chat in the terminal: what each command does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from agent_chat.chats.chat import Chat
from agent_chat.chats.prompts import ChatPrompt
from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import ChatSettings
from agent_chat.terminal.chat.choosing import Chooser, find_chat
from agent_chat.terminal.chat.front import Front, Row
from agent_chat.transcript.blocks import Said
from agent_chat.transcript.paths import short_path
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.asking.mode_names import MODES
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import nearest

_MODES: Final = {
    "default": "asks before it changes anything",
    "accept_edits": "edits in the folder run, the rest is asked about",
    "plan": "looks, and makes a plan that you approve",
    "auto": "the agent's own reviewer decides",
    "dont_ask": "what would be asked about is denied",
    "bypass": "everything runs",
}


class Talking(Protocol):
    """The talk, as far as a command changes it."""

    def say(self, text: str, /) -> None:
        """Tell the person something."""

    def busy(self, doing: str, /) -> None:
        """Show what is being done; "": nothing any more."""

    def spawn(self, work: Awaitable[None], /) -> None:
        """Do something while the talk goes on."""

    async def guarded(self, work: Awaitable[None], /) -> None:
        """Do something, and tell how it failed."""

    async def halt(self, chat: Chat, /) -> None:
        """Stop the turn, and give what waited back to the person."""

    async def move_to(self, chat: Chat, /) -> None:
        """Leave the chat, and talk in another one."""


class Actions:
    """Does what the commands say.

    Args:
        service: Keeps the chats.
        front: Where the conversation goes.
        chooser: Has the person choose.
        talk: What the commands change.
    """

    def __init__(self, service: ChatService, front: Front, chooser: Chooser, talk: Talking) -> None:
        self._service = service
        self._front = front
        self._chooser = chooser
        self._talk = talk
        self._actions: dict[str, Callable[[Chat, str], Awaitable[None]]] = {
            "model": self._model,
            "effort": self._effort,
            "mode": self._mode,
            "agent": self._agent,
            "compact": self._compact,
            "fork": self._fork,
            "new": self._new,
            "chats": self._other,
            "title": self._title,
            "steer": self._steer,
            "queue": self._queue,
            "stop": self._stop,
            "status": self._tell_status,
        }

    async def do(self, name: str, chat: Chat, argument: str) -> None:
        """Do what a command says.

        Raises:
            AgentError: It cannot be done.
        """
        await self._actions[name](chat, argument)

    async def _model(self, chat: Chat, name: str) -> None:
        self._talk.busy("asking for the models")
        try:
            models = (await self._service.models(chat.meta.backend or "")).models
        finally:
            self._talk.busy("")
        now = chat.meta.model or next((model.id for model in models if model.is_default), "")
        if not name:
            rows = [Row(model.id, (model.id, " ".join(model.efforts), model.description)) for model in models]
            chosen = await self._chooser.pick("Which model?", rows, now)
            if chosen is None:
                return
            name = chosen
        elif models and not any(name == model.id for model in models):
            known = [model.id for model in models]
            meant = nearest(name, known)
            hint = f"did you mean {meant!r}?" if meant else f"there are: {', '.join(known)}."
            raise InvalidRequestError(f"{chat.meta.backend} offers no model {name!r}; {hint}")
        await chat.set_model(name)
        self._talk.say(f"{name} answers from the next turn on")

    async def _effort(self, chat: Chat, effort: str) -> None:
        models = (await self._service.models(chat.meta.backend or "")).models
        known = list(dict.fromkeys(effort for model in models if _is_current(chat, model) for effort in model.efforts))
        if not effort:
            chosen = await self._chooser.pick(
                "How much shall it reason?", [Row(e, (e,)) for e in known], chat.meta.effort or ""
            )
            if chosen is None:
                return
            effort = chosen
        elif known and effort not in known:
            meant = nearest(effort, known)
            hint = f"did you mean {meant!r}?" if meant else f"there are: {', '.join(known)}."
            raise InvalidRequestError(f"There is no reasoning effort {effort!r}; {hint}")
        await chat.set_effort(effort)
        self._talk.say(f"effort {effort} from the next turn on")

    async def _mode(self, chat: Chat, mode: str) -> None:
        if not mode:
            rows = [Row(each, (each, _MODES.get(each, ""))) for each in MODES]
            chosen = await self._chooser.pick(
                "How much may it do unasked?", rows, chat.meta.permission_mode or "default"
            )
            if chosen is None:
                return
            mode = chosen
        await chat.set_permission_mode(mode)
        self._talk.say(f"permission mode {chat.meta.permission_mode} from the next turn on")

    async def _agent(self, chat: Chat, name: str) -> None:
        if not name:
            rows = [Row(each, (each,)) for each in self._service.backends]
            chosen = await self._chooser.pick("Which agent?", rows, chat.meta.backend or "")
            if chosen is None:
                return
            name = chosen
        await self._service.change_backend(chat, name)

    async def _compact(self, chat: Chat, argument: str) -> None:
        del argument
        self._talk.busy("compacting")

        async def compact() -> None:
            try:
                await self._talk.guarded(chat.compact())
            finally:
                self._talk.busy("")

        self._talk.spawn(compact())

    async def _fork(self, chat: Chat, argument: str) -> None:
        del argument
        self._talk.busy("copying")
        try:
            copy = await self._service.fork(chat)
        finally:
            self._talk.busy("")
        await self._talk.move_to(copy)
        self._talk.say(f"this is a copy from here on: {copy.id}")

    async def _new(self, chat: Chat, argument: str) -> None:
        del argument
        made = await self._service.create(_settings_like(chat))
        await self._talk.move_to(made)
        self._talk.say("a new chat")

    async def _other(self, chat: Chat, argument: str) -> None:
        chosen = await (find_chat(self._service, argument) if argument else self._chooser.chat(fresh=False))
        if chosen is not None and chosen.id != chat.id:
            await self._talk.move_to(chosen)

    async def _title(self, chat: Chat, title: str) -> None:
        if not title:
            raise InvalidRequestError("Say the title behind it: /title Roof of the shed.")
        await chat.change(title=title)

    async def _steer(self, chat: Chat, text: str) -> None:
        if not text:
            raise InvalidRequestError("Say what behind it: /steer look at the tests first.")
        await chat.send(ChatPrompt(text), priority="steer")

    async def _queue(self, chat: Chat, argument: str) -> None:
        queue = chat.view()["queue"]
        word, _, number = argument.partition(" ")
        if word == "drop":
            if not number.strip().isdecimal() or not 1 <= int(number) <= len(queue):
                raise InvalidRequestError(f"There are {len(queue)} that wait; name one by its number: /queue drop 1.")
            chat.edit_queued(queue[int(number) - 1]["uuid"], None)
        elif argument:
            raise InvalidRequestError(f"/queue shows what waits and /queue drop N takes one out; not {argument!r}.")
        else:
            lines = [f"{number}. {visible(' '.join(each['text'].split()))}" for number, each in enumerate(queue, 1)]
            self._front.view.put(Said("\n".join(lines) or "Nothing waits."))

    async def _stop(self, chat: Chat, argument: str) -> None:
        del argument
        await self._talk.halt(chat)

    async def _tell_status(self, chat: Chat, argument: str) -> None:
        del argument
        meta = chat.meta
        facts = {
            "chat": f"{meta.id} {meta.title}",
            "agent": meta.backend,
            "model": meta.model or "the agent's own choice",
            "effort": meta.effort or "the agent's own choice",
            "mode": meta.permission_mode or "as configured",
            "folder": meta.cwd and short_path(meta.cwd),
            "session": meta.last_session_id,
            "state": chat.state,
        }
        lines = [f"* {name}: {visible(str(value))}" for name, value in facts.items() if value]
        self._front.view.put(Said("\n".join(lines)))


def _settings_like(chat: Chat) -> ChatSettings:
    meta = chat.meta
    return ChatSettings(meta.backend, meta.model, meta.effort, meta.permission_mode, sandbox=meta.sandbox, cwd=meta.cwd)


def _is_current(chat: Chat, model: Any) -> bool:
    return model.id == chat.meta.model if chat.meta.model else bool(model.is_default)
