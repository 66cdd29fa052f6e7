"""A text that is not shown: in `repr`, `str`, f-strings and JSON it is a row of asterisks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.redaction import REDACTED, learn

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


@final
@checked_class()
class Secret:
    """A secret text, such as a key.

    Args:
        value: The text; only `reveal()` returns it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        learn(value)

    def reveal(self) -> str:
        """Return the text itself."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return f"Secret('{REDACTED}')"

    def __str__(self) -> str:
        return REDACTED

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Take a text or a secret; dump it redacted in JSON, as itself in Python."""
        from pydantic_core import PydanticKnownError, core_schema

        def validated(value: object) -> Secret:
            if isinstance(value, Secret):
                return value
            if isinstance(value, str):
                secret = cls("")  # Of a file, in which all variables are secret, whatever they are called.
                secret._value = value
                return secret
            raise PydanticKnownError("string_type")

        return core_schema.no_info_plain_validator_function(
            validated, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        )
