"""`AcpAgent`: one connection to a client: the version it speaks, its requests served, ours to it, until it is gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from agent_chat.acp.dialects import Dialect, dialect_for
from agent_chat.acp.failures import (
    CANCELLED,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RefusalError,
    refusal_of,
)
from agent_chat.acp.greeting import greeting_of
from agent_chat.acp.table import LOGIN, METHODS, NOT_IN, Params, Reply, log_out
from agent_sdk_core.errors import AgentError
from agent_sdk_core.rpc import jsonrpc
from agent_sdk_core.rpc.jsonrpc import Peer
from agent_sdk_core.rpc.receiver import JsonObject, ProtocolIssue, Receiver, RequestId, ServerRequest
from agent_sdk_core.wire.reading import as_record

if TYPE_CHECKING:
    from agent_chat.acp.methods import Sessions
    from agent_chat.chats.service import ChatService

log: Final = logging.getLogger("agent_sdk.acp")
FindLogin = Callable[[], tuple[str, ...]]
OpenService = Callable[[], Awaitable["ChatService"]]


class AcpAgent(Receiver):
    """Our side of a connection.

    Args:
        open_service: Returns the chats, opened; called when a client first needs them.
        backend: The agent of new sessions; None: as configured.
        find_login: Returns the arguments of this program by which somebody logs in at the agent, none where there is no
            such way; called in a thread, for a client that can run it. None: there is none.

    Attributes:
        peer: Talks to the client; set before anything is received.
    """

    peer: Peer

    def __init__(self, open_service: OpenService, *, backend: str | None, find_login: FindLogin | None = None) -> None:
        self._open_service = open_service
        self._backend = backend
        self._find_login = find_login
        self._dialect: Dialect | None = None
        self._offers_login = False
        self._sessions: Sessions | None = None
        self._opening = asyncio.Lock()
        self._tasks: dict[RequestId, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._closed = False

    # The client, as sessions speak to it

    @property
    def dialect(self) -> Dialect:
        """How the client is spoken to."""
        if self._dialect is None:
            raise RefusalError(INVALID_REQUEST, "The first request is `initialize`.")
        return self._dialect

    async def notify(self, method: str, params: dict[str, Any]) -> None:
        """Tell the client something; does nothing when it is gone."""
        with suppress(AgentError):
            await self.peer.notify(method, params)

    async def ask(self, method: str, params: dict[str, Any]) -> object:
        """Ask the client something, for as long as it takes; raises `AgentError` when it refuses or is gone."""
        return await self.peer.request(method, params, timeout=None, counted=False)

    # What comes

    def on_request(self, request: ServerRequest, /) -> None:
        """Serve a request, in a task of its own."""
        task = asyncio.create_task(self._serve(request))
        self._tasks[request.id] = task
        task.add_done_callback(lambda done: self._forget(request.id, done))

    def on_message(self, name: str, body: JsonObject, raw: JsonObject, /) -> None:
        """Follow a notification, after the requests that came before it have begun."""
        del raw
        match name:
            case "session/cancel":
                self._spawn(self._cancel(body))
            case jsonrpc.CANCEL_REQUEST:
                self._spawn(self._give_up(body.get("requestId")))
            case _:
                log.debug("A client sent the notification %s, which nothing here follows.", name)

    def on_issue(self, issue: ProtocolIssue, /) -> None:
        """Tell the client what it sent that is no message; one that has an id gets its answer by it."""
        if issue.kind in ("unknown_response", "duplicate_request", "callback_failed"):
            log.debug("A client: %s", issue.detail)
            return
        self._spawn(self._complain(issue.detail, INVALID_REQUEST, issue.unanswered))

    def on_log_line(self, line: str, /) -> None:
        """Tell the client of a line that is no JSON."""
        if line.strip():
            self._spawn(self._complain("This line is no JSON.", PARSE_ERROR, None))

    async def settle(self, seconds: float) -> None:
        """Stop what goes on, because nothing more comes, and let short requests end."""
        if self._sessions is not None:
            self._spawn(self._sessions.cancel_all())
        if tasks := [*self._tasks.values(), *self._others]:
            await asyncio.wait(tasks, timeout=seconds)

    async def aclose(self) -> None:
        """End the connection: what the client began is stopped; never raises."""
        self._closed = True
        if self._sessions is not None:
            self._sessions.leave()
        tasks = [*self._tasks.values(), *self._others]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._sessions is not None:  # Only now: a prompt on its way would have its chat go on.
            await self._sessions.abandon()

    # Serving

    async def _serve(self, request: ServerRequest) -> None:
        after: Callable[[], None] | None = None
        try:
            result = await self._result(request.method, request.params)
            if isinstance(result, Reply):
                after, result = result.after, result.result
            if self._closed:
                return
            await self.peer.respond(request.id, result)
        except asyncio.CancelledError:
            if self._closed:
                raise
            await self._refuse(request.id, RefusalError(CANCELLED, "The request was cancelled."))
        except Exception as error:
            if not isinstance(error, RefusalError | AgentError):
                log.exception("%s failed", request.method)
            await self._refuse(request.id, refusal_of(error))
        finally:
            if after is not None:
                after()

    async def _result(self, method: str, params: Params) -> object:
        if method == "initialize":
            return await self._initialize(params)
        version = self.dialect.version
        if method == LOGIN[version]:
            raise RefusalError(INVALID_PARAMS, self._login_advice())
        serve = None if method in NOT_IN[version] else METHODS.get(method)
        if serve is None or (serve is log_out and not self._offers_login):
            raise RefusalError(METHOD_NOT_FOUND, f"There is no method {method!r} here.")
        return await serve(await self._ready(), params)

    async def _initialize(self, params: Params) -> dict[str, Any]:
        version = params.get("protocolVersion")
        if type(version) is not int or version < 0:
            raise RefusalError(INVALID_PARAMS, "protocolVersion is a number.")
        given = as_record(params.get("clientCapabilities" if version < 2 else "capabilities")) or {}
        dialect = self._dialect = dialect_for(version, given)
        login: tuple[str, ...] = ()
        if dialect.terminal_logins and self._find_login is not None:
            login = await asyncio.to_thread(self._find_login)
        self._offers_login = bool(login)
        return greeting_of(dialect, self._backend, login)

    def _login_advice(self) -> str:
        which = f" --backend {self._backend}" if self._backend else ""
        return f"Log in in a terminal: `agent-sdk doctor{which}` says how."

    async def _ready(self) -> Sessions:
        async with self._opening:
            if self._sessions is None:
                # Here, not above: who only asks what there is waits for none of it.
                from agent_chat.acp.methods import Sessions

                self._sessions = Sessions(await self._open_service(), self, self._backend)
            return self._sessions

    async def _cancel(self, params: Params) -> None:
        session = self._sessions.opened(params) if self._sessions is not None else None
        if session is not None:
            await session.cancel()

    async def _give_up(self, request_id: object) -> None:
        if type(request_id) not in (int, str):  # Not `isinstance`, for True would be the request 1.
            return
        known = cast("RequestId", request_id)
        task = self._tasks.get(known)
        if task is not None and self.peer.awaits(known):  # Not one whose answer is on its way.
            task.cancel()

    async def _refuse(self, request_id: RequestId, refusal: RefusalError) -> None:
        with suppress(AgentError):
            await self.peer.refuse(request_id, refusal.message, code=refusal.code, data=refusal.data)

    async def _complain(self, message: str, code: int, request_id: RequestId | None) -> None:
        with suppress(AgentError):
            await self.peer.complain(message, code=code, request_id=request_id)

    def _spawn(self, work: Any) -> None:
        if self._closed:
            work.close()
            return
        task = asyncio.create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    def _forget(self, request_id: RequestId, done: asyncio.Task[None]) -> None:
        if self._tasks.get(request_id) is done:
            del self._tasks[request_id]
