"""`WireModel`: a piece of an agent's wire as a pydantic model that keeps all it was given."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, StrictFloat, StrictInt

Number = StrictInt | StrictFloat
"""A JSON number that keeps its spelling: 5 stays an int, 5.0 a float."""


class WireModel(BaseModel, frozen=True):
    """A piece of the wire: unknown keys are kept, known ones have snake_case names and the wire's spelling as alias."""

    model_config = ConfigDict(
        extra="allow",
        validate_by_name=True,
        validate_by_alias=True,
        defer_build=True,
        protected_namespaces=(),
    )

    def to_wire(self) -> dict[str, Any]:
        """Return the Claude-shaped object, with exactly the keys that were given."""
        return self.model_dump(by_alias=True, exclude_unset=True, warnings=False)
