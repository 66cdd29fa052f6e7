"""Watching of files: tells when one of them was made, changed, replaced or removed, by whoever it was."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)


async def changes_of(paths: Iterable[Path]) -> AsyncIterator[None]:
    """Yield once the watch has begun, and whenever one of the files may have changed since. Cancel it to stop.

    It ends where the system cannot watch.

    Folders are watched and not the files, which editors replace. Of a folder that is not there yet, the nearest one
    above it is watched, until it is made.
    """
    from watchfiles import awatch  # A native library, which only long-lived programs need.

    files = tuple(paths)
    while True:
        folders, names = await asyncio.to_thread(_watched, files)
        if not folders:
            return
        try:
            watch = awatch(*folders, watch_filter=_Named(names), recursive=False)
            async with aclosing(watch) as changes, _begun(changes) as first:
                yield
                await first
                while True:
                    yield
                    if await asyncio.to_thread(_watched, files) != (folders, names):
                        break  # A folder came or went, or a link leads elsewhere.
                    await anext(changes)
        except StopAsyncIteration:  # The process is being interrupted.
            return
        except (OSError, RuntimeError) as error:
            _log.warning("the configuration is not watched any more: %s", error)
            return


@asynccontextmanager
async def _begun(changes: AsyncIterator[Any]) -> AsyncGenerator[asyncio.Future[Any]]:
    """Begin a watch, so that what changes from now on is seen, and yield its first news."""
    first = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0)  # It begins before it waits.
    try:
        yield first
    finally:
        first.cancel()
        await asyncio.wait([first])


class _Named:
    """Lets through what happens to these paths."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def __call__(self, change: object, path: str) -> bool:
        return path in self._names


def _watched(files: tuple[Path, ...]) -> tuple[tuple[Path, ...], frozenset[str]]:
    """Return the folders to watch, and the paths in them that matter."""
    folders: dict[Path, None] = {}
    names: set[str] = set()
    for file in files:
        for path in {file, Path(os.path.realpath(file))}:
            if path.exists() and not path.is_file():
                continue  # /dev/null
            at = path
            while not at.parent.is_dir() and at != at.parent:
                at = at.parent
            folders[at.parent] = None
            names |= {str(at), os.path.realpath(at)}
    return tuple(sorted(folders)), frozenset(names)
