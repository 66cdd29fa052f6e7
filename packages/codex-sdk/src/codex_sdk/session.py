"""A Codex session: one thread of the backend's app-server."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, cast

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.messages.conversation import StreamEvent, ToolProgress
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.models import ReasoningEffort
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.session import BaseSession
from agent_sdk_core.session import BackgroundTask, SessionInfo
from codex_sdk.driver import CodexDriver
from codex_sdk.normalizer import ThreadFamily

if TYPE_CHECKING:
    from codex_sdk.backend import CodexBackend

Json = dict[str, Any]

_REMEMBERED_MESSAGES: Final = 10_000


class CodexSession(BaseSession):
    """One thread, and those of its sub-agents. Made by `CodexBackend.create_session`.

    Args:
        options: What it was opened with.
        host: The backend's host.
        driver: Talks to the thread.
        family: Makes messages of the threads' events.
        touched: Told when messages wait for `flush`.
        closed: Told when the session is closed.

    Attributes:
        context: The context in which it was made; what answers its requests runs in copies of it.
    """

    def __init__(
        self,
        options: SessionOptions,
        host: Host,
        driver: CodexDriver,
        family: ThreadFamily,
        *,
        touched: Callable[[CodexSession], None],
        closed: Callable[[CodexSession], None],
    ) -> None:
        super().__init__(driver.thread_id, options, host, driver)
        self.driver = driver
        self.context = copy_context()
        self._family = family
        self._batch: list[SDKMessage] = []
        self._chosen: dict[str, object] = {}
        self._turn_ids: OrderedDict[str, str] = OrderedDict()
        self._touched = touched
        self._forget = closed

    @property
    def thread_id(self) -> str:
        """Codex's id of the thread."""
        return self.driver.thread_id

    @property
    def info(self) -> SessionInfo:
        """What the session runs with, as Codex last told."""
        facts = self._family.main.facts
        return SessionInfo(
            model=facts.model,
            reasoning_effort=facts.reasoning_effort,
            permission_mode=facts.permission_mode,
            cwd=facts.cwd,
            sandbox=facts.sandbox,
            approval_policy=facts.approval_policy,
            tools=facts.tools,
            mcp_servers=tuple(facts.mcp_servers),
            version=facts.version,
        )

    async def set_model(self, model: str | None) -> None:
        """Use this model from the next turn; None: the one Codex is configured for."""
        self._require_open()
        if model is None:
            await self.driver.reset("model")
        else:
            self.driver.changes["model"] = model
        self._chosen["model"] = model

    async def set_reasoning_effort(self, effort: ReasoningEffort | None) -> None:
        """Use this effort from the next turn; None: the one Codex is configured for."""
        self._require_open()
        if effort is None:
            await self.driver.reset("effort")
        else:
            self.driver.changes["effort"] = effort
        self._chosen["reasoning_effort"] = effort

    async def set_permission_mode(self, mode: PermissionMode | None) -> None:
        """Use this permission mode from the next turn; None: what Codex is configured for."""
        self._require_open()
        if mode is None:
            await self.driver.reset("mode")
        else:
            self.driver.set_mode(mode)
        self._chosen["permission_mode"] = mode

    async def background_tasks(self) -> list[BackgroundTask]:
        """Return the commands that run in the background."""
        self._require_open()
        return await self.driver.background_tasks()

    async def stop_task(self, task_id: str) -> None:
        """End a background command."""
        self._require_open()
        await self.driver.stop_task(task_id)

    async def fork(self, *, at: str | None = None, options: SessionOptions | None = None) -> CodexSession:
        """Return a copy of this session that goes its own way.

        Args:
            at: Uuid of a message, or id of a turn, up to whose turn to copy; absent: all of it.
            options: Options of the copy; absent: this session's, with what was set since.

        Raises:
            InvalidRequestError: No message or turn of this session is called `at`.
        """
        self._require_open()
        last_turn_id = None if at is None else await self._turn_of(at)
        source = {"resume": self.resolved_session_id, "fork": True}
        copy = (options or self.options.model_copy(update=self._chosen)).model_copy(update=source)
        return await cast("CodexBackend", self.backend).open_session(copy, last_turn_id=last_turn_id)

    def item(self, thread_id: str, item_id: str) -> Json | None:
        """Return the latest known state of an item that is open, or that completed lately."""
        return self._family.item(thread_id, item_id)

    def open_items(self, thread_id: str) -> list[Json]:
        """Return the items of a thread that have started and not completed."""
        return self._family.open_items(thread_id)

    def refuse(self, thread_id: str, item_id: str) -> None:
        """Note that a tool item was refused, before Codex is told so: the result lists it."""
        self._family.refuse(thread_id, item_id)

    def parent_tool_use_id(self, thread_id: str) -> str | None:
        """Return the tool use that started a sub-agent's thread; None for the session's own."""
        return self._family.parent_tool_use_id(thread_id)

    def claims(self, thread_id: str, method: str, params: Json) -> bool:
        """Tell whether a thread that is nobody's is a sub-agent's of this session."""
        return self._family.claims(thread_id, method, params)

    def take_adopted(self) -> list[str]:
        """Return the sub-agents' threads that were met since the last call."""
        return self._family.take_adopted()

    def feed(self, thread_id: str, method: str, params: Json, raw: Json) -> Sequence[str]:
        """Take a notification of one of the threads; its messages go out with the next `flush`.

        Returns:
            The sub-agents' threads that it made known, which `take_adopted` hands over.
        """
        messages = self._family.feed(thread_id, method, params, raw)
        if messages:
            if not self._batch:
                self._touched(self)
            self._batch.extend(messages)
        return self._family.adopted

    def flush(self) -> None:
        """Hand on what the last chunk brought, as one batch."""
        batch, self._batch = self._batch, []
        for message in batch:
            if not isinstance(message, StreamEvent | ToolProgress):
                self._note_turn(message)
        self.deliver(batch)

    async def _turn_of(self, name: str) -> str:
        """Return the turn of a message, watched or read from the history, or the turn that is called so itself."""
        if (turn_id := self._turn_ids.get(name)) is not None:
            return turn_id
        if name in self._turn_ids.values():
            return name
        for message in await self.history():
            source = message.source
            if source is not None and source.turn_id is not None and name in (message.uuid, source.turn_id):
                return source.turn_id
        raise InvalidRequestError(f"This session has no message and no turn {name!r} to be forked at.", backend="codex")

    def _note_turn(self, message: SDKMessage) -> None:
        """Remember the turn of a message, so that the session can be forked there."""
        source = message.source
        if message.parent_tool_use_id is not None or message.uuid is None or source is None:
            return
        if source.turn_id is not None:
            self._turn_ids[message.uuid] = source.turn_id
            if len(self._turn_ids) > _REMEMBERED_MESSAGES:
                self._turn_ids.popitem(last=False)

    def _on_closed(self) -> None:
        self._forget(self)
