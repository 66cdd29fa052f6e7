"""A thread's background terminals: commands that outlive the turn that started them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.interfaces.session import BackgroundTask
from agent_sdk_core.wire.reading import Json, integer_at, optional_text_at, text_at
from codex_sdk.normalizer.items.commands import script
from codex_sdk.threads.calls import every_entry

Call = Callable[[str, Json], Awaitable[object]]
"""Sends a request to the app-server and returns its result."""


async def list_terminals(call: Call, thread_id: str) -> list[Json]:
    """Return every page of `thread/backgroundTerminals/list`."""
    return await every_entry(partial(call, "thread/backgroundTerminals/list"), {"threadId": thread_id})


async def stop_terminal(call: Call, thread_id: str, task_id: str) -> None:
    """Terminate one terminal.

    Raises:
        InvalidRequestError: None of this id runs.
    """
    for terminal in await list_terminals(call, thread_id):
        if text_at(terminal, "itemId") == task_id:
            params = {"threadId": thread_id, "processId": text_at(terminal, "processId")}
            await call("thread/backgroundTerminals/terminate", params)
            return
    raise InvalidRequestError(f"No background task {task_id!r} runs.", backend="codex")


def background_task(terminal: Json) -> BackgroundTask:
    """Return a terminal as a background task; its id is that of the tool use which started it."""
    return BackgroundTask(
        task_id=text_at(terminal, "itemId"),
        command=script(text_at(terminal, "command")),
        cwd=optional_text_at(terminal, "cwd"),
        pid=integer_at(terminal, "osPid"),
    )
