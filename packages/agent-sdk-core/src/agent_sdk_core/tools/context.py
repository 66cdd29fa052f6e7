"""Context of a call of one of the application's tools: whose it is, and what the tool may tell while it runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final, Union, get_args, get_origin

from agent_sdk_core.arguments import checked_class

Report = Callable[[str], None]
Decide = Callable[[str, Mapping[str, object]], Awaitable[str | None]]


@checked_class(methods=True)
class ToolContext:
    """What a tool may know of its call: a parameter of this type is given it, and no model sees that parameter.

    A test of a tool makes one itself, and reads what was told in `told`.

    Args:
        session_id: The session in which the model called the tool; "" outside of one.
        tool_use_id: The tool use, as messages name it; None where the agent does not say.
        tool_name: The name under which messages show the tool.
        cwd: The folder that the session works in.
        report: Takes what the tool tells; absent: it is kept in `told`.
        decide: Decides what `refusal` asks; absent: nothing is allowed.

    Attributes:
        session_id: As given.
        tool_use_id: As given.
        tool_name: As given.
        cwd: As given.
        told: What the tool told so far, where nobody takes it.
    """

    def __init__(
        self,
        session_id: str = "",
        *,
        tool_use_id: str | None = None,
        tool_name: str = "",
        cwd: str | None = None,
        report: Report | None = None,
        decide: Decide | None = None,
    ) -> None:
        self.session_id = session_id
        self.tool_use_id = tool_use_id
        self.tool_name = tool_name
        self.cwd = cwd
        self.told: list[str] = []
        self._report = report
        self._decide = decide
        self._cancelled = False
        self._over = False

    @property
    def cancelled(self) -> bool:
        """Whether the result is wanted no more, for the turn was interrupted or time is up.

        An async function is cancelled by itself; a plain one goes on in its thread, and may look here.
        """
        return self._cancelled

    def progress(self, text: str) -> None:
        """Tell what the tool does, or a piece of its output: a `ToolProgress` message of the session; from any thread.

        Args:
            text: A piece of text, which follows the ones before; a line has its end.
        """
        if self._over:
            return
        if self._report is None:
            self.told.append(text)
        else:
            self._report(text)

    async def refusal(self, tool_name: str, tool_input: Mapping[str, object]) -> str | None:
        """Have it decided whether the tool may do something: by policy, permission mode, and else by whoever is asked.

        Args:
            tool_name: The tool that does the same, in Claude's vocabulary, such as "Bash".
            tool_input: Its arguments, such as `{"command": "git push"}`.

        Returns:
            None if it may, else why not, for the model.
        """
        return _NOBODY if self._decide is None or self._over else await self._decide(tool_name, tool_input)

    def end(self, *, cancelled: bool = False) -> None:
        """Note that the call is over, so that nothing is told any more; called by the session.

        Args:
            cancelled: Whether the tool may still run.
        """
        self._over, self._cancelled = True, cancelled


_NOBODY: Final = "Nobody allowed it."

CURRENT: Final[ContextVar[ToolContext | None]] = ContextVar("agent_sdk_tool_call", default=None)
"""The call that a tool's code runs for."""


def current_context() -> ToolContext:
    """Return the context of the call that runs, an empty one outside of any."""
    return CURRENT.get() or ToolContext()


def asks_for_context(hint: Any) -> bool:
    """Tell whether a type is that of a context, or that or None."""
    if get_origin(hint) in (Union, type(int | None)):
        return ToolContext in get_args(hint)
    return hint is ToolContext
