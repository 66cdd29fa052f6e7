"""Values as TOML, for the command line of an app-server and for the files that it reads. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final, cast

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


def toml_value(value: object) -> str:
    """Return a JSON value as an inline value of TOML.

    Raises:
        ValueError: TOML has no form for it; says for what.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # A JSON string is a TOML string, but for DEL, which JSON leaves as it is.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case int() | float():
            return repr(value)
        case Mapping():
            table = cast("Mapping[str, object]", value)
            return "{ " + ", ".join(f"{toml_key(key)} = {toml_value(inner)}" for key, inner in table.items()) + " }"
        case Sequence():
            return "[" + ", ".join(map(toml_value, cast("Sequence[object]", value))) + "]"
        case _:
            raise ValueError(f"{value!r} has no form in TOML; leave it out")


def toml_key(key: str) -> str:
    """Return the name of a table's entry, in quotes where it needs them."""
    return key if _BARE_KEY.fullmatch(key) else toml_value(key)
