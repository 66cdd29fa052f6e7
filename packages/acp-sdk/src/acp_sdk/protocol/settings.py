"""Configuration options of a session: what an agent lets its client choose, and what is chosen.

In version 2 the modes of a session are an option of the category `mode`; those of version 1 are read as such a one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import PlainValidator

from acp_sdk.protocol.model import AcpModel, Whatever, one_of, unknown
from agent_sdk_core.wire.reading import as_record

CATEGORIES: Final = ("mode", "model", "model_config", "thought_level")
"""What an option is about; other words may come."""


class SelectOption(AcpModel, frozen=True):
    """A value that can be chosen."""

    value: str
    name: str
    description: str | None = None


class SelectGroup(AcpModel, frozen=True):
    """Values under a heading."""

    group_id: str
    name: str
    options: list[SelectOption]


class UnknownChoice(AcpModel, frozen=True):
    """What is offered and not known, with all its fields."""


def _read_choice(data: object) -> SelectOption | SelectGroup | UnknownChoice:
    if isinstance(data, SelectOption | SelectGroup | UnknownChoice):
        return data
    fields = as_record(data)
    if fields is None:
        raise ValueError("a choice is an object")
    found = SelectGroup.read(fields) if "options" in fields else SelectOption.read(fields)
    return unknown(UnknownChoice, fields) if found is None else found


Choice = Annotated[SelectOption | SelectGroup | UnknownChoice, PlainValidator(_read_choice)]
"""A value, or values under a heading."""


class _ConfigOption(AcpModel, frozen=True):
    config_id: str
    name: str
    description: str | None = None
    category: str | None = None


class SelectConfig(_ConfigOption, frozen=True):
    """An option with one value out of several."""

    type: Literal["select"] = "select"
    current_value: str
    options: Sequence[Choice]

    def values(self) -> list[SelectOption]:
        """Return all values that can be chosen, whatever heading they stand under."""
        found: list[SelectOption] = []
        for choice in self.options:
            if isinstance(choice, SelectOption):
                found.append(choice)
            elif isinstance(choice, SelectGroup):
                found.extend(choice.options)
        return found


class BooleanConfig(_ConfigOption, frozen=True):
    """An option that is on or off."""

    type: Literal["boolean"] = "boolean"
    current_value: bool


class UnknownConfig(AcpModel, frozen=True):
    """An option that is not known, with all its fields."""


read_config = one_of("type", {"select": SelectConfig, "boolean": BooleanConfig}, UnknownConfig)
"""Read a configuration option, whatever it is."""

ConfigOption = Annotated[SelectConfig | BooleanConfig | UnknownConfig, PlainValidator(read_config)]
"""A configuration option; `match` on its classes."""


class SetConfigOption(AcpModel, frozen=True):
    """`session/set_config_option`: choose a value; `type` is `id` (a value's id), `boolean`, or another word."""

    session_id: str
    config_id: str
    type: str | None = None
    value: Whatever = None


class ConfigOptions(AcpModel, frozen=True):
    """The answer: all options as they stand now."""

    config_options: Sequence[ConfigOption] = []
