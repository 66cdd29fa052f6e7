"""The page: files of a bundle that was built before, served as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from agent_chat.web.bundle import BUNDLE

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


class Page:
    """Serves the files of a bundle, and nothing else.

    Args:
        folder: The bundle.
    """

    def __init__(self, folder: Path = BUNDLE) -> None:
        self._files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}

    async def index(self, request: Request) -> Response:
        """Return the page itself."""
        del request
        if (path := self._files.get("index.html")) is None:
            return PlainTextResponse("The page is not built: `uv run nox -s web` builds it. The API is here.", 503)
        return FileResponse(path, media_type=_TYPES[".html"], headers={"cache-control": "no-cache"})

    async def file(self, request: Request) -> Response:
        """Return a file of the page; one with a hash in its name never changes."""
        name = request.path_params["path"]
        path = self._files.get(name)
        if path is None or path.suffix not in _TYPES:
            return PlainTextResponse("There is no such file.", 404)
        kept = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
        return FileResponse(path, media_type=_TYPES[path.suffix], headers={"cache-control": kept})
