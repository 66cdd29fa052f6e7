"""The backend as an application sees it: one kind of agent, its processes, and the sessions they serve."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from agent_sdk_core.errors import AgentError, InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.interfaces.account import Account, LoginHandle, LoginMethod
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.diagnosis import DEFAULT_SECONDS, Diagnosis, ProtocolDrift, located
from agent_sdk_core.interfaces.events import BackendEvent
from agent_sdk_core.interfaces.interface import Interface
from agent_sdk_core.interfaces.opening import SessionOpening
from agent_sdk_core.interfaces.pages import HistoryPage, SessionPage, StoredSession
from agent_sdk_core.interfaces.streams import Stream
from agent_sdk_core.models import ChatModel
from agent_sdk_core.names import BackendType
from agent_sdk_core.option_values import require_positive
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.wire.shown import described

if TYPE_CHECKING:
    from agent_sdk_core.config.runtime import RuntimeConfig
    from agent_sdk_core.interfaces.session import AgentSession
    from agent_sdk_core.messages.parse import SDKMessage
    from agent_sdk_core.secret import Secret


class AgentBackend(Interface):
    """One kind of agent. An async context manager that owns its processes and tasks.

    `start()` and `aclose()` may be called from different tasks. Using it outside `async with` starts it on first use.

    Attributes:
        type: Its name.
        capabilities: What it can do.
        configuration: The configuration that `create_backend` made it with; it fills what options leave unset.
    """

    type: BackendType
    capabilities: BackendCapabilities
    configuration: RuntimeConfig | None = None

    @classmethod
    @abstractmethod
    def locate(cls) -> Path | None:
        """Return the executable that a new backend would start, or None for a backend that starts none.

        Raises:
            ExecutableNotFoundError: It is not installed; the message says how to.
        """

    @classmethod
    def replay(cls, path: Path) -> Iterator[SDKMessage]:
        """Return the messages that a recorded wire log becomes, without the agent.

        Args:
            path: The log, one JSON object a line.

        Raises:
            InvalidRequestError: The file is no wire log; says which line.
            UnsupportedOptionError: The backend cannot.
        """
        raise UnsupportedOptionError(f"The {cls.type} backend cannot replay a wire log.", backend=cls.type)

    @classmethod
    async def check_protocol(cls, executable: Path | None = None) -> ProtocolDrift:
        """Compare the protocol of an installed agent with the one that this backend was made for.

        Args:
            executable: The agent; absent: the one that `locate` finds.

        Raises:
            UnsupportedOptionError: This backend has no protocol to compare.
            AgentError: The agent could not be asked for its protocol; the message says why.
        """
        raise UnsupportedOptionError(f"The {cls.type} backend cannot compare protocols.", backend=cls.type)

    async def diagnose(self, *, timeout: float = DEFAULT_SECONDS) -> Diagnosis:
        """Look at the agent that this backend would start, in processes of its own; the backend need not be started.

        What is found to be wrong is part of the diagnosis, and never raised. A backend that does not say otherwise
        tells only where its executable is.

        Args:
            timeout: Seconds that the agent has to start and answer.

        Raises:
            InvalidRequestError: The timeout is no number greater than 0.
        """
        require_positive("AgentBackend.diagnose", "timeout", timeout)
        try:
            executable = self.locate()
        except AgentError as error:
            return located(self.type, None, error)
        return located(self.type, None if executable is None else str(executable))

    @property
    @abstractmethod
    def sessions(self) -> Sequence[AgentSession]:
        """The open sessions."""

    @abstractmethod
    async def start(self) -> None:
        """Start the agent; does nothing when it is started.

        Raises:
            AgentError: It cannot be started; the message says what to do.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Close every session and end every process. Bounded, shielded from cancellation, never raises."""

    @abstractmethod
    def create_session(self, options: SessionOptions | None = None) -> SessionOpening[AgentSession]:
        """Open a session, new or resumed: ``async with backend.create_session() as session``, or ``await`` it.

        Nothing happens before; cancelled, it leaves nothing behind.

        Args:
            options: Its options; what they leave unset is as configured, if `create_backend` made the backend.

        Raises:
            SessionNotFoundError: `options.resume` names no stored session.
            SessionBusyError: It is open elsewhere.
            UnsupportedOptionError: An option cannot be honoured.
            AgentError: The agent refused.
        """

    def resume(self, session_id: str, options: SessionOptions | None = None) -> SessionOpening[AgentSession]:
        """Open a stored session and go on with it: `create_session` with `SessionOptions.resume`.

        Args:
            session_id: The session's id: `AgentSession.resolved_session_id`, or `StoredSession.session_id`.
            options: Its other options.

        Raises:
            InvalidRequestError: The id is no text, or the options resume another session.
            AgentError: What `create_session` raises, when it is awaited or entered.
        """
        if not session_id:
            raise InvalidRequestError(
                f"resume() takes the id of a stored session, such as session.resolved_session_id, not {session_id!r}.",
                backend=self.type,
                details={"option": "resume"},
            )
        options = options or SessionOptions()
        if options.resume not in (None, session_id):
            raise InvalidRequestError(
                f"resume({session_id!r}) and SessionOptions(resume={options.resume!r}) name two sessions; say it once.",
                backend=self.type,
                details={"option": "resume"},
            )
        return self.create_session(options.model_copy(update={"resume": session_id}))

    @abstractmethod
    def events(self) -> Stream[BackendEvent]:
        """Return an iterator over what happens to the backend; the first one begins with what happened before it."""

    def logs(self) -> Stream[str]:
        """Return an iterator over lines of the agent's log, from now on."""
        raise self._unsupported("tell lines of its log")

    @abstractmethod
    async def list_models(self) -> list[ChatModel]:
        """Return the models that the agent offers."""

    async def list_sessions(
        self, *, cwd: str | PathLike[str] | None = None, limit: int = 50, cursor: str | None = None
    ) -> SessionPage:
        """Return stored sessions, newest first, those of one folder if `cwd` is given.

        Args:
            cwd: The folder, by any of its paths.
            limit: Sessions a page.
            cursor: Where the page before ended.

        Raises:
            InvalidRequestError: The limit is not positive, or the cursor is none.
            UnsupportedError: The backend cannot.
        """
        raise self._unsupported("list sessions")

    async def search_sessions(self, text: str, *, limit: int = 50, cursor: str | None = None) -> SessionPage:
        """Return stored sessions in which a text was said, newest first, each with a `snippet` of where.

        Args:
            text: What is looked for, as it stands there; upper and lower case are one.
            limit: Sessions a page.
            cursor: Where the page before ended.

        Raises:
            InvalidRequestError: The text is blank, or the limit is not positive.
            UnsupportedError: The agent has no search.
        """
        raise self._unsupported("search sessions")

    async def read_history(
        self, session_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> HistoryPage:
        """Return the messages of a stored session, oldest first, without opening it.

        Args:
            session_id: The session.
            limit: Turns a page; absent: all.
            cursor: Where the page before ended.

        Raises:
            SessionNotFoundError: No such session is stored.
        """
        raise self._unsupported("read history")

    async def session_info(self, session_id: str) -> StoredSession:
        """Return what is known of a stored session, an archived one too.

        Raises:
            SessionNotFoundError: No such session is stored.
            UnsupportedError: The backend cannot.
        """
        raise self._unsupported("tell of a stored session")

    async def rename_session(self, session_id: str, title: str) -> None:
        """Give a stored session a name.

        Raises:
            InvalidRequestError: The name is blank.
            SessionNotFoundError: No such session is stored.
            UnsupportedError: The backend cannot.
        """
        raise self._unsupported("rename sessions")

    async def tag_session(self, session_id: str, tag: str | None) -> None:
        """Put a word on a stored session, in place of the one it has; None takes that away.

        Raises:
            SessionNotFoundError: No such session is stored.
            InvalidRequestError: The tag is blank.
            UnsupportedError: The agent has no tags.
        """
        raise self._unsupported("tag sessions")

    async def archive_session(self, session_id: str) -> None:
        """Take a stored session out of the list; it can still be read.

        Raises:
            SessionBusyError: It is open.
            SessionNotFoundError: No such session is stored.
            UnsupportedError: The backend cannot.
        """
        raise self._unsupported("archive sessions")

    async def unarchive_session(self, session_id: str) -> None:
        """Put an archived session back into the list; does nothing for one that is in it.

        Raises:
            SessionNotFoundError: No such session is stored.
            UnsupportedError: The backend cannot.
        """
        raise self._unsupported("archive sessions")

    async def delete_session(self, session_id: str) -> None:
        """Delete a stored session for good.

        Raises:
            SessionBusyError: It is open.
            SessionNotFoundError: No such session is stored.
            UnsupportedError: The backend cannot.
        """
        raise self._unsupported("delete sessions")

    async def account(self) -> Account:
        """Return the account that the agent works with, as it is now.

        Raises:
            AgentError: The agent could not be asked.
            UnsupportedError: The backend cannot tell.
        """
        raise self._unsupported("tell which account it has")

    async def login(
        self, method: LoginMethod | None = None, *, api_key: Secret | None = None, timeout: float = 600.0
    ) -> LoginHandle:
        """Begin a login at the agent, and return what to show the user.

        Args:
            method: How, one of `capabilities.login_methods`; absent: in a browser, or with the key that is given.
            api_key: The key of a login by "api_key". It goes to the agent, which stores it, and nowhere else.
            timeout: Seconds that it may take; then it is cancelled.

        Raises:
            AuthenticationError: The agent refused to begin, or does not take the key.
            InvalidRequestError: Method and key do not go together.
            UnsupportedError: The agent cannot log in that way; the message says what it can.
        """
        raise self._unsupported("log in")

    async def logout(self) -> None:
        """Have the agent forget the login that it stores; a key in its environment stays.

        Raises:
            AgentError: It could not.
            UnsupportedError: The backend cannot.
        """
        raise self._unsupported("log out")

    def configured(self, options: SessionOptions | None) -> SessionOptions:
        """Return the options of a session, with what they leave unset as it is configured; for `create_session`."""
        if self.configuration is None:
            return options or SessionOptions()
        given = {} if options is None else {name: getattr(options, name) for name in options.model_fields_set}
        return self.configuration.session_options(self.type, **given)

    def _unsupported(self, what: str) -> UnsupportedOptionError:
        return UnsupportedOptionError(f"The {self.type} backend cannot {what}.", backend=self.type)

    def __repr__(self) -> str:
        return described(self, type=self.type, sessions=len(self.sessions))

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.aclose()
