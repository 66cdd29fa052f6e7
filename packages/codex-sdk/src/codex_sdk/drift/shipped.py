"""The protocol that this package was made for, generated with it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Final, cast

from agent_sdk_core.wire.reading import Json
from codex_sdk.drift.novelty import Expectations, Known
from codex_sdk.drift.surface import MethodKind, Surface, load_shape

SURFACE_FILE: Final = "surface.json"
"""Its file in `codex_sdk.protocol`."""


def shipped_surface() -> Surface:
    """Return the protocol that this package was made for."""
    return Surface.load(_content())


class ShippedExpectations:
    """What the protocol that this package was made for says of each method, read as it is asked for."""

    def __init__(self) -> None:
        rows = _rows()
        shapes: Json = rows["shapes"]
        self._rows = rows
        self._expectations = Expectations(lambda name: load_shape(shapes[name]) if name in shapes else None)

    def params(self, kind: MethodKind, method: str) -> Known | None:
        """Return what is expected of a method's parameters; None for an unknown method, or one without any."""
        return self._of(kind, method, "params")

    def response(self, method: str) -> Known | None:
        """Return what is expected of the answer to a request of ours; None for an unknown one."""
        return self._of("client_requests", method, "response")

    def _of(self, kind: MethodKind, method: str, part: str) -> Known | None:
        expression = cast("Json", self._rows[kind].get(method) or {}).get(part)
        return None if expression is None else self._expectations.known(expression)


@cache
def _rows() -> Json:
    """Return its description; an eighth of what it costs to load all of it as a `Surface`."""
    return json.loads(_content())


def _content() -> bytes:
    return (Path(__file__).parents[1] / "protocol" / SURFACE_FILE).read_bytes()
