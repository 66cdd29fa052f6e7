"""Correlation: what the code that runs belongs to (backend, session, turn, request), for log lines and error reports.

The runtime sets it where its tasks and the application's callbacks begin, in context variables: so it is right in each
task, and in what a callback starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Context, ContextVar, copy_context
from types import MappingProxyType
from typing import Final

from agent_sdk_core.arguments import checked

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_around: ContextVar[Mapping[str, str]] = ContextVar("agent_sdk_correlation", default=_NOTHING)


@checked
def correlation(context: Context | None = None) -> Mapping[str, str]:
    """Return what the code that runs belongs to, as far as it is known.

    Keys are "backend", "session" (the agent's id of it), "turn" (the uuid of its prompt) and "request" (the id of what
    the agent asked).

    Args:
        context: Whose code; absent: that which runs here.
    """
    return _around.get() if context is None else context.get(_around, _NOTHING)


def within(context: Context | None = None, /, **ids: str | None) -> Context:
    """Return a copy of a context, in which what runs belongs to these as well; one that is None changes nothing.

    Args:
        context: The context; absent: the one of the caller.
        ids: See `correlation`.
    """
    copied = copy_context() if context is None else context.copy()
    known = {name: value for name, value in ids.items() if value is not None}
    copied.run(lambda: _around.set(MappingProxyType({**_around.get(), **known})))
    return copied
