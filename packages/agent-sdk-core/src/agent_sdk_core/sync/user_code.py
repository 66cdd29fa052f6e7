"""Plain functions as callbacks and tools: each call runs in a thread of its own, so that the event loop goes on."""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import partial
from typing import Annotated, Any, Final, Generic, TypeVar, cast, overload

import anyio
from anyio.lowlevel import current_token
from pydantic import AfterValidator, SkipValidation

from agent_sdk_core import options as async_face
from agent_sdk_core.asking.permissions import CanUseTool, Defer, Permission, PermissionRequest
from agent_sdk_core.asking.questions import (
    Answers,
    ElicitationAnswer,
    ElicitationRequest,
    OnElicitation,
    OnQuestion,
    QuestionRequest,
)
from agent_sdk_core.options import is_async, require_async
from agent_sdk_core.runtime.host import on_trio
from agent_sdk_core.tools.functions import ToolFunction
from agent_sdk_core.tools.tool import Tool

T = TypeVar("T")
ToolCode = Callable[..., object]
PlainCanUseTool = Callable[[PermissionRequest], Permission]
PlainOnQuestion = Callable[[QuestionRequest], Answers]
PlainOnElicitation = Callable[[ElicitationRequest], ElicitationAnswer]


class _Call(Generic[T]):
    """One call of a plain function, in a thread that nobody waits for once the call is given up."""

    def __init__(self, run: Callable[[], T]) -> None:
        self._run = run
        self._context = copy_context()
        loop: Any = current_token().native_token
        self._soon = loop.run_sync_soon if on_trio() else loop.call_soon_threadsafe
        self._ended = anyio.Event()
        self._result: list[T] = []
        self._error: BaseException | None = None

    async def result(self) -> T:
        threading.Thread(target=self._work, name="agent-sdk callback", daemon=True).start()
        await self._ended.wait()
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _work(self) -> None:
        try:
            self._result.append(self._context.run(self._run))
        except BaseException as error:  # To be told to whoever waits, whatever it is.
            self._error = error
        with contextlib.suppress(RuntimeError):  # The loop has ended, and nobody waits.
            self._soon(self._ended.set)


def in_thread(function: Callable[..., object]) -> Callable[..., Awaitable[object]]:
    """Return a plain function as an async one that runs it in a thread; when cancelled, it leaves the thread behind."""
    if isinstance(function, partial):
        bound = cast("partial[object]", function)
        return partial(in_thread(bound.func), *bound.args, **bound.keywords)

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> object:
        return await _Call(lambda: function(*args, **kwargs)).result()

    if not hasattr(function, "__name__"):  # An object that can be called.
        call.__name__, call.__doc__ = type(function).__name__, inspect.getdoc(type(function))
    return call


def off_the_loop(callback: Any) -> Any:
    """Return a callback or a tool's function as an async one; what is no function is for others to refuse."""
    plain = callable(callback) and not isinstance(callback, type) and not is_async(callback)
    return in_thread(callback) if plain else callback


_PLAIN: Final = AfterValidator(off_the_loop)
_ASYNC: Final = AfterValidator(require_async)


class SessionOptions(async_face.SessionOptions):
    """Options of one session whose callbacks may be plain functions; it is one of the async face as well.

    Attributes:
        can_use_tool: Callback that answers permission requests; absent: all are denied.
        on_question: Callback that answers the agent's questions; absent: all are declined.
        on_elicitation: Callback that answers MCP servers; absent: all are declined.
    """

    can_use_tool: Annotated[SkipValidation[CanUseTool | PlainCanUseTool | Defer | None], _PLAIN, _ASYNC] = None  # pyright: ignore[reportIncompatibleVariableOverride]  # frozen, and made async
    on_question: Annotated[SkipValidation[OnQuestion | PlainOnQuestion | Defer | None], _PLAIN, _ASYNC] = None  # pyright: ignore[reportIncompatibleVariableOverride]
    on_elicitation: Annotated[SkipValidation[OnElicitation | PlainOnElicitation | Defer | None], _PLAIN, _ASYNC] = None  # pyright: ignore[reportIncompatibleVariableOverride]


@overload
def tool(function: ToolCode, /, *, name: str | None = None, description: str | None = None) -> Tool: ...
@overload
def tool(*, name: str | None = None, description: str | None = None) -> Callable[[ToolCode], Tool]: ...
def tool(
    function: ToolCode | None = None, /, *, name: str | None = None, description: str | None = None
) -> Tool | Callable[[ToolCode], Tool]:
    """Make a tool of a plain function: its parameters become the schema, its docstring the description.

    Each call runs in a thread of its own. An async function is taken as `agent_sdk_core.tool` takes it.

    Args:
        function: The function, when used as a plain decorator.
        name: Name of the tool; absent: the function's.
        description: What it does; absent: the function's docstring.

    Raises:
        InvalidRequestError: The function has no description, or a parameter that no model can give.
    """
    frame = inspect.currentframe()
    names = frame.f_back.f_locals if frame is not None and frame.f_back is not None else {}

    def decorate(wrapped: ToolCode) -> Tool:
        found = ToolFunction.of(off_the_loop(wrapped), description=description, names=names)
        return Tool(name or found.name, found.description, found.schema, found.call)

    return decorate if function is None else decorate(function)
