"""A text that is not shown: in `repr`, `str`, f-strings and JSON it is a row of asterisks, and it is not pickled."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NoReturn, Self, SupportsIndex, cast, final

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.redaction import REDACTED, learn

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, ValidationInfo
    from pydantic_core import CoreSchema


@final
@checked_class()
class Secret:
    """A secret text, such as a key.

    Args:
        value: The text; only `reveal()` returns it.

    Where configuration takes a secret, a table says where it lies instead: `{ env = "NAME" }`, `{ file = "PATH" }` or
    `{ keyring = "SERVICE/USER" }`.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        learn(value)

    @classmethod
    def from_env(cls, name: str) -> Secret:
        """Return what a variable of the environment holds.

        Raises:
            InvalidRequestError: It is not set, or empty.
        """
        from agent_sdk_core.secret_sources import secret_of_env

        return cls(secret_of_env(name))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Secret:
        """Return what a file holds, without the end of its last line.

        Args:
            path: A file that nobody but its owner may read.

        Raises:
            InvalidRequestError: It is not there, is empty, too large or no text, or others may read it.
        """
        from agent_sdk_core.secret_sources import secret_of_file

        return cls(secret_of_file(path))

    @classmethod
    def from_keyring(cls, service: str, user: str) -> Secret:
        """Return what the system's keyring holds; needs the package `keyring`.

        Args:
            service: The service that it was stored for.
            user: The name that it was stored under.

        Raises:
            InvalidRequestError: There is none, or no keyring.
        """
        from agent_sdk_core.secret_sources import secret_of_keyring

        return cls(secret_of_keyring(service, user))

    def reveal(self) -> str:
        """Return the text itself."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            InvalidRequestError: Always: pickled, it would be readable.
        """
        from agent_sdk_core.errors import InvalidRequestError

        raise InvalidRequestError(
            "A Secret is not pickled, for it would be readable: hand over where it lies, or reveal() it yourself."
        )

    def __repr__(self) -> str:
        return f"Secret('{REDACTED}')"

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return format(REDACTED, spec)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Take a text, a secret or a table that says where it lies; dump it redacted in JSON, as itself in Python."""
        from pydantic_core import PydanticCustomError, PydanticKnownError, core_schema

        def validated(value: object, info: ValidationInfo) -> Secret:
            if isinstance(value, Secret):
                return value
            if isinstance(value, dict):
                from agent_sdk_core.errors import InvalidRequestError
                from agent_sdk_core.secret_sources import secret_of_table

                context: dict[str, Any] = info.context or {}
                try:
                    value = secret_of_table(cast("dict[object, object]", value), folder=context.get("folder"))
                except InvalidRequestError as error:
                    raise PydanticCustomError("secret_source", "{message}", {"message": error.message}) from None
            if isinstance(value, str):
                secret = cls("")  # Of a file, in which all variables are secret, whatever they are called.
                secret._value = value
                return secret
            raise PydanticKnownError("string_type")

        return core_schema.with_info_plain_validator_function(
            validated, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        )
