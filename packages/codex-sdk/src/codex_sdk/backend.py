"""The Codex backend: one `codex app-server` for all sessions, started on first use, or one that listens already."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import anyio.to_thread

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.client_names import require_client
from agent_sdk_core.errors import AgentError, InvalidRequestError, SessionBusyError, SessionNotFoundError
from agent_sdk_core.interfaces.account import Account, LoginMethod
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.diagnosis import DEFAULT_SECONDS, Diagnosis, ProtocolDrift
from agent_sdk_core.interfaces.pages import HistoryPage, SessionPage, StoredSession, require_limit, require_title
from agent_sdk_core.messages.usage import ModelPrice
from agent_sdk_core.models import ChatModel
from agent_sdk_core.option_values import environment_of, require_count, require_positive
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.redaction import learn_from
from agent_sdk_core.rpc.correlation import Tap
from agent_sdk_core.runtime.backend import BaseBackend
from agent_sdk_core.secret import Secret
from agent_sdk_core.wire.reading import Json, record_at
from codex_sdk.account import LOGIN_METHODS, CodexLogin, ask_account, forget_login
from codex_sdk.modes import HOOKS, MODES, TURN_OPTIONS, UNSUPPORTED_OPTIONS
from codex_sdk.process.native_requests import Requests

if TYPE_CHECKING:
    from agent_sdk_core.messages.parse import SDKMessage
    from agent_sdk_core.rpc.receiver import ServerRequest
    from agent_sdk_core.runtime.streams import BoundedStream
    from agent_sdk_core.transport.websocket.address import WebSocketAddress
    from codex_sdk.asking.client_hooks import ClientHooks
    from codex_sdk.asking.hooks import Answer
    from codex_sdk.hooks.channel import HookChannel
    from codex_sdk.process.app_server import AppServer
    from codex_sdk.process.link import AppServerLink
    from codex_sdk.routing.receiver import Dispatcher, Notification
    from codex_sdk.session import CodexSession
    from codex_sdk.threads.opener import ThreadOpener
    from codex_sdk.threads.opening import Opening


@checked_class()
class CodexBackend(Requests, BaseBackend["CodexSession"]):
    """Codex: one app-server process, many sessions.

    Args:
        executable: The codex executable; absent: `AGENT_SDK_CODEX_PATH`, the bundled one, or the one on `PATH`.
        env: The whole environment of the app-server, values may be `Secret`; absent: this process's.
            `SessionOptions.env` is for the tools.
        startup_timeout: Seconds that the app-server has to start and answer.
        max_restarts: How often in a row an app-server that was lost is started again, until one lives for ten seconds;
            its sessions go on with it. 0: its sessions end with it. With `url`, a connection that was lost.
        config_overrides: Keys of config.toml, dotted ones too, that hold for this app-server and all its sessions; no
            secrets, for they stand on its command line. One session's are `SessionOptions.settings`.
        url: Address of an app-server that somebody else started, as `codex app-server --listen` has it:
            `ws://127.0.0.1:PORT`, `wss://HOST`, `unix:///PATH`; absent: one is started. Paths in options and prompts
            are those of its machine, and it goes on when the backend is closed.
        token: The capability token that it wants, if any; to another machine only over `wss://`.
        name: What it is called in events and errors, where an application has several; absent: "codex".
        client_name: Name of your application, for the provider of the model; absent: this SDK's.
        client_title: Its name for people; absent: `client_name`.
        client_version: Its version.
        hooks: Answers to what only the application can answer: new tokens, attestations.
        prices: Price of each model that is used, for costs; without it they are unknown.
        wire_log: Called with "in" or "out" and each message on the wire; what it raises is ignored.

    Raises:
        InvalidRequestError: An argument is wrong, or does not go with another one.

    Attributes:
        version: Version of the running app-server, or None before the start.
    """

    type = "codex"
    capabilities = BackendCapabilities(
        resume=True,
        fork=True,
        steer=True,
        compact=True,
        shared_process=True,
        images=True,
        audio=True,
        skills=True,
        mentions=True,
        list_sessions=True,
        edit_sessions=True,
        search_sessions=True,
        goals=True,
        background_tasks=True,
        mcp_status=True,
        mcp_login=True,
        permission_modes=tuple(MODES),
        login_methods=LOGIN_METHODS,
        policy_scope="every_call",
        hooks=frozenset(HOOKS),
        turn_options=frozenset(TURN_OPTIONS),
        unsupported_options=frozenset(UNSUPPORTED_OPTIONS),
    )

    def __init__(
        self,
        *,
        executable: str | os.PathLike[str] | None = None,
        env: Mapping[str, str | Secret] | None = None,
        startup_timeout: float = 30.0,
        max_restarts: int = 5,
        config_overrides: Mapping[str, object] | None = None,
        url: str | None = None,
        token: Secret | None = None,
        name: str | None = None,
        client_name: str | None = None,
        client_title: str | None = None,
        client_version: str | None = None,
        hooks: ClientHooks | None = None,
        prices: Mapping[str, ModelPrice] | None = None,
        wire_log: Tap | None = None,
    ) -> None:
        if name is not None:
            self.type = name
        super().__init__()
        require_positive("CodexBackend", "startup_timeout", startup_timeout)
        require_count("CodexBackend", "max_restarts", max_restarts)
        self._max_restarts = max_restarts
        self.version: str | None = None
        self._address = None if url is None else _address(url, token)
        self._token = token
        self._lost_connection: AgentError | None = None
        for option, value in {"executable": executable, "env": env, "config_overrides": config_overrides}.items():
            if self._address is not None and value is not None:
                raise InvalidRequestError(
                    f"CodexBackend(url=…) talks to an app-server that somebody else started: leave {option} out, or "
                    "start it with that.",
                    backend=self.type,
                    details={"option": option},
                )
        if token is not None and self._address is None:
            raise InvalidRequestError(
                "CodexBackend(token=…) is the capability token of the app-server at CodexBackend(url=…), which is "
                "missing. A login with an API key is login_with_api_key().",
                backend=self.type,
                details={"option": "token"},
            )
        self._executable = executable
        self._env = dict(os.environ) if env is None else environment_of("CodexBackend", env)
        learn_from(self._env)
        self._overrides = () if config_overrides is None else _override_arguments(config_overrides)
        self._prices = prices
        self._hooks = hooks
        self._startup_timeout = startup_timeout
        self._tap = wire_log
        require_client(self.type, client_name=client_name, client_version=client_version)
        self._client = client_name, client_title or client_name, client_version or "0"
        self._hooked: HookChannel | None = None
        self._logging_in: list[CodexLogin] = []

    @classmethod
    def locate(cls) -> Path:
        """Return the codex executable that a new backend would start."""
        from codex_sdk.process.executable import find_executable

        return find_executable(None, os.environ)

    @classmethod
    def replay(cls, path: Path) -> Iterator[SDKMessage]:
        """Return the messages that a recorded wire log becomes, without codex."""
        from agent_sdk_core.wire_log import read_wire_log
        from codex_sdk.playback.player import replay

        return replay(read_wire_log(path))

    @classmethod
    async def check_protocol(cls, executable: Path | None = None) -> ProtocolDrift:
        """Compare the protocol of an installed codex with the one that this package was made for."""
        from codex_sdk.drift.checking import check

        return (await check(executable or cls.locate())).summary()

    async def diagnose(self, *, timeout: float = DEFAULT_SECONDS) -> Diagnosis:
        """Look at the codex that this backend would start, in processes of its own."""
        from codex_sdk.diagnosis import diagnose, diagnose_remote

        require_positive("AgentBackend.diagnose", "timeout", timeout)
        if self._address is not None:
            return replace(await diagnose_remote(self._address, self._token, timeout=timeout), backend=self.type)
        return await diagnose(self._executable, self._env, timeout=timeout, arguments=self._overrides)

    @property
    def pid(self) -> int | None:
        """Process id of the app-server, while it runs."""
        return self._link.pid

    @property
    def unknown_methods(self) -> Mapping[str, int]:
        """How often each notification or request of Codex's came that this package does not know."""
        return self._dispatch.unknowns.methods

    @property
    def unknown_items(self) -> Mapping[str, int]:
        """How often an item of each type started that this package does not know; it is a tool use of that name."""
        return self._dispatch.unknowns.items

    @property
    def unknown_fields(self) -> Mapping[str, int]:
        """How often each field came that this package does not know, as "Turn.name"; it is in `raw`."""
        return self._dispatch.unknowns.fields

    @property
    def unknown_values(self) -> Mapping[str, int]:
        """How often each enum value came that this package does not know, as 'TurnStatus "name"'; it is in `raw`."""
        return self._dispatch.unknowns.values

    def notifications(self) -> BoundedStream[Notification]:
        """Return an iterator over every notification from now on, those of no session included; lag is counted."""
        return self._dispatch.notifications.subscribe()

    def server_requests(self) -> BoundedStream[ServerRequest]:
        """Return an iterator over the requests of the app-server, to observe; the sessions answer them."""
        return self._dispatch.requests.subscribe()

    async def list_models(self) -> list[ChatModel]:
        """Return the models that Codex offers."""
        from codex_sdk.threads.listings import list_models

        return await list_models((await self._running()).peer)

    async def list_sessions(
        self, *, cwd: str | os.PathLike[str] | None = None, limit: int = 50, cursor: str | None = None
    ) -> SessionPage:
        """Return stored sessions, newest first."""
        from codex_sdk.threads.listings import list_threads

        return await list_threads((await self._running()).peer, cwd=cwd, limit=limit, cursor=cursor)

    async def search_sessions(self, text: str, *, limit: int = 50, cursor: str | None = None) -> SessionPage:
        """Return stored sessions in which a text was said, newest first, each with a snippet of where."""
        from codex_sdk.threads.listings import search_threads

        return await search_threads((await self._running()).peer, text, limit=limit, cursor=cursor)

    async def read_history(
        self, session_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> HistoryPage:
        """Return the messages of a stored session, oldest first, without opening it."""
        from codex_sdk.threads.history import read_stored

        require_limit(limit, backend=self.type)
        return await read_stored((await self._running()).peer, session_id, limit=limit, cursor=cursor)

    async def session_info(self, session_id: str) -> StoredSession:
        """Return what is known of a stored session, an archived one too."""
        from codex_sdk.threads.history import told_of
        from codex_sdk.threads.listings import stored_session

        thread = await told_of((await self._running()).peer, session_id)
        return stored_session({**thread, "id": session_id})

    async def rename_session(self, session_id: str, title: str) -> None:
        """Give a stored session a name."""
        from codex_sdk.threads.history import require_stored

        require_title(title, backend=self.type)
        await require_stored((await self._running()).peer, session_id)
        await self._ask("thread/name/set", {"threadId": session_id, "name": title})

    async def archive_session(self, session_id: str) -> None:
        """Take a stored session out of the list; it can still be read.

        Raises:
            SessionBusyError: It is open.
        """
        await self._running()
        self._require_closed(session_id)  # Codex would unload its thread (0.163).
        await self._set_archived(session_id, archived=True)

    async def unarchive_session(self, session_id: str) -> None:
        """Put an archived session back into the list; does nothing for one that is in it."""
        await self._set_archived(session_id, archived=False)

    async def _set_archived(self, session_id: str, *, archived: bool) -> None:
        try:
            await self._ask("thread/archive" if archived else "thread/unarchive", {"threadId": session_id})
        except (SessionNotFoundError, SessionBusyError):  # Of one that is where it shall be, too (0.163, 0.171).
            if (await self.session_info(session_id)).archived is not archived:
                raise

    async def delete_session(self, session_id: str) -> None:
        """Delete a stored session for good.

        Raises:
            SessionBusyError: It is open.
        """
        from codex_sdk.threads.history import require_stored

        peer = (await self._running()).peer
        self._require_closed(session_id)  # Codex would delete it and leave the session without its thread (0.163).
        await require_stored(peer, session_id)
        await self._ask("thread/delete", {"threadId": session_id})

    # What talks to codex. It is made, and its modules are loaded, when it is first needed.

    @cached_property
    def _dispatch(self) -> Dispatcher[CodexSession]:
        from agent_sdk_core.runtime.asking.broker import RequestBroker
        from codex_sdk.asking.client_hooks import UNOWNED, ClientHooks, UnownedRequests
        from codex_sdk.routing.receiver import Dispatcher

        dispatch: Dispatcher[CodexSession] = Dispatcher(
            self._host,
            self.emit,
            self.take_log_line,
            lambda ended, error: self._link.lose(ended, error),
            RequestBroker(lambda: self._link.today.peer, UnownedRequests(self._hooks or ClientHooks())),
            UNOWNED,
        )
        dispatch.login_completed = self._take_login
        return dispatch

    @cached_property
    def _link(self) -> AppServerLink:
        from agent_sdk_core.runtime.supervisor import Restarts
        from codex_sdk.process.app_server import Client
        from codex_sdk.process.link import AppServerLink

        attests = self._hooks is not None and self._hooks.attest is not None
        name, title, version = self._client
        client = Client(attests=attests) if name is None else Client(name, title or name, version, attests)
        link = AppServerLink(
            self._host,
            self._dispatch,
            executable=self._executable,
            env=self._env,
            address=self._address,
            token=self._token,
            seconds=self._startup_timeout,
            client=client,
            arguments=self._overrides,
            tap=self._tap,
            revival=Restarts(limit=self._max_restarts) if self._max_restarts else None,
        )
        if self._max_restarts:
            link.when_lost.append(self._cut_off if self._address is None else self._hang)
        link.when_restarted.append(self._restarted)
        link.when_dead.append(self._lost)
        self._links.append(link)
        return link

    @cached_property
    def _opener(self) -> ThreadOpener:
        from codex_sdk.threads.opener import ThreadOpener

        return ThreadOpener(self._link, self._plan_thread, self._dispatch.unknowns, self.warn_once)

    # What differs from other backends.

    async def _connect(self) -> None:
        await off_the_loop(_load)
        server = await self._link.connect()
        self.version = server.version
        where = f" at {self._address.url}" if self._address is not None else ""
        self.emit("started", f"codex app-server {self.version} is running{where}.", {"pid": server.channel.pid})
        if server.warning is not None:
            self.emit("warning", server.warning)

    def _restarted(self) -> None:
        server = self._link.today
        self.version = server.version
        again = "was started again" if self._address is None else f"is connected again at {self._address.url}"
        self.emit("restarted", f"codex app-server {self.version} {again}.", {"pid": server.channel.pid})
        if (lost := self._lost_connection) is not None:
            self._lost_connection = None
            for session in self.sessions:
                self._host.start_soon(session.rejoin, lost, context=session.context)

    def _hang(self, ended: object | None, error: AgentError) -> None:
        """Note that the connection is lost to an app-server that goes on; see `CodexSession.hang`."""
        self._lost_connection = error
        self._tell_exited(ended, error)
        for session in self.sessions:
            session.hang(error)
        for login in list(self._logins):
            login.lost(error)

    def _tell_gathered(self) -> None:
        self._dispatch.unknowns.tell_gathered()

    async def _stop(self) -> None:
        try:
            await super()._stop()
        finally:
            if "_opener" in vars(self):
                await anyio.to_thread.run_sync(self._opener.remove_roles)
            if self._hooked is not None:
                self._hooked.stop()
                await anyio.to_thread.run_sync(self._hooked.remove)

    def _abort(self, error: AgentError) -> None:
        super()._abort(error)
        if "_opener" in vars(self):
            self._opener.remove_roles()
        if self._hooked is not None:
            self._hooked.remove()

    async def aclose(self) -> None:
        """Close every session, and end the app-server; as in `BaseBackend`."""
        await super().aclose()
        if self._hooked is not None:  # Its folder was made before the start, which may have failed.
            await off_the_loop(self._hooked.remove)

    def _end_streams(self) -> None:
        self._dispatch.close()
        super()._end_streams()

    async def _running(self) -> AppServer:
        await self.start()
        return await self._link.connect()

    async def _plan(self, options: SessionOptions) -> Opening:
        from codex_sdk.threads.opening import require_prices

        require_prices(options, self._prices)
        request = await self._plan_thread(options)
        if request.method == "thread/resume" and self._dispatch.is_open(cast("str", options.resume)):
            raise SessionBusyError(f"Session {options.resume} is open in this backend already.", backend=self.type)
        return request

    async def _plan_thread(self, options: SessionOptions) -> Opening:
        from codex_sdk.hooks.announcing import ASKING_SECONDS, announced, hooked
        from codex_sdk.hooks.unseen import refused_unseen
        from codex_sdk.threads.opening import opening

        request = await off_the_loop(opening, options)
        if hooked(options):
            path = await self._hook_channel().path()
            given, asking = record_at(request.params, "config"), options.request_timeout or ASKING_SECONDS
            policed = options.policy is not None or options.binds_every_call
            config = announced(given, options.hooks, path, policed=policed, asking=asking)
            request = replace(request, params={**request.params, "config": refused_unseen(config, options)})
        return request

    def _hook_channel(self) -> HookChannel:
        from codex_sdk.hooks.channel import HookChannel

        if self._hooked is None:
            self._hooked = HookChannel(self._host, self._answer_hook)
        return self._hooked

    async def _answer_hook(self, call: Json) -> Answer:
        from codex_sdk.hooks.relay import failed

        for session in self._dispatch.sessions:
            if session.thread_id == call.get("session_id"):
                return await session.answer_hook(call)
        return failed(str(call.get("hook_event_name")), "no session of this thread is open")

    async def _open(self, options: SessionOptions, plan: Opening) -> CodexSession:
        from codex_sdk.driver import CodexDriver
        from codex_sdk.hooks.announcing import hooked
        from codex_sdk.normalizer import ThreadFamily
        from codex_sdk.process.app_server import unstorable
        from codex_sdk.session import CodexSession
        from codex_sdk.threads.attachment import Attachment

        await self._link.connect()
        generation = self._link.generation
        if hooked(options):
            await self._hook_channel().listen()
        unstored = None if self._address is not None else await off_the_loop(unstorable, self._link.today.home)
        if unstored is not None and not options.ephemeral:
            self.warn_once([f"Codex goes on without storing what is said: {unstored}."])
        facts = await self._opener.open(options, plan)
        family = ThreadFamily(facts, partial=options.include_partial_messages, prices=self._prices)
        attachment = Attachment(self._link, self._host, self._opener, family, options, generation=generation)
        driver = CodexDriver(
            self._link,
            self._host,
            family,
            options,
            attachment,
            stored=plan.stored,
            unstored=unstored is not None,
            answers=plan.answers,
        )
        dispatch = self._dispatch
        session = CodexSession(
            options,
            self._host,
            driver,
            family,
            touched=dispatch.touched,
            moved=dispatch.moved,
            servers=plan.servers,
        )
        dispatch.attach(session)
        return session

    async def _read_account(self) -> Account:
        return await ask_account(self._link.today.peer)

    async def _start_login(self, method: LoginMethod, api_key: Secret | None) -> CodexLogin:
        login = CodexLogin(self._link, self._logging_in)
        await login.begin(method, api_key)
        return login

    async def _forget_login(self) -> None:
        await forget_login(self._link.today.peer)

    def _take_login(self, params: Json) -> None:
        for login in self._logging_in:
            login.take_completed(params)


def _override_arguments(overrides: Mapping[str, object]) -> tuple[str, ...]:
    from codex_sdk.process.overrides import override_arguments

    return override_arguments(overrides)


def _address(url: str, token: Secret | None) -> WebSocketAddress:
    from agent_sdk_core.transport.websocket.address import WebSocketAddress

    return WebSocketAddress.parse(url, owner="CodexBackend", has_token=token is not None)


def _load() -> None:
    """Load the modules that sessions need; an import asks the disk."""
    from agent_sdk_core.policy import command_rules
    from codex_sdk import session
    from codex_sdk.threads import history, listings, opener

    del command_rules, session, history, listings, opener
