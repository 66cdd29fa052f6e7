"""`MemoryBackend`: a whole backend without a process, for the unit tests of an application."""

from __future__ import annotations

from functools import partial
from os import PathLike
from typing import ClassVar, Self
from uuid import uuid4

from agent_sdk_core import (
    BackendCapabilities,
    ChatModel,
    HistoryPage,
    InvalidRequestError,
    SessionBusyError,
    SessionInfo,
    SessionNotFoundError,
    SessionOptions,
    SessionPage,
    SessionTitleChanged,
    Source,
    StoredSession,
    UnsupportedOptionError,
)
from agent_sdk_core.interfaces.pages import require_limit, require_sessions, require_title
from agent_sdk_core.paths import existing_folder, off_the_loop, resolved_path, working_folder
from agent_sdk_core.runtime import BaseBackend, BaseSession, Host
from agent_sdk_core.runtime.settings import require_known
from agent_sdk_core.wire.json_lines import mend
from agent_sdk_testing.memory.conversation import DEFAULT_MODEL
from agent_sdk_testing.memory.driver import EFFORTS, MemoryDriver
from agent_sdk_testing.memory.player import require_playable
from agent_sdk_testing.memory.stored import Stored, start_of
from agent_sdk_testing.memory.tools import ToolCode, Tools
from agent_sdk_testing.memory.turn import NAME
from agent_sdk_testing.model.scripted_model import ScriptedModel
from agent_sdk_testing.model.steps import Step, StepSource, Tokens


class MemorySession(BaseSession):
    """One conversation with the agent in memory."""

    def __init__(self, session_id: str, options: SessionOptions, host: Host, driver: MemoryDriver) -> None:
        super().__init__(session_id, options, host, driver)
        self._memory = driver
        driver.police = lambda: self.police

    @property
    def info(self) -> SessionInfo:
        """What the session runs with."""
        memory = self._memory
        return SessionInfo(
            model=memory.model_name,
            reasoning_effort=memory.effort,
            permission_mode=memory.mode,
            cwd=memory.cwd,
            tools=memory.offered,
            title=memory.title or None,
        )

    def retitled(self) -> None:
        """Tell of its new name."""
        source = Source(NAME, thread_id=self.session_id)
        self.deliver((SessionTitleChanged.synthesize(source, session_id=self.session_id, title=self._memory.title),))


class MemoryBackend(BaseBackend[MemorySession]):
    """An agent without a process or a socket, whose model says what a test scripted.

    It asks for permission, asks the user and calls the application's tools as the real agents do; its own tools return
    what `on` says, and touch nothing. What it stores lives as long as the backend.

    Args:
        model: What the model says, and what it was asked; absent: one of its own. It needs not be started.
        stored_with: A backend whose stored sessions this one has too, as another process of the same agent would.

    Attributes:
        model: The script, with all that a `ScriptedModel` can do: rules, and a record of the requests.
        kept_options: The session options that are taken and have no effect, for only a real agent could honour them;
            `session.options` has them.
    """

    type = NAME
    capabilities = BackendCapabilities(
        resume=True,
        fork=True,
        steer=True,
        images=True,
        documents=True,
        audio=True,
        skills=True,
        mentions=True,
        list_sessions=True,
        edit_sessions=True,
        tag_sessions=True,
        permission_modes=("default", "accept_edits", "plan", "auto", "dont_ask", "bypass"),
        policy_scope="every_call",
        hooks=frozenset({"pre_tool_use", "post_tool_use", "prompt_submit", "session_start", "session_end", "stop"}),
        turn_options=frozenset({"model", "reasoning_effort", "permission_mode", "output_schema", "origin"}),
    )
    kept_options: ClassVar[frozenset[str]] = frozenset(
        {"env", "inherit_env", "sandbox", "mcp_servers", "strict_mcp_servers", "on_elicitation", "setting_sources"}
        | {"skills", "plugins", "fallback_model", "betas", "max_thinking_tokens", "reasoning_summary", "personality"}
        | {"service_tier", "settings", "native", "max_budget_usd"}
    )

    def __init__(self, *, model: ScriptedModel | None = None, stored_with: MemoryBackend | None = None) -> None:
        super().__init__()
        self.model = ScriptedModel() if model is None else model
        self._tools = Tools()
        self._store: dict[str, Stored] = {} if stored_with is None else stored_with._store  # noqa: SLF001  # its own kind

    def reply(self, *steps: Step | StepSource, usage: Tokens | None = None) -> Self:
        """Queue what the model says when it is asked next; after a tool it is asked again.

        Args:
            steps: `text`, `reasoning`, `call`, `failed`, `http_error`, a `Gate` or a `delay`, as for `ScriptedModel`;
                actions such as `run_command`, and functions that give steps once the request is there.
            usage: The tokens to report.

        Raises:
            InvalidRequestError: A step means something only to a real agent.
        """
        self.model.reply(*_playable(steps), usage=usage)
        return self

    def otherwise(self, *steps: Step | StepSource, usage: Tokens | None = None) -> Self:
        """Say what the model says when nothing is queued; raises what `reply` raises."""
        self.model.otherwise(*_playable(steps), usage=usage)
        return self

    def on(self, tool: str, result: ToolCode | object) -> Self:
        """Say what one of the agent's own tools returns, "Bash" for instance; without a word it returns nothing.

        Args:
            tool: Its name.
            result: Text, data or a `ToolResult`, or a function that returns one, of the tool's input, and of the
                `ToolContext` of its call if it takes a second argument.
        """
        self._tools.add(tool, result)
        return self

    def check(self) -> None:
        """Check that every answer of the script was taken, and every request answered by it.

        Raises:
            AssertionError: Some are left, or were missing.
        """
        self.model.check()
        if self.model.replies_left:
            raise AssertionError(f"{self.model.replies_left} answers of the script were not asked for.")

    async def list_models(self) -> list[ChatModel]:
        """Return the one model that needs no name; others are taken as they are."""
        self._require_usable()
        return [ChatModel(DEFAULT_MODEL, "Memory", self.type, is_default=True, efforts=EFFORTS)]

    async def list_sessions(
        self, *, cwd: str | PathLike[str] | None = None, limit: int = 50, cursor: str | None = None
    ) -> SessionPage:
        """Return stored sessions, newest first, those of one folder if `cwd` is given."""
        self._require_usable()
        require_sessions(limit, backend=self.type)
        folder = None if cwd is None else await off_the_loop(partial(resolved_path, "cwd", cwd, backend=self.type))
        shown = [
            stored
            for stored in self._store.values()
            if stored.messages and not stored.archived and folder in (None, stored.cwd)
        ]
        shown.sort(key=lambda stored: stored.updated_at, reverse=True)
        start = start_of(cursor)
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
        require_limit(limit, backend=self.type)
        return self._stored(session_id).page(limit, cursor)

    async def rename_session(self, session_id: str, title: str) -> None:
        """Give a stored session a name."""
        require_title(title, backend=self.type)
        stored = self._stored(session_id)
        stored.title = mend(title)
        if isinstance(stored.opened, MemorySession):
            stored.opened.retitled()

    async def tag_session(self, session_id: str, tag: str | None) -> None:
        """Put a word on a stored session; None takes it away."""
        if tag is not None and not tag.strip():
            raise InvalidRequestError("A session's tag is not blank; None takes it away.", backend=self.type)
        self._stored(session_id).tag = tag

    async def archive_session(self, session_id: str) -> None:
        """Take a stored session out of the list; it can still be read.

        Raises:
            SessionBusyError: It is open.
        """
        stored = self._stored(session_id)
        self._require_free(stored)
        stored.archived = True

    async def unarchive_session(self, session_id: str) -> None:
        """Put an archived session back into the list."""
        self._stored(session_id).archived = False

    async def delete_session(self, session_id: str) -> None:
        """Delete a stored session for good.

        Raises:
            SessionBusyError: It is open.
        """
        stored = self._stored(session_id)
        self._require_free(stored)
        del self._store[stored.session_id]

    async def _plan(self, options: SessionOptions) -> str:
        """Return the folder of a session, which has to be there, as the real agents want it."""
        if options.reasoning_effort is not None:
            require_known("reasoning effort", options.reasoning_effort, EFFORTS, backend=self.type)
        for folder in options.add_dirs:
            await off_the_loop(partial(existing_folder, "add_dirs", folder, backend=self.type))
        if options.cwd is None and options.resume is not None and options.resume in self._store:
            return self._store[options.resume].cwd
        return str(await off_the_loop(partial(working_folder, options.cwd or ".", backend=self.type)))

    async def _open(self, options: SessionOptions, plan: str) -> MemorySession:
        stored = self._opened(options, plan)
        driver = MemoryDriver(self._host, self.model, self._tools, stored)
        if options.output_schema is not None:
            driver.answers = await driver.answer_form(options.output_schema)
        driver.model, driver.mode, driver.effort = options.model, options.permission_mode, options.reasoning_effort
        session = MemorySession(stored.session_id, options, self._host, driver)
        stored.opened_by, stored.opened = self, session
        if not options.ephemeral:
            self._store[stored.session_id] = stored
        session.when_closed.append(partial(self._let_go, stored))
        return session

    def _let_go(self, stored: Stored) -> None:
        stored.opened_by = stored.opened = None
        if not stored.messages:
            self._store.pop(stored.session_id, None)

    def _opened(self, options: SessionOptions, cwd: str) -> Stored:
        if options.resume is None:
            session_id = options.session_id or str(uuid4())
            if session_id in self._store:
                raise InvalidRequestError(f"There is a session {session_id!r} already.", backend=self.type)
            return Stored(session_id, cwd)
        origin = self._stored(options.resume)
        if not options.fork:
            if options.ephemeral:
                raise UnsupportedOptionError(
                    "The memory backend cannot go on with a stored session without storing it: "
                    "SessionOptions(ephemeral=True, resume=…) needs fork=True.",
                    backend=self.type,
                    details={"option": "ephemeral"},
                )
            self._require_free(origin)
            return origin
        turns = origin.turns()
        if options.fork_at is not None:
            places = [at for at, turn in enumerate(turns) if any(each.uuid == options.fork_at for each in turn)]
            if not places:
                raise InvalidRequestError(
                    f"There is no message {options.fork_at!r} in session {options.resume}.", backend=self.type
                )
            turns = turns[: places[0] + 1]
        return Stored(str(uuid4()), cwd, messages=[message for turn in turns for message in turn])

    def _require_free(self, stored: Stored) -> None:
        if stored.opened_by is not None:
            where = "this backend" if stored.opened_by is self else "another one"
            raise SessionBusyError(f"Session {stored.session_id} is open in {where} already.", backend=self.type)

    def _stored(self, session_id: str) -> Stored:
        self._require_usable()
        stored = self._store.get(session_id)
        if stored is None or not stored.messages:
            raise SessionNotFoundError(f"There is no session {session_id!r} in memory.", backend=self.type)
        return stored


def _playable(steps: tuple[Step | StepSource, ...]) -> tuple[Step | StepSource, ...]:
    for step in steps:
        if not callable(step):
            require_playable(step)
    return steps
