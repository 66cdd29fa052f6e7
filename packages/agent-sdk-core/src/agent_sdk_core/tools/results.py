"""Results of the application's tools."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import cast

from pydantic_core import to_json

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.errors import InvalidRequestError


@checked_class("data", "media_type")
@dataclass(frozen=True, slots=True)
class ToolImage:
    """An image that a tool returns: its bytes and their media type, such as "image/png"."""

    data: bytes
    media_type: str

    def __post_init__(self) -> None:
        """Refuse what is no image's bytes."""
        if not isinstance(cast("object", self.data), bytes) or not isinstance(cast("object", self.media_type), str):
            raise InvalidRequestError(f"An image is bytes and the name of their media type, not {_named(self.data)}.")

    @property
    def url(self) -> str:
        """The image as a data URL."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode()}"


@checked_class("content")
@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool returns to the model.

    Attributes:
        content: Texts and images, in order; a single one may stand alone.
        is_error: Whether the tool failed.
        structured: The outcome as data, for the application; not shown to the model.

    Raises:
        InvalidRequestError: The content holds something else.
    """

    content: tuple[str | ToolImage, ...]
    is_error: bool = False
    structured: object = None

    def __post_init__(self) -> None:
        """Take a single text or image as the only one, and refuse what no model could read."""
        given = cast("object", self.content)
        parts = (given,) if isinstance(given, str | ToolImage) else given
        if not isinstance(parts, tuple | list):
            raise InvalidRequestError(f"A tool's result holds texts and images, not {_named(parts)}.")
        for part in cast("tuple[object, ...]", parts):
            if not isinstance(part, str | ToolImage):
                raise InvalidRequestError(f"A tool's result holds texts and images, not {_named(part)}.")
        object.__setattr__(self, "content", tuple(cast("tuple[str | ToolImage, ...]", parts)))

    @classmethod
    def of(cls, value: object) -> ToolResult:
        """Return what a tool function returned as a result: text as it is, None as nothing, data as JSON."""
        match value:
            case ToolResult():
                return value
            case None:
                return cls(())
            case str() | ToolImage():
                return cls((value,))
            case _:
                return cls((to_json(value, fallback=repr).decode(),), structured=value)

    @classmethod
    def failed(cls, message: str) -> ToolResult:
        """Return an error that the model can read."""
        return cls((message,), is_error=True)


def _named(value: object) -> str:
    """Name a value in an error: what it is, and how it begins."""
    return f"{type(value).__name__} {repr(value)[:100]}"
