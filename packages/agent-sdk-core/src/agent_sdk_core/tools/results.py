"""Results of the application's tools."""

from __future__ import annotations

import base64
import math
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Final, cast

from pydantic_core import from_json, to_json, to_jsonable_python

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.images import image_type
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.json_lines import encode_line

_DEEPEST: Final = 200
_SHOWN: Final = 100


@checked_class("data", "media_type")
@dataclass(frozen=True, slots=True)
class ToolImage:
    """An image that a tool returns: its bytes and their media type, such as "image/png".

    Attributes:
        data: A PNG, JPEG, GIF or WebP.
        media_type: What it is, as its bytes tell it where another one was given.

    Raises:
        InvalidRequestError: The bytes are no such image.
    """

    data: bytes
    media_type: str

    def __post_init__(self) -> None:
        """Refuse what is no image's bytes."""
        if not isinstance(cast("object", self.data), bytes) or not isinstance(cast("object", self.media_type), str):
            raise InvalidRequestError(f"An image is bytes and the name of their media type, not {_named(self.data)}.")
        object.__setattr__(self, "media_type", image_type(self.data, "The tool's image"))

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
        structured: The outcome as data, which messages have as `UserMessage.tool_use_result`. The model is shown the
            content; this alone is shown to it as JSON.

    Raises:
        InvalidRequestError: The content holds something else, or JSON cannot hold the outcome.
    """

    content: tuple[str | ToolImage, ...] = ()
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
        content = tuple(cast("tuple[str | ToolImage, ...]", parts))
        if self.structured is not None:
            text = json_text(self.structured)
            object.__setattr__(self, "structured", from_json(text))
            content = content or (text,)
        object.__setattr__(self, "content", content)

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
                return cls(structured=value)

    @classmethod
    def failed(cls, message: str) -> ToolResult:
        """Return an error that the model can read."""
        return cls((message,), is_error=True)


def json_text(value: object) -> str:
    """Return what a tool returned as JSON: plain data, dataclasses, pydantic models, dates, enumerations.

    Raises:
        InvalidRequestError: JSON cannot hold it; says what, and where.
    """
    if (problem := _unfit(value, "", 0)) is None:
        try:
            return _encoded(value)
        except ValueError as error:  # Such as an object of another type.
            problem = str(error)
    raise InvalidRequestError(
        f"The tool's result cannot be sent: {problem}. A tool returns text, a ToolImage, a ToolResult or plain data."
    )


def _encoded(value: object) -> str:
    """Return a value as JSON; half a character, as in the name of a file that is no UTF-8, becomes U+FFFD."""
    try:
        return to_json(value).decode()
    except ValueError as error:
        if "surrogates" not in str(error):
            raise
        return encode_line(to_jsonable_python(value)).decode().rstrip("\n")


def _unfit(value: object, place: str, depth: int) -> str | None:
    """Return what JSON has no word for: it would be sent as something else, and the model be misled."""
    at = f" at {place[:_SHOWN]}" if place else ""
    if depth > _DEEPEST:
        return f"it is nested too deeply{at}, or holds itself"
    match value:
        case float() if not math.isfinite(value):
            return f"it holds {value}{at}, which is no number of JSON"
        case bytes() | bytearray() | memoryview():
            return f"it holds bytes{at}; return an image as ToolImage(data, media_type), other bytes as base64 text"
        case ToolImage() | ToolResult():
            return f"it holds {_kind(value)}{at}; return it alone, or texts and images as one ToolResult"
        case set() | frozenset():
            return f"it holds a set{at}, which has no order; return a list"
        case Iterator() | AsyncIterator():
            return f"it holds {_kind(cast('object', value))}{at}, which may never end; return a list"
        case Mapping():
            members = cast("Mapping[object, object]", value).items()
        case list() | tuple():
            members = enumerate(cast("Sequence[object]", value))
        case _ if is_dataclass(value) and not isinstance(value, type):
            members = ((each.name, getattr(value, each.name)) for each in fields(value))
        case _ if isinstance(own := getattr(type(value), "model_fields", None), Mapping):
            members = ((name, getattr(value, str(name))) for name in cast("Mapping[str, object]", own))
        case _:
            return None
    found = (_unfit(inner, f"{place}/{name}", depth + 1) for name, inner in members)
    return next((problem for problem in found if problem is not None), None)


def _kind(value: object) -> str:
    """Name what a value is, with its article."""
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _named(value: object) -> str:
    """Name a value in an error: what it is, and how it begins."""
    return f"{type(value).__name__} {repr(value)[:100]}"
