"""`MemoryBackend`: a whole backend without a process, for the unit tests of an application."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from agent_sdk_core import (
    BackendCapabilities,
    ChatModel,
    HistoryPage,
    SDKMessage,
    SessionInfo,
    SessionNotFoundError,
    SessionOptions,
    SessionPage,
    StoredSession,
    ToolResult,
    UserMessage,
)
from agent_sdk_core.runtime import BaseBackend, BaseSession, Host
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.structured.schema import OutputSchema
from agent_sdk_testing.memory.driver import MemoryDriver
from agent_sdk_testing.memory.script import Script
from agent_sdk_testing.memory.turn import NAME
from agent_sdk_testing.model.steps import Step, Tokens

ToolCode = Callable[[Mapping[str, Any]], "object | Awaitable[object]"]


class Tools:
    """What the agent's own tools return."""

    def __init__(self) -> None:
        self._results: dict[str, object] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def add(self, name: str, result: object) -> None:
        """Say what a tool returns."""
        self._results[name] = result

    async def run(self, name: str, given: Mapping[str, Any]) -> ToolResult:
        """Return what a tool returns; nothing, where nobody said."""
        result = self._results.get(name)
        if callable(result):
            result = result(given)
            if isawaitable(result):
                result = await result
        return ToolResult.of(result)


@dataclass
class Stored:
    """A session that is stored: in the backend, and no longer than it."""

    session_id: str
    cwd: str
    title: str = ""
    archived: bool = False
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)
    messages: list[SDKMessage] = field(default_factory=list[SDKMessage])

    def keep(self, messages: Iterable[SDKMessage]) -> None:
        """Store what was said."""
        self.messages += [message for message in messages if message.type in ("user", "assistant")]
        self.updated_at = time.time()

    def turns(self) -> list[list[SDKMessage]]:
        """Return what was said, a list for each prompt."""
        turns: list[list[SDKMessage]] = []
        for message in self.messages:
            if not turns or (isinstance(message, UserMessage) and message.is_prompt):
                turns.append([])
            turns[-1].append(message)
        return turns

    def page(self, limit: int | None, cursor: str | None) -> HistoryPage:
        """Return a page of it."""
        turns = self.turns()
        start = int(cursor or 0)
        end = len(turns) if limit is None else min(len(turns), start + limit)
        messages = [message for turn in turns[start:end] for message in turn]
        return HistoryPage(messages, str(end) if end < len(turns) else None)

    @property
    def summary(self) -> StoredSession:
        """What lists show."""
        first = next((message.text for message in self.messages if isinstance(message, UserMessage)), None)
        return StoredSession(
            self.session_id,
            self.title or (first or ""),
            self.cwd,
            self.created_at,
            self.updated_at,
            first_prompt=first,
            archived=self.archived,
        )


class MemorySession(BaseSession):
    """One conversation with the agent in memory."""

    def __init__(self, session_id: str, options: SessionOptions, host: Host, driver: MemoryDriver, cwd: str) -> None:
        super().__init__(session_id, options, host, driver)
        self._memory = driver
        self._cwd = cwd

    @property
    def info(self) -> SessionInfo:
        """What the session runs with."""
        memory = self._memory
        return SessionInfo(
            model=memory.model, reasoning_effort=memory.effort, permission_mode=memory.mode, cwd=self._cwd
        )


class MemoryBackend(BaseBackend[MemorySession]):
    """An agent without a process or a socket, whose model says what a test scripted.

    It asks for permission, asks the user and calls the application's tools as the real agents do; its own tools return
    what `on` says, and touch nothing. Options that only a real agent could honour are taken and kept, in
    `session.options`. What it stores lives as long as the backend.
    """

    type = NAME
    capabilities = BackendCapabilities(
        resume=True,
        fork=True,
        steer=True,
        shared_process=True,
        list_sessions=True,
        edit_sessions=True,
    )

    def __init__(self) -> None:
        super().__init__()
        self._script = Script()
        self._tools = Tools()
        self._store: dict[str, Stored] = {}

    def reply(self, *steps: Step, usage: Tokens | None = None) -> Self:
        """Queue what the model says when it is asked next; after a tool it is asked again.

        Args:
            steps: `text`, `reasoning`, `call`, `failed`, `http_error`, a `Gate` or a `delay`, as for `ScriptedModel`.
            usage: The tokens to report.

        Raises:
            InvalidRequestError: A step means something only to a real agent.
        """
        self._script.add(steps, usage)
        return self

    def otherwise(self, *steps: Step, usage: Tokens | None = None) -> Self:
        """Say what the model says when nothing is queued; raises what `reply` raises."""
        self._script.otherwise(steps, usage)
        return self

    def on(self, tool: str, result: ToolCode | object) -> Self:
        """Say what one of the agent's own tools returns, "Bash" for instance; without a word it returns nothing.

        Args:
            tool: Its name.
            result: Text, data or a `ToolResult`, or a function of the tool's input that returns one.
        """
        self._tools.add(tool, result)
        return self

    def check(self) -> None:
        """Check that every answer of the script was taken.

        Raises:
            AssertionError: Some are left.
        """
        if self._script.left:
            raise AssertionError(f"{self._script.left} answers of the script were not asked for.")

    async def list_models(self) -> list[ChatModel]:
        """Return the one model that needs no name; others are taken as they are."""
        return [ChatModel("memory-1", "Memory", self.type, is_default=True)]

    async def list_sessions(
        self, *, cwd: str | PathLike[str] | None = None, limit: int = 50, cursor: str | None = None
    ) -> SessionPage:
        """Return stored sessions, newest first, those of one folder if `cwd` is given."""
        shown = [
            stored
            for stored in self._store.values()
            if stored.messages and not stored.archived and cwd in (None, stored.cwd)
        ]
        shown.sort(key=lambda stored: stored.updated_at, reverse=True)
        start = int(cursor or 0)
        page = shown[start : start + limit]
        following = start + len(page)
        return SessionPage([stored.summary for stored in page], str(following) if following < len(shown) else None)

    async def session_info(self, session_id: str) -> StoredSession:
        """Return what is known of a stored session, an archived one too."""
        return self._stored(session_id).summary

    async def read_history(
        self, session_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> HistoryPage:
        """Return the messages of a stored session, oldest first, without opening it."""
        return self._stored(session_id).page(limit, cursor)

    async def rename_session(self, session_id: str, title: str) -> None:
        """Give a stored session a name."""
        self._stored(session_id).title = title

    async def archive_session(self, session_id: str) -> None:
        """Take a stored session out of the list; it can still be read."""
        self._stored(session_id).archived = True

    async def unarchive_session(self, session_id: str) -> None:
        """Put an archived session back into the list."""
        self._stored(session_id).archived = False

    async def delete_session(self, session_id: str) -> None:
        """Delete a stored session for good."""
        del self._store[self._stored(session_id).session_id]

    async def _open(self, options: SessionOptions, plan: object) -> MemorySession:
        stored = self._opened(options)
        self._store[stored.session_id] = stored
        driver = MemoryDriver(self._host, self._script, self._tools, stored)
        if options.output_schema is not None:
            schema = OutputSchema(options.output_schema)
            driver.answers = AnswerForm(schema, schema.schema, lambda answer: answer)
        driver.model, driver.mode, driver.effort = options.model, options.permission_mode, options.reasoning_effort
        return MemorySession(stored.session_id, options, self._host, driver, stored.cwd)

    def _opened(self, options: SessionOptions) -> Stored:
        cwd = fspath(options.cwd) if options.cwd is not None else str(Path.cwd())
        if options.resume is None:
            return Stored(options.session_id or str(uuid4()), cwd)
        origin = self._stored(options.resume)
        if not options.fork:
            return origin
        turns = origin.turns()
        if options.fork_at is not None:
            places = [at for at, turn in enumerate(turns) if any(each.uuid == options.fork_at for each in turn)]
            if not places:
                raise SessionNotFoundError(f"Session {options.resume} has no message {options.fork_at!r}.")
            turns = turns[: places[0] + 1]
        return Stored(str(uuid4()), cwd, messages=[message for turn in turns for message in turn])

    def _stored(self, session_id: str) -> Stored:
        if (stored := self._store.get(session_id)) is None:
            raise SessionNotFoundError(f"There is no session {session_id!r} in memory.", backend=self.type)
        return stored
