"""`ScriptedModel`: the model server that a test scripts, and the record of what was asked of it."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

from agent_sdk_testing.model import apis as wire
from agent_sdk_testing.model.anthropic import asides
from agent_sdk_testing.model.anthropic.repeats import Repeats
from agent_sdk_testing.model.google import asides as gemini_asides
from agent_sdk_testing.model.http_server import HttpRequest, HttpResponse, HttpServer
from agent_sdk_testing.model.openai import chat_request
from agent_sdk_testing.model.requests import Conversation, ModelRequest, UnexpectedRequest
from agent_sdk_testing.model.rules import Rule, first_reply
from agent_sdk_testing.model.steps import HttpError, Reply, Step, StepSource, Tokens
from agent_sdk_testing.signals import DEFAULT_TIMEOUT, Signal

_GEMINI: Final = re.compile(r"/v1(?:beta|alpha)?/models/(?P<model>[^/:]+):(?P<method>\w+)")
"""The path of a request to Gemini's API, which names the model and the method."""


class ScriptedModel:
    """A model server on 127.0.0.1 that answers as scripted, for tests that run the real agents offline.

    Use it in ``with`` or ``async with``; it serves from background threads, so that synchronous code, asyncio and trio
    can use it alike. Requests are answered by the first rule that matches, then by the queue of replies, then by the
    fallback. One that nothing answers gets an HTTP error that says so, and is kept in `unexpected`; one that the real
    provider would refuse for its form is refused as there, and takes no reply.

    It speaks OpenAI Responses, OpenAI Chat Completions, Anthropic Messages and Gemini's API; which one is the agent's
    choice, by the path it asks.

    Attributes:
        unknown_models: names of models that do not exist: a request for one is answered with 404, and takes no reply.
    """

    def __init__(self) -> None:
        self.unknown_models: set[str] = set()
        self._lock = threading.Lock()
        self._server: HttpServer | None = None
        self._queue: deque[Reply] = deque()
        self._rules: list[Rule] = []
        self._asides: list[Rule] = []
        self._repeats = Repeats()
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

    def when(
        self, matches: str | Callable[[ModelRequest], bool], *, times: int | None = None, aside: bool = False
    ) -> Rule:
        """Return a rule for the requests that match; give it replies with `Rule.reply`.

        Rules go before the queue, the oldest first. A string matches when it is in the newest message of the user.

        Args:
            matches: the string, or a function that says whether the rule is for a request.
            times: how many requests the rule answers; without it, all that match.
            aside: the rule is for what Claude asks on the side, such as the title of a session or the sum of a web
                page, and for nothing else. Without a rule these get an answer that says nothing.
        """
        rule = Rule((lambda request: matches in request.last_user_text) if isinstance(matches, str) else matches, times)
        with self._lock:
            (self._asides if aside else self._rules).append(rule)
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

    def ask(self, request: ModelRequest) -> tuple[Reply, tuple[Step, ...]]:
        """Answer a request of an agent that lives in this process, without a server; `MemoryBackend` asks so.

        Rules, queue, fallback and record are those of requests that come over HTTP; no form is refused.

        Returns:
            The reply, and its steps; an HTTP error where nothing answers, which is then in `unexpected`.
        """
        self._record(request)
        try:
            return self._decided(request, None, lambda: self._take(request))
        except _UnansweredError as unanswered:
            reply = Reply((self._unscripted(request, str(unanswered)),))
            return reply, reply.resolve(request)

    # Record

    @property
    def requests(self) -> tuple[ModelRequest, ...]:
        """The requests to the model, oldest first."""
        with self._lock:
            return tuple(self._requests)

    @property
    def other_requests(self) -> tuple[ModelRequest, ...]:
        """The requests that are no turns, such as Codex's ``GET /v1/models`` or Claude's check that a model exists."""
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
            return self._refuse(_request(http, path), wire.RESPONSES, http.problem)
        match (http.method, path):
            case ("POST", "/v1/responses"):
                return self._respond_as_model(_request(http, path, wire.RESPONSES), wire.RESPONSES)
            case ("POST", "/v1/chat/completions"):
                request = _request(http, path, wire.CHAT)
                return self._respond_beside(request, wire.CHAT, chat_request.is_aside, chat_request.quiet_reply)
            case ("POST", _) if (asked := _GEMINI.fullmatch(path)) is not None:
                if asked["method"] == "countTokens":
                    return self._respond_quietly(http, path, b'{"totalTokens":%d}' % (len(http.body) // 4))
                request = _request(http, path, _named(wire.GEMINI, asked["model"]))
                return self._respond_beside(request, wire.GEMINI, gemini_asides.is_aside, gemini_asides.quiet_reply)
            case ("POST", "/v1/messages"):
                return self._respond_to_claude(_request(http, path, wire.MESSAGES))
            case ("POST", "/v1/messages/count_tokens"):
                # Claude's own rule of thumb, which it falls back to without an answer: four bytes a token.
                return self._respond_quietly(http, path, b'{"input_tokens":%d}' % (len(http.body) // 4))
            case ("GET", "/v1/models"):
                # No models: the agent keeps to the catalogue that it brings.
                return self._respond_quietly(http, path, b'{"models":[],"object":"list","data":[],"has_more":false}')
            case ("HEAD", "/" | "/api/hello"):
                # Claude opens its connection with it.
                return self._respond_quietly(http, path, b"")
            case _:
                reason = "the scripted model does not serve this path"
                return self._refuse(_request(http, path), wire.RESPONSES, reason, status=404)

    def _respond_quietly(self, http: HttpRequest, path: str, body: bytes) -> HttpResponse:
        request = _request(http, path)
        with self._lock:
            self._others.append(request)
        return HttpResponse(200, wire.JSON_HEADERS, body, finished=request.finish)

    def _respond_to_claude(self, request: ModelRequest) -> HttpResponse:
        try:
            aside, error = asides.is_aside(request), self._repeats.error(request)
        except ValueError:
            aside, error = False, None
        if not aside and error is None:
            return self._respond_as_model(request, wire.MESSAGES)
        with self._lock:
            self._others.append(request)
            rules = tuple(self._asides)
        quiet = asides.quiet_reply(request) if error is None else Reply((error,))
        return self._answer(request, wire.MESSAGES, lambda: first_reply(rules, request) or quiet)

    def _respond_beside(
        self,
        request: ModelRequest,
        api: wire.ModelApi,
        is_aside: Callable[[ModelRequest], bool],
        quiet: Callable[[ModelRequest], Reply],
    ) -> HttpResponse:
        """Answer a turn by the script, and what the agent asks on the side by a rule for that, or quietly."""
        try:
            aside = is_aside(request)
        except ValueError:
            aside = False
        if not aside:
            return self._respond_as_model(request, api)
        with self._lock:
            self._others.append(request)
            rules = tuple(self._asides)
        return self._answer(request, api, lambda: first_reply(rules, request) or quiet(request))

    def _respond_as_model(self, request: ModelRequest, api: wire.ModelApi) -> HttpResponse:
        self._record(request)
        return self._answer(request, api, lambda: self._take(request))

    def _record(self, request: ModelRequest) -> None:
        with self._lock:
            request.number = number = len(self._requests) + 1
            self._requests.append(request)
            reached = [signal for count, signal in self._waiting if count <= number]
            self._waiting = [(count, signal) for count, signal in self._waiting if count > number]
        for signal in reached:
            signal.set()

    def _answer(self, request: ModelRequest, api: wire.ModelApi, take: Callable[[], Reply | None]) -> HttpResponse:
        try:
            reply, steps = self._decided(request, api, take)
            if api is wire.MESSAGES and request.number and steps and isinstance(steps[0], HttpError):
                self._repeats.note(request, steps[0])
            return api.respond(request, reply, steps)
        except _UnansweredError as unanswered:
            return self._refuse(request, api, str(unanswered))
        except ValueError as error:
            return self._refuse(request, api, f"{_about(request)} cannot be answered: {error}")

    def _decided(
        self, request: ModelRequest, api: wire.ModelApi | None, take: Callable[[], Reply | None]
    ) -> tuple[Reply, tuple[Step, ...]]:
        """Return the reply to a request, and its steps.

        Raises:
            _UnansweredError: There is none, or a function of the script failed.
        """
        try:
            if request.model in self.unknown_models:
                reply = Reply((HttpError(404, f"model: {request.model}", "model_not_found"),))
            elif api is not None and (refused := api.refused(request.json)) is not None:
                reply = Reply((refused,))
            else:
                reply = take()
            if reply is not None:
                return reply, reply.resolve(request)
        except ValueError as error:
            raise _UnansweredError(f"{_about(request)} cannot be answered: {error}") from error
        except Exception as error:
            raise _UnansweredError(f"a function of the script raised {error!r} for {_about(request)}") from error
        said = f"the newest user message is {request.last_user_text[:200]!r}"
        raise _UnansweredError(f"no scripted reply is left for {_about(request)} to the model; {said}")

    def _take(self, request: ModelRequest) -> Reply | None:
        with self._lock:
            rules = tuple(self._rules)
        if (reply := first_reply(rules, request)) is not None:
            return reply
        with self._lock:
            return self._queue.popleft() if self._queue else self._fallback

    def _refuse(
        self, request: ModelRequest, api: wire.ModelApi, reason: str, *, status: int | None = None
    ) -> HttpResponse:
        return api.respond_error(request, self._unscripted(request, reason, status or api.refusal))

    def _unscripted(self, request: ModelRequest, reason: str, status: int = 400) -> HttpError:
        with self._lock:
            self._unexpected.append(UnexpectedRequest(request, reason))
        return HttpError(status, f"agent-sdk-testing: {reason}", "unscripted_request")


class _UnansweredError(Exception):
    """Why a request has no answer of the script."""


def _about(request: ModelRequest) -> str:
    return f"request {request.number}" if request.number else "a request on the side"


def _request(http: HttpRequest, path: str, api: wire.ModelApi | None = None) -> ModelRequest:
    return ModelRequest(http.method, path, http.headers, http.body, parse=None if api is None else api.parse)


def _named(api: wire.ModelApi, model: str) -> wire.ModelApi:
    """Return an API whose requests name their model in the path alone."""

    def parse(body: Mapping[str, Any]) -> Conversation:
        return replace(api.parse(body), model=model)

    return replace(api, parse=parse)
