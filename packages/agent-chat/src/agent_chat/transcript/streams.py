"""Text that arrives in deltas: which part of it can be shown for good, and which is still growing."""

from __future__ import annotations

import re
from typing import Final, Literal

Unit = Literal["message", "paragraph", "line"]
"""What is shown at once: whole messages or Markdown paragraphs where the rest can be shown live, else whole lines."""

_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_LIVE_LIMIT: Final = 4000
"""Characters of unfinished text that are worth drawing again and again; a screen holds fewer."""


class TextStream:
    """One block of text or reasoning while it is written.

    Attributes:
        message_id: The message it belongs to.
        thinking: Whether it is reasoning.
        nested: Whether a sub-agent writes it.
        rest: What has arrived and was not taken.
    """

    def __init__(self, message_id: str | None, unit: Unit, *, thinking: bool, nested: bool) -> None:
        self.message_id = message_id
        self.thinking = thinking
        self.nested = nested
        self.rest = ""
        self._unit = unit
        self._taken: list[str] = []
        self._scanned = 0
        self._complete = 0
        self._fence = ""

    def feed(self, delta: str) -> None:
        """Add what arrived."""
        self.rest += delta
        if self._unit == "message":
            return
        while (end := self.rest.find("\n", self._scanned)) >= 0:
            line = self.rest[self._scanned : end]
            self._scanned = end + 1
            self._follow_fence(line)
            # A blank line ends a paragraph, except inside a fenced code block; as a line it waits for the next one.
            if bool(line.strip()) if self._unit == "line" else not (self._fence or line.strip()):
                self._complete = self._scanned

    def _follow_fence(self, line: str) -> None:
        if (match := _FENCE.match(line)) is None:
            return
        if not self._fence:
            self._fence = match.group(1)
        elif match.group(1).startswith(self._fence):
            self._fence = ""

    def take(self) -> str:
        """Return what is complete, and count it as shown; "" when nothing is."""
        taken, self.rest = self.rest[: self._complete], self.rest[self._complete :]
        self._scanned -= self._complete
        self._complete = 0
        if taken:
            self._taken.append(taken)
        return taken

    def finish(self, full: str) -> str:
        """Return what the full text adds to what was shown: all of it where it contradicts that."""
        shown = "".join(self._taken)
        return full.removeprefix(shown)

    @property
    def tail(self) -> str:
        """The end of `rest`, as much as a screen can show, as Markdown that stands alone."""
        if len(self.rest) <= _LIVE_LIMIT:
            return self.rest
        tail = self.rest[-_LIVE_LIMIT:].partition("\n")[2]
        return f"{self._fence}\n{tail}" if self._fence else tail
