"""JSON lines: one line of bytes to a JSON value, and one value to a line.

Pure. What cannot be read becomes a `BadLine`, never an exception, for agents also print plain log lines on stdout. What
is written is always valid UTF-8 on exactly one line: codex drops a line with a lone surrogate without an answer, and
the caller would wait for ever (seen with 0.163).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, cast

from pydantic_core import PydanticSerializationError, from_json, to_json

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.records import dataclass

_REPORTED: Final = 8192
"""Bytes of a bad line that its report keeps."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that holds no JSON value: usually a log line.

    Attributes:
        text: The line, decoded with replacement, its first 8 KiB.
        reason: What is wrong with it.
    """

    text: str
    reason: str


def decode_line(line: bytes) -> object:
    """Return the JSON value that `line` holds, or a `BadLine`.

    Invalid UTF-8 and lone surrogates inside otherwise good JSON become U+FFFD: an agent that cuts an emoji in two
    between deltas writes such lines, and losing the message would be worse than losing the character.
    """
    try:
        return from_json(line)
    except ValueError as error:
        return _decode_leniently(line, str(error))


def _decode_leniently(line: bytes, reason: str) -> object:
    text = line.decode("utf-8", "replace")
    if text.lstrip()[:1] in ("{", "[", '"'):
        try:
            return mended(json.loads(text))
        except (ValueError, RecursionError):
            pass
    return BadLine(text=line[:_REPORTED].decode("utf-8", "replace"), reason="blank" if not line.strip() else reason)


def mended(value: object) -> object:
    """Return a value with every text in its objects and lists as `mend` leaves it."""
    if isinstance(value, str):
        return value if value.isascii() else mend(value)
    if isinstance(value, dict):
        return {mended(key): mended(member) for key, member in cast("dict[object, object]", value).items()}
    if isinstance(value, list):
        return [mended(member) for member in cast("list[object]", value)]
    return value


def mend(text: str) -> str:
    """Return text that UTF-8 can express: surrogate pairs joined, lone surrogates replaced by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def encode_line(value: object) -> bytes:
    """Return `value` as compact JSON and a newline.

    Lone surrogates become U+FFFD. U+2028 and U+2029 are escaped, because Node's line reader ends a line at them.

    Raises:
        ValueError: It holds NaN or an infinity, contains itself, or is nested too deeply.
        TypeError: It holds an object that JSON cannot express.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except RecursionError:
        raise ValueError("The message is nested too deeply to be sent as JSON.") from None
    except ValueError as error:
        if "Circular" in str(error):
            raise ValueError("The message contains itself and cannot be sent as JSON.") from None
        raise ValueError("The message holds NaN or an infinity, which JSON cannot express; use None instead.") from None
    try:
        line = text.encode()
    except UnicodeEncodeError:
        line = mend(text).encode()
    if b"\xe2\x80" in line:
        line = line.replace(b"\xe2\x80\xa8", rb"\u2028").replace(b"\xe2\x80\xa9", rb"\u2029")
    return line + b"\n"


def json_text(value: object) -> str:
    """Return `value` as compact JSON on one line; lone surrogates become U+FFFD, NaN and the infinities null.

    Raises:
        ValueError: It contains itself, or is nested too deeply.
        TypeError: It holds an object that JSON cannot express.
    """
    try:
        return to_json(value, inf_nan_mode="null").decode()
    except PydanticSerializationError:  # Lone surrogates, in what a caller put in.
        return encode_line(value).decode().rstrip("\n")


def _from_json_with_halves(text: str | bytes) -> object:
    try:
        return from_json(text)
    except ValueError as error:
        if "hex escape" not in str(error):
            raise
    return from_json(json.dumps(mended(json.loads(text))))  # As deep as any other.


def json_object(text: str | bytes, place: str) -> Mapping[str, object]:
    """Return the object that a text of JSON holds; lone surrogates in it, as a browser sends them, become U+FFFD.

    Args:
        text: The text.
        place: What errors call it.

    Raises:
        InvalidRequestError: It holds none.
    """
    try:
        value = _from_json_with_halves(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{place} is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidRequestError(f"{place} is of type {type(value).__name__}, not an object.")
    return cast("Mapping[str, object]", value)
