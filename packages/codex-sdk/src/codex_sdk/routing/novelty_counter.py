"""What Codex sends that this package does not know: it passes through, is counted, and is told once a kind.

A newer codex brings fields and values by the dozen, of which all that is new is told together, as a turn ends. Bounded:
names are cut, and beyond so many kinds the others are counted together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final

from agent_sdk_core.wire.reading import Json, record_at, text_at
from codex_sdk.normalizer.item_events import ITEMS
from codex_sdk.normalizer.items.tool_shapes import TOOL_ITEMS
from codex_sdk.protocol.methods import SERVER_NOTIFICATIONS, SERVER_REQUESTS

if TYPE_CHECKING:
    from codex_sdk.drift.novelty import Known, Novelty
    from codex_sdk.drift.shipped import ShippedExpectations


OTHERS: Final = "others"
"""Stands for the kinds beyond the limit."""

_OFF_SCHEMA: Final = frozenset({"rawResponseItem/completed", "rawResponse/completed"})
"""Notifications that codex sends, and that its own description leaves out (0.163)."""

_ITEMS: Final = TOOL_ITEMS | frozenset(ITEMS)
_ITEM_SHAPE: Final = 'ThreadItem "'
_KINDS: Final = 1_000
_NAME: Final = 200
_LISTED: Final = 20
"""Names that one sentence lists; the counters have all."""


class Unknowns:
    """Counts what is not known, by kind; never raises, whatever it is shown.

    Args:
        tell: Told of each kind once, in a sentence; of fields and values in one for all that are new.

    Attributes:
        methods: Notifications and requests, by method.
        items: Items that started, by type.
        fields: Fields, by `Shape.field` or `Shape.variant.field`.
        values: Enum values, by `Shape "value"`.
        plain: By notification that was seen, the fields it may have if there is nothing else to look at.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.methods: Counter[str] = Counter()
        self.items: Counter[str] = Counter()
        self.fields: Counter[str] = Counter()
        self.values: Counter[str] = Counter()
        self.plain: dict[str, frozenset[str]] = {}
        self._looks: dict[str, Known | None] = {}
        self._tell = tell
        self._new: list[str] = []

    def notification(self, method: str, params: Json) -> None:
        """Look at a notification; needless for one in `plain` that has none but those fields."""
        if method in _OFF_SCHEMA:
            return
        if method not in SERVER_NOTIFICATIONS:
            self._note(self.methods, method, "a notification")
            return
        if method not in self._looks:
            known = self._looks[method] = self._expectations.params("server_notifications", method)
            if known is not None and known.fields is not None and not known.inner:
                self.plain[method] = known.fields
        self._look(self._looks[method], params)
        if method == "turn/completed":
            self.tell_gathered()
        elif method == "item/started":
            kind = text_at(record_at(params, "item"), "type")
            if kind and kind not in _ITEMS:
                self._note(self.items, kind, "an item")

    def request(self, method: str, params: Json) -> None:
        """Look at a request of Codex's."""
        if method in SERVER_REQUESTS:
            self._look(self._expectations.params("server_requests", method), params)
        else:
            self._note(self.methods, method, "a request")

    def response(self, method: str, result: object) -> None:
        """Look at the answer to a request of ours."""
        self._look(self._expectations.response(method), result)

    @cached_property
    def _expectations(self) -> ShippedExpectations:
        # Loaded here, once something has come: the description of the protocol is large.
        from codex_sdk.drift.shipped import ShippedExpectations

        return ShippedExpectations()

    def _look(self, known: Known | None, value: object) -> None:
        if known is not None:
            known.look(value, self._found)

    def _found(self, novelty: Novelty, name: str) -> None:
        if novelty == "field":
            self._note(self.fields, name)
        elif not name.startswith(_ITEM_SHAPE):  # These are counted as items.
            self._note(self.values, name)

    def tell_gathered(self) -> None:
        """Tell of the fields and values that are new since the last time, if there are any."""
        new, self._new = self._new, []
        if new:
            more = f" and {len(new) - _LISTED} more" if len(new) > _LISTED else ""
            self._tell(f"codex sent fields or values that this SDK does not know: {', '.join(new[:_LISTED])}{more}.")

    def _note(self, counter: Counter[str], name: str, what: str | None = None) -> None:
        """Count a name; its first time is told, at once if it is said what it is."""
        name = name if len(name) <= _NAME else f"{name[:_NAME]}…"
        if name not in counter and len(counter) >= _KINDS:
            name = OTHERS
        counter[name] += 1
        if counter[name] > 1:
            return
        if what is None:
            self._new.append(name)
        else:
            self._tell(f"codex sent {what} that this SDK does not know: {name}.")
