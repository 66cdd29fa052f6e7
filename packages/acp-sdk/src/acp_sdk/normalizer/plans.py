"""`Plans`: an agent's plan, which is the call of a tool that lists what is to be done, and its result."""

from __future__ import annotations

from typing import Final

from acp_sdk.normalizer.frames import Frames
from acp_sdk.protocol.updates import PlanItems

_DONE: Final = {"cancelled": "completed"}
"""States of an entry that messages have no word for."""


class Plans:
    """The plans of a session.

    Args:
        frames: Where its messages are made.
    """

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._count = 0

    def tell(self, plan: PlanItems, owner: str, model: str | None) -> None:
        """Add the messages of a plan.

        Args:
            plan: The plan, whole.
            owner: The turn in which it was made; the session, outside of one.
            model: The model that made it.
        """
        self._count += 1
        call_id = f"plan_{owner}_{self._count}"
        todos = [
            {
                "content": entry.content,
                "status": _DONE.get(entry.status, entry.status),
                "activeForm": entry.content,
            }
            for entry in plan.entries
        ]
        block = {"type": "tool_use", "id": call_id, "name": "TodoWrite", "input": {"todos": todos}}
        self._frames.assistant(f"call_{call_id}", model, block)
        self._frames.tool_result(call_id, "The plan was updated.", is_error=False, outcome=None)
