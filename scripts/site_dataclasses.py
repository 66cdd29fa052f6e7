"""An extension of griffe, which reads the sources for the reference: our `dataclass` makes dataclasses too."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

OURS: Final = "agent_sdk_core.records.dataclass"
Extension: Any = import_module("griffe").Extension  # It is installed where the site is built alone.


class Dataclasses(Extension):
    """Lets griffe, which knows the standard decorator alone, find that one wherever ours is imported."""

    def on_alias_instance(self, *, alias: Any, **_: Any) -> None:
        if alias.target_path == OURS:
            alias.target_path = "dataclasses.dataclass"
