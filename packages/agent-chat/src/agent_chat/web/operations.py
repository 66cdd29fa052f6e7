"""Operations of the API as a table: each with its path, what it takes and gives, and who carries it out.

The routes of the server and the OpenAPI document are both made of the table, so that neither can say what the other
does not do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent_chat import __version__
from agent_chat.storage.errors import ChatBusyError, ChatNotFoundError, StoreError
from agent_sdk_core.errors import (
    AgentError,
    AuthenticationError,
    InvalidRequestError,
    SessionBusyError,
    SessionClosedError,
    SessionNotFoundError,
    UnsupportedError,
)
from agent_sdk_core.wire.json_lines import json_object, json_text
from agent_sdk_core.wire.reading import as_record

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Schema = Mapping[str, Any]

MAX_BODY: Final = 24 * 2**20
"""Bytes of a request's body: a prompt with its images."""

_STATUS: Final[Sequence[tuple[type[AgentError], int]]] = (
    (ChatNotFoundError, 404),
    (SessionNotFoundError, 404),
    (ChatBusyError, 409),
    (SessionBusyError, 409),
    (SessionClosedError, 409),
    (InvalidRequestError, 400),
    (UnsupportedError, 422),
    (StoreError, 503),
    (AuthenticationError, 502),
)
_CONFLICTS: Final = frozenset({"already_answered", "not_waiting", "undo_conflict", "cannot_undo", "stopped"})


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation.

    Attributes:
        path: The parts of the path that are named.
        query: What the query says, read as the operation declares it.
        body: The body, which fits the operation's schema.
        client: What the front end calls itself.
    """

    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    client: str


Work = Callable[[Call], Awaitable[object]]


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        method: HTTP method.
        path: Its path below `/api`, with names in braces.
        summary: What it does.
        work: Carries it out; returns JSON-compatible data, a `Response`, or None for nothing.
        query: Schema of each parameter of the query.
        body: Schema of its body; None: it has none.
        status: Status of success.
        gives: Schema of its answer.
        media_types: Types that its answer may have, where it is no JSON.
    """

    method: Method
    path: str
    summary: str
    work: Work
    query: Mapping[str, Schema] = field(default_factory=dict[str, Schema])
    body: Schema | None = None
    status: int = 200
    gives: Schema | None = None
    media_types: Sequence[str] = ("application/json",)

    @property
    def name(self) -> str:
        """Its name in the OpenAPI document."""
        return self.work.__name__.strip("_")

    def route(self) -> Route:
        """Return it as a route of the server."""
        return Route(f"/api{self.path}", self._answer, methods=[self.method], name=self.name)

    @cached_property
    def _validator(self) -> Validator | None:
        if self.body is None:
            return None
        from jsonschema import Draft202012Validator

        return Draft202012Validator(self.body)

    async def _answer(self, request: Request) -> Response:
        try:
            body = await self._body(request)
            client = request.headers.get("x-client", "web")[:40]
            done = await self.work(Call(request.path_params, self._query(request), body, client))
        except AgentError as error:
            return error_response(error)
        if isinstance(done, Response):
            return done
        if done is None:
            return Response(status_code=204)
        return Response(json_text(done), self.status, media_type="application/json")

    async def _body(self, request: Request) -> Mapping[str, Any]:
        """Return the body, read no further than it may go."""
        if self._validator is None:
            return {}
        kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
        if kind != "application/json":
            raise InvalidRequestError("Send the body as application/json.", code="unsupported_media_type")
        taken = bytearray()
        async for chunk in request.stream():
            taken += chunk
            if len(taken) > MAX_BODY:
                raise InvalidRequestError(f"The body is larger than {MAX_BODY // 2**20} MB.", code="body_too_large")
        body = json_object(bytes(taken), "The body")
        for problem in self._validator.iter_errors(cast("Any", body)):
            place = ".".join(str(part) for part in problem.absolute_path) or "the body"
            raise InvalidRequestError(f"{place}: {problem.message[:300]}.", code="invalid_body")
        return body

    def _query(self, request: Request) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for name, value in request.query_params.items():
            if name not in self.query:
                known = ", ".join(self.query) or "none"
                raise InvalidRequestError(f"There is no parameter {name!r}; there are: {known}.", code="invalid_query")
            given[name] = _read(name, value, self.query[name])
        return given

    def to_openapi(self) -> dict[str, Any]:
        """Return it as an operation of an OpenAPI document."""
        parts = [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
        text: Schema = {"type": "string"}
        parameters: list[dict[str, Any]] = [
            {"name": name, "in": "path", "required": True, "schema": text} for name in parts
        ]
        parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in self.query.items()]
        success: dict[str, Any] = {"description": "Done."}
        if self.gives is not None:
            success["content"] = {kind: {"schema": self.gives} for kind in self.media_types}
        failure = {"description": "Why not.", "content": {"application/json": {"schema": {"$ref": ERROR_REF}}}}
        told: dict[str, Any] = {"operationId": self.name, "summary": self.summary, "parameters": parameters}
        if self.body is not None:
            told["requestBody"] = {"required": True, "content": {"application/json": {"schema": self.body}}}
        return {**told, "responses": {str(204 if self.gives is None else self.status): success, "default": failure}}


ERROR_REF: Final = "#/components/schemas/Error"
ERROR: Final[Schema] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "retryable": {"type": "boolean"},
                "details": {"type": "object"},
            },
        }
    },
}


def openapi(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the OpenAPI document of a table."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(f"/api{operation.path}", {})[operation.method.lower()] = operation.to_openapi()
    return {
        "openapi": "3.1.0",
        "info": {"title": "agent-sdk chats", "version": __version__, "description": "Chats with coding agents."},
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def error_response(error: AgentError) -> Response:
    """Return an error of ours as the API tells it, without what an agent's own payload holds."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 502)
    if error.code in _CONFLICTS:
        status = 409
    elif error.code == "read_only":
        status = 403
    elif error.code == "body_too_large":
        status = 413
    elif error.code == "unsupported_media_type":
        status = 415
    shown: dict[str, Any] = {"code": error.code, "message": error.message, "retryable": error.retryable}
    details = {key: value for key, value in error.details.items() if isinstance(value, str | int | float | None)}
    if details:
        shown["details"] = details
    return JSONResponse({"error": shown}, status)


def _read(name: str, value: str, schema: Schema) -> object:
    match schema.get("type"):
        case "integer":
            number = int(value) if value.isascii() and value.isdigit() and len(value) < 17 else None
            if number is None or not schema.get("minimum", 0) <= number <= schema.get("maximum", 2**53):
                raise InvalidRequestError(f"{name} is a number, not {value[:40]!r}.", code="invalid_query")
            return number
        case "boolean":
            if value not in ("true", "false"):
                raise InvalidRequestError(f"{name} is true or false, not {value[:40]!r}.", code="invalid_query")
            return value == "true"
        case _:
            if "enum" in schema and value not in schema["enum"]:
                known = ", ".join(schema["enum"])
                raise InvalidRequestError(f"{name} is one of {known}, not {value[:40]!r}.", code="invalid_query")
            return value


def record(value: object) -> Mapping[str, Any]:
    """Return an object of a body, empty where it is none."""
    return as_record(value) or {}
