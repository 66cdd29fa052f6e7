"""Plain functions as callbacks: each call runs in a thread of its own, so that the event loop goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, cast

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
from agent_sdk_core.hooks import table as async_hooks
from agent_sdk_core.hooks.table import HOOK_SECONDS
from agent_sdk_core.option_values import is_async
from agent_sdk_core.options import require_async
from agent_sdk_core.tools.threads import in_thread
from agent_sdk_core.tools.tool import tool

__all__ = ["Hook", "Hooks", "SessionOptions", "off_the_loop", "tool"]

PlainCanUseTool = Callable[[PermissionRequest], Permission]
PlainOnQuestion = Callable[[QuestionRequest], Answers]
PlainOnElicitation = Callable[[ElicitationRequest], ElicitationAnswer]


def off_the_loop(callback: Any) -> Any:
    """Return a callback as an async one; what is no function is for others to refuse."""
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
    on_question: Annotated[SkipValidation[OnQuestion | PlainOnQuestion | Defer | None], _PLAIN, _ASYNC] = None  # pyright: ignore[reportIncompatibleVariableOverride]  # frozen, and made async
    on_elicitation: Annotated[SkipValidation[OnElicitation | PlainOnElicitation | Defer | None], _PLAIN, _ASYNC] = None  # pyright: ignore[reportIncompatibleVariableOverride]  # frozen, and made async


class Hook(async_hooks.Hook[Any, Any]):
    """A function that is called for an event; a plain one runs in a thread. See `agent_sdk_core.Hook`.

    Args:
        run: The function.
        matcher: Regular expression for the whole of the tool's name, or of what else the event is about.
        timeout: Seconds that it may take; a plain function is left behind after that.
    """

    def __init__(self, run: Callable[[Any], object], matcher: str | None = None, timeout: float = HOOK_SECONDS) -> None:
        super().__init__(off_the_loop(run), matcher, timeout)


class Hooks(async_hooks.Hooks):
    """The hooks of a session, which may be plain functions; the fields are those of `agent_sdk_core.Hooks`."""

    def __init__(self, **hooks: Any) -> None:
        super().__init__(**{name: _off_the_loop(given) for name, given in hooks.items()})


def _off_the_loop(given: Any) -> Any:
    if isinstance(given, list | tuple):
        return [off_the_loop(each) for each in cast("list[Any]", given)]
    return off_the_loop(given)
