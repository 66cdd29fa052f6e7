"""`ScriptedModel`: the model server that a test scripts, and the record of what was asked of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from agent_sdk_testing import responses, responses_input
from agent_sdk_testing.http_server import HttpRequest, HttpResponse, HttpServer
from agent_sdk_testing.requests import ModelRequest, UnexpectedRequest
from agent_sdk_testing.signals import DEFAULT_TIMEOUT, Signal
from agent_sdk_testing.steps import HttpError, Reply, Step, StepSource, Tokens

_JSON = {"Content-Type": "application/json"}


class Rule:
    """Replies for the requests that match; made by `ScriptedModel.when`."""

    def __init__(self, matches: Callable[[ModelRequest], bool], times: int | None) -> None:
        self._lock = threading.Lock()
        self._matches = matches
        self._left = times
        self._replies: deque[Reply] = deque()

    def reply(
        self,
        *steps: Step | StepSource,
        usage: Tokens | None = None,
        model: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Add a reply; see `ScriptedModel.reply`. Each is given once, in order; the last one is repeated."""
        reply = Reply(steps, usage or Tokens(), model, headers or {})
        with self._lock:
            self._replies.append(reply)
        return self

    def take(self, request: ModelRequest) -> Reply | None:
        """Return the reply for a request, None if the rule does not match it or is used up."""
        # The function is the test's own and may wait for another request, so it is called without the lock.
        if not self._matches(request):
            return None
        with self._lock:
            if self._left == 0 or not self._replies:
                return None
            if self._left is not None:
                self._left -= 1
            return self._replies.popleft() if len(self._replies) > 1 else self._replies[0]


class ScriptedModel:
    """A model server on 127.0.0.1 that answers as scripted, for tests that run the real agents offline.

    Use it in ``with`` or ``async with``; it serves from background threads, so that synchronous code, asyncio and trio
    can use it alike. Requests are answered by the first rule that matches, then by the queue of replies, then by the
    fallback. One that nothing answers gets an HTTP error that says so, and is kept in `unexpected`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: HttpServer | None = None
        self._queue: deque[Reply] = deque()
        self._rules: list[Rule] = []
        self._fallback: Reply | None = None
        self._requests: list[ModelRequest] = []
        self._others: list[ModelRequest] = []
        self._unexpected: list[UnexpectedRequest] = []
        self._waiting: list[tuple[int, Signal]] = []

    # Life

    def start(self) -> Self:
        """Begin to serve; ``with`` does it.

        Raises:
            RuntimeError: it was started before.
        """
        if self._server is not None:
            raise RuntimeError("this ScriptedModel was started before; make a new one")
        self._server = HttpServer(self._respond)
        return self

    def close(self) -> None:
        """Cut every connection and end the server's threads. Closing again does nothing."""
        if self._server is not None:
            self._server.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing takes a few milliseconds and must also happen in a cancelled scope, so it does not await.
        self.close()

    @property
    def url(self) -> str:
        """The address of the server without a path, such as ``http://127.0.0.1:40123``.

        Raises:
            RuntimeError: it is not started.
        """
        if self._server is None:
            raise RuntimeError("this ScriptedModel is not started; use it in `with` or `async with`")
        return f"http://127.0.0.1:{self._server.port}"

    # Script

    def reply(
        self,
        *steps: Step | StepSource,
        usage: Tokens | None = None,
        model: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Queue the answer to one request.

        Args:
            steps: what the model says, or functions that give it once the request is there.
            usage: the token counts to report.
            model: the name that the response claims; by default the one that was asked for.
            headers: response headers to add.

        Raises:
            ValueError: the steps are in an order that cannot be sent.
        """
        reply = Reply(steps, usage or Tokens(), model, headers or {})
        with self._lock:
            self._queue.append(reply)
        return self

    def when(self, matches: str | Callable[[ModelRequest], bool], *, times: int | None = None) -> Rule:
        """Return a rule for the requests that match; give it replies with `Rule.reply`.

        Rules go before the queue, the oldest first. A string matches when it is in the newest message of the user.
        `times` limits how many requests the rule answers.
        """
        rule = Rule((lambda request: matches in request.last_user_text) if isinstance(matches, str) else matches, times)
        with self._lock:
            self._rules.append(rule)
        return rule

    def otherwise(
        self,
        *steps: Step | StepSource,
        usage: Tokens | None = None,
        model: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Set the answer to every request that no rule matches and no queued reply is left for."""
        reply = Reply(steps, usage or Tokens(), model, headers or {})
        with self._lock:
            self._fallback = reply
        return self

    # Record

    @property
    def requests(self) -> tuple[ModelRequest, ...]:
        """The requests to the model, oldest first."""
        with self._lock:
            return tuple(self._requests)

    @property
    def other_requests(self) -> tuple[ModelRequest, ...]:
        """The requests that were not to the model, such as Codex's ``GET /v1/models``."""
        with self._lock:
            return tuple(self._others)

    @property
    def unexpected(self) -> tuple[UnexpectedRequest, ...]:
        """The requests that no script answered."""
        with self._lock:
            return tuple(self._unexpected)

    @property
    def replies_left(self) -> int:
        """How many queued replies were not asked for yet."""
        with self._lock:
            return len(self._queue)

    def check(self) -> None:
        """Do nothing if every request was answered by the script.

        Raises:
            AssertionError: some were not; the message lists them.
        """
        if unexpected := self.unexpected:
            lines = [f"- {entry}" for entry in unexpected]
            raise AssertionError(
                "\n".join(["the scripted model got requests that its script does not answer:", *lines])
            )

    async def wait_for_requests(self, count: int, timeout: float = DEFAULT_TIMEOUT) -> ModelRequest:
        """Wait until `count` requests to the model have come, and return that one.

        Raises:
            TimeoutError: they did not come within `timeout` seconds.
        """
        await self._signal_at(count).wait(timeout)
        return self.requests[count - 1]

    def wait_for_requests_sync(self, count: int, timeout: float = DEFAULT_TIMEOUT) -> ModelRequest:
        """Block until `count` requests to the model have come; see `wait_for_requests`."""
        self._signal_at(count).wait_sync(timeout)
        return self.requests[count - 1]

    def _signal_at(self, count: int) -> Signal:
        signal = Signal()
        with self._lock:
            if len(self._requests) >= count:
                signal.set()
            else:
                self._waiting.append((count, signal))
        return signal

    # Answers; these run in the threads of the connections

    def _respond(self, http: HttpRequest) -> HttpResponse:
        path, _, _ = http.path.partition("?")
        if http.problem:
            return self._refuse(_other(http, path), 400, http.problem)
        match (http.method, path):
            case ("POST", "/v1/responses"):
                return self._respond_as_model(http, path)
            case ("GET", "/v1/models"):
                request = _other(http, path)
                with self._lock:
                    self._others.append(request)
                # No models: the agent keeps to the catalogue that it brings.
                return HttpResponse(200, _JSON, b'{"models":[],"object":"list","data":[]}', finished=request.finish)
            case _:
                return self._refuse(_other(http, path), 404, "the scripted model does not serve this path")

    def _respond_as_model(self, http: HttpRequest, path: str) -> HttpResponse:
        with self._lock:
            number = len(self._requests) + 1
            request = ModelRequest(
                http.method, path, http.headers, http.body, number=number, parse=responses_input.parse
            )
            self._requests.append(request)
            reached = [signal for count, signal in self._waiting if count <= number]
            self._waiting = [(count, signal) for count, signal in self._waiting if count > number]
        for signal in reached:
            signal.set()
        try:
            model, reply = request.model, self._take(request)
            steps = None if reply is None else reply.resolve(request)
        except ValueError as error:
            return self._refuse(request, 400, f"request {number} cannot be answered: {error}")
        except Exception as error:
            return self._refuse(request, 400, f"a function of the script raised {error!r} for request {number}")
        if reply is None or steps is None:
            about = f"the newest user message is {request.last_user_text[:200]!r}"
            return self._refuse(request, 400, f"no scripted reply is left for request {number} to the model; {about}")
        if steps and isinstance(steps[0], HttpError):
            body = responses.error_body(steps[0])
            return HttpResponse(steps[0].status, {**_JSON, **reply.headers}, body, finished=request.finish)
        stream = responses.encode(steps, number=number, model=reply.model or model, usage=reply.usage)
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", **reply.headers}
        return HttpResponse(200, headers, stream=stream, finished=request.finish)

    def _take(self, request: ModelRequest) -> Reply | None:
        with self._lock:
            rules = tuple(self._rules)
        for rule in rules:
            if (reply := rule.take(request)) is not None:
                return reply
        with self._lock:
            return self._queue.popleft() if self._queue else self._fallback

    def _refuse(self, request: ModelRequest, status: int, reason: str) -> HttpResponse:
        with self._lock:
            self._unexpected.append(UnexpectedRequest(request, reason))
        # 4xx, which agents do not retry: the turn fails at once and shows the reason.
        body = responses.error_body(HttpError(status, f"agent-sdk-testing: {reason}", "unscripted_request"))
        return HttpResponse(status, _JSON, body, finished=request.finish)


def _other(http: HttpRequest, path: str) -> ModelRequest:
    return ModelRequest(http.method, path, http.headers, http.body)
