"""The published schemas as validators."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

SCHEMAS = Path(__file__).parents[4] / "schemas/acp"


@cache
def schema(version: int) -> dict[str, Any]:
    return json.loads((SCHEMAS / f"v{version}/schema.unstable.json").read_text(encoding="utf-8"))


class Schema:
    """Tells whether a value is what a version calls by a name."""

    def check(self, version: int, name: str, value: object) -> None:
        whole = {"$ref": f"#/$defs/{name}", "$defs": schema(version)["$defs"]}
        checker: Any = jsonschema.Draft202012Validator(whole)
        checker.validate(value)


@pytest.fixture(scope="session")
def published() -> Schema:
    return Schema()
