"""The ASGI application: API, WebSockets and page behind the access checks. It can be mounted in another."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from agent_chat.acp.sockets import AcpSockets
from agent_chat.chats.service import ChatService
from agent_chat.web.access import Access, Guard, refusal
from agent_chat.web.api import Api, not_found
from agent_chat.web.bundle import BUNDLE
from agent_chat.web.hold import Hold
from agent_chat.web.page import Page
from agent_chat.web.sockets import Sockets


def create_app(
    service: ChatService,
    access: Access,
    *,
    page: Path = BUNDLE,
    demo: str | None = None,
    hold: Hold | None = None,
) -> ASGIApp:
    """Return the application.

    It neither opens nor closes the service: whoever serves it does, in the same event loop.

    Args:
        service: The chats.
        access: Who may ask.
        page: The folder of the page's files.
        demo: The first prompt that the page proposes, where a demo is served.
        hold: The hold on the server, where it lives for as long as a program holds it.
    """
    sockets, shown = Sockets(service, hold), Page(page)

    async def unknown(request: Request) -> Response:
        del request
        return not_found()

    async def failed(request: Request, error: Exception) -> Response:
        del request, error  # It is logged, and may hold what a client must not see.
        return refusal(500, "internal", "The server has a fault; its log says more.")

    routes = [operation.route() for operation in Api(service, demo=demo).operations]
    every = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    app = Starlette(
        routes=[
            *routes,
            WebSocketRoute("/api/events", sockets.events),
            WebSocketRoute("/api/chats/{chat_id}/events", sockets.chat),
            WebSocketRoute("/api/hold", sockets.hold),
            WebSocketRoute("/acp", AcpSockets(service).serve),
            Route("/api/{path:path}", unknown, methods=every),
            Route("/", shown.index),
            Route("/{path:path}", shown.file),
        ],
        middleware=[Middleware(GZipMiddleware, minimum_size=2_000)],
        exception_handlers={Exception: failed},
    )
    return Guard(app, access)
