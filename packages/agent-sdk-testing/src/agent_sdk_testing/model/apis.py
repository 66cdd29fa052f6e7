"""The model APIs that a `ScriptedModel` speaks: how each of them reads a request and writes an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from agent_sdk_testing.model.anthropic import (
    refusals as messages_refusals,
)
from agent_sdk_testing.model.anthropic import (
    request as messages_input,
)
from agent_sdk_testing.model.anthropic import (
    stream as messages,
)
from agent_sdk_testing.model.anthropic import (
    whole as messages_whole,
)
from agent_sdk_testing.model.google import (
    request as gemini_input,
)
from agent_sdk_testing.model.google import (
    stream as gemini,
)
from agent_sdk_testing.model.http_server import HttpResponse, StreamPart
from agent_sdk_testing.model.openai import (
    chat_request as chat_input,
)
from agent_sdk_testing.model.openai import (
    chat_stream as chat,
)
from agent_sdk_testing.model.openai import (
    refusals as responses_refusals,
)
from agent_sdk_testing.model.openai import (
    request as responses_input,
)
from agent_sdk_testing.model.openai import (
    stream as responses,
)
from agent_sdk_testing.model.requests import Conversation, ModelRequest
from agent_sdk_testing.model.steps import HttpError, Reply, Step, Tokens

JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}
_STREAM_HEADERS: Mapping[str, str] = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}


class Encode(Protocol):
    """Returns the response that says the steps; raises `ValueError` where the API has no form for one of them."""

    def __call__(self, steps: Sequence[Step], *, number: int, model: str, usage: Tokens) -> Iterator[StreamPart]:
        """Return bytes of whole events, and the pauses between them."""
        ...


Parse: TypeAlias = Callable[[Mapping[str, Any]], Conversation]


@dataclass(frozen=True, slots=True)
class ModelApi:
    """A model API.

    Attributes:
        parse: finds the content of a request.
        encode: makes the event stream of a response.
        encode_whole: makes the body of a response to a request that asks for no stream, None if there are none such.
        error_body: makes the body of an HTTP error.
        refused: says what the provider answers a request that it does not take, None where it takes it.
        refusal: the HTTP status that the agent gives up at, so that a turn fails at once and shows the reason.
    """

    parse: Parse
    encode: Encode
    encode_whole: Encode | None
    error_body: Callable[[HttpError], bytes]
    refused: Callable[[Mapping[str, Any]], HttpError | None]
    refusal: int

    def respond(self, request: ModelRequest, reply: Reply, steps: Sequence[Step]) -> HttpResponse:
        """Return the response to a request.

        Raises:
            ValueError: the API has no form for one of the steps.
        """
        if steps and isinstance(steps[0], HttpError):
            return self.respond_error(request, steps[0], reply.headers)
        encode, headers = self.encode, _STREAM_HEADERS
        if self.encode_whole is not None and not self.streams(request):
            encode, headers = self.encode_whole, JSON_HEADERS
        stream = encode(steps, number=request.number, model=reply.model or request.model, usage=reply.usage)
        return HttpResponse(200, {**headers, **reply.headers}, stream=stream, finished=request.finish)

    def streams(self, request: ModelRequest) -> bool:
        """Return whether a request asks for a stream: it says so, or its path does."""
        return request.json.get("stream") is True or request.path.endswith(":streamGenerateContent")

    def respond_error(
        self, request: ModelRequest, error: HttpError, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        """Return the response that is an HTTP error."""
        body = self.error_body(error)
        return HttpResponse(error.status, {**JSON_HEADERS, **(headers or {})}, body, finished=request.finish)


RESPONSES = ModelApi(
    responses_input.parse, responses.encode, None, responses.error_body, responses_refusals.refused, refusal=400
)
"""OpenAI Responses, which Codex speaks."""

MESSAGES = ModelApi(
    # To a 400 claude answers with other forms of the request; for a status that the API does not have it knows none.
    messages_input.parse,
    messages.encode,
    messages_whole.encode,
    messages.error_body,
    messages_refusals.refused,
    refusal=418,
)
"""Anthropic Messages, which Claude speaks."""


def _takes_all(body: Mapping[str, Any]) -> HttpError | None:
    """Refuse nothing: what many providers speak, each takes in its own way."""
    del body


CHAT = ModelApi(chat_input.parse, chat.encode, chat.encode_whole, responses.error_body, _takes_all, refusal=400)
"""OpenAI Chat Completions, which most agents speak that can be pointed at a server, such as opencode."""

GEMINI = ModelApi(gemini_input.parse, gemini.encode, gemini.encode_whole, gemini.error_body, _takes_all, refusal=400)
"""Gemini's API, which Gemini CLI speaks."""
