"""The backend as synchronous code sees it, and its making by name."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from agent_sdk_core.arguments import checked
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.factory import registry
from agent_sdk_core.interfaces import backend as async_face
from agent_sdk_core.interfaces import session as async_session
from agent_sdk_core.interfaces.account import LoginMethod
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.events import BackendEvent
from agent_sdk_core.names import BackendType
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.sync.account import LoginHandle
from agent_sdk_core.sync.faces import Face, blocking, in_loop
from agent_sdk_core.sync.portal import Portal
from agent_sdk_core.sync.session import AgentSession
from agent_sdk_core.sync.streams import Stream

if TYPE_CHECKING:
    from agent_sdk_core.config.runtime import RuntimeConfig
    from agent_sdk_core.secret import Secret


class AgentBackend(Face[async_face.AgentBackend]):
    """One kind of agent, with a thread of its own. A context manager that owns its processes.

    Using it outside `with` starts it on first use. What is not closed is closed when the interpreter ends.

    Args:
        inner: The async backend, not yet started.

    Raises:
        InvalidRequestError: It is none.
    """

    def __init__(self, inner: async_face.AgentBackend) -> None:
        if not isinstance(inner, async_face.AgentBackend):  # pyright: ignore[reportUnnecessaryIsInstance]  # not everybody checks types
            raise InvalidRequestError(
                f"AgentBackend: inner must be a backend, such as CodexBackend(…), not {type(inner).__name__}; "
                "sync.create_backend(…) makes one by its name."
            )
        super().__init__(inner, Portal(f"the synchronous {inner.type} backend", inner.aclose))
        self._faces: weakref.WeakValueDictionary[int, AgentSession] = weakref.WeakValueDictionary()

    @property
    def type(self) -> BackendType:
        """Its name."""
        return self._inner.type

    @property
    def capabilities(self) -> BackendCapabilities:
        """What it can do."""
        return self._inner.capabilities

    @property
    def configuration(self) -> RuntimeConfig | None:
        """The configuration that `create_backend` made it with; it fills what options leave unset."""
        return self._inner.configuration

    @property
    def sessions(self) -> Sequence[AgentSession]:
        """The open sessions."""
        return tuple(map(self.face_of, self._inner.sessions))

    def create_session(self, options: SessionOptions | None = None) -> AgentSession:
        """Open a session: ``with backend.create_session() as session`` closes it in the end.

        Args:
            options: Its options; what they leave unset is as configured, if `create_backend` made the backend.

        Raises:
            SessionNotFoundError: `options.resume` names no stored session.
            SessionBusyError: It is open elsewhere.
            UnsupportedOptionError: An option cannot be honoured.
            AgentError: The agent refused.
        """

        async def opened() -> async_session.AgentSession:
            return await self._inner.create_session(options)

        return self.face_of(self._portal.call(opened))

    def resume(self, session_id: str, options: SessionOptions | None = None) -> AgentSession:
        """Open a stored session and go on with it: `create_session` with `SessionOptions.resume`.

        Args:
            session_id: The session's id: `AgentSession.resolved_session_id`, or `StoredSession.session_id`.
            options: Its other options.

        Raises:
            InvalidRequestError: The id is no text, or the options resume another session.
            AgentError: What `create_session` raises.
        """

        async def opened() -> async_session.AgentSession:
            return await self._inner.resume(session_id, options)

        return self.face_of(self._portal.call(opened))

    def events(self) -> Stream[BackendEvent]:
        """Return an iterator over what happens to the backend; the first one begins with what happened before it."""
        return Stream(in_loop(self._portal, self._inner.events), self._portal)

    def logs(self) -> Stream[str]:
        """Return an iterator over lines of the agent's log, from now on."""
        return Stream(in_loop(self._portal, self._inner.logs), self._portal)

    def login(
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
        login = self._portal.call(lambda: self._inner.login(method, api_key=api_key, timeout=timeout))
        return LoginHandle(login, self._portal)

    account = blocking(async_face.AgentBackend.account)
    logout = blocking(async_face.AgentBackend.logout)

    def configured(self, options: SessionOptions | None) -> SessionOptions:
        """Return the options of a session, with what they leave unset as it is configured."""
        return self._inner.configured(options)

    start = blocking(async_face.AgentBackend.start)
    diagnose = blocking(async_face.AgentBackend.diagnose)
    list_models = blocking(async_face.AgentBackend.list_models)
    list_sessions = blocking(async_face.AgentBackend.list_sessions)
    session_info = blocking(async_face.AgentBackend.session_info)
    search_sessions = blocking(async_face.AgentBackend.search_sessions)
    tag_session = blocking(async_face.AgentBackend.tag_session)
    unarchive_session = blocking(async_face.AgentBackend.unarchive_session)
    read_history = blocking(async_face.AgentBackend.read_history)
    rename_session = blocking(async_face.AgentBackend.rename_session)
    archive_session = blocking(async_face.AgentBackend.archive_session)
    delete_session = blocking(async_face.AgentBackend.delete_session)

    def close(self) -> None:
        """Close every session, end every process and the thread. Bounded; does nothing when it is closed."""
        self._portal.end()

    def face_of(self, session: async_session.AgentSession) -> AgentSession:
        """Return the synchronous face of a session of this backend: the same one each time."""
        face = self._faces.get(id(session))
        if face is None:
            face = self._faces[id(session)] = AgentSession(session, self)
        return face

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()


@checked
def create_backend(
    type: BackendType | None = None,
    *,
    config: RuntimeConfig | None = None,
    **settings: Any,
) -> AgentBackend:
    """Return a new backend, not yet started; the arguments are those of `agent_sdk_core.create_backend`.

    Args:
        type: Its name; absent: as configured.
        config: The configuration; absent: it is read, see `RuntimeConfig.load`.
        settings: Passed to the backend: `executable`, `env` and what else it takes.

    Raises:
        InvalidRequestError: No backend of this name is registered, it does not take a setting, or the configuration is
            wrong.
        ExecutableNotFoundError: The configured executable is not there.
    """
    return AgentBackend(registry.create_backend(type, config=config, **settings))
