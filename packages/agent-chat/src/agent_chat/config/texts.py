"""Values as they are typed on a command line or into a field, turned into what a configuration file holds. Pure."""

from __future__ import annotations

import tomllib
from typing import Final, cast

from agent_chat.config.keys import SettingSpec
from agent_sdk_core.errors import InvalidRequestError

_WORDS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def typed_value(spec: SettingSpec, text: str) -> object:
    """Return the value that a text means for a setting; what is none for it is left to the check of the file.

    A list is TOML (`["a", "b"]`), or one entry; a sandbox is a mode, or a table of TOML.

    Raises:
        InvalidRequestError: The text is no TOML where it begins as a list or a table.
    """
    match spec.kind:
        case "boolean":
            return _WORDS.get(text.strip().casefold(), text)
        case "number" | "integer" | "duration":
            return _number(text)
        case "list":
            return _toml(spec, text) if text.lstrip().startswith("[") else [text]
        case "table":
            return _toml(spec, text) if text.lstrip().startswith("{") else text
        case "text" | "path" | "secret":
            return text


def _number(text: str) -> object:
    for read in (int, float):
        try:
            return cast("object", read(text))
        except ValueError:
            continue
    return text


def _toml(spec: SettingSpec, text: str) -> object:
    try:
        return cast("object", tomllib.loads(f"value = {text}")["value"])
    except (ValueError, RecursionError) as error:
        shape = '["one", "two"]' if spec.kind == "list" else '{ mode = "read-only" }'
        raise InvalidRequestError(
            f"{spec.key}: this is not TOML ({str(error).rstrip('.')}); write {shape}.", code="invalid_configuration"
        ) from None
