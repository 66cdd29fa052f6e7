"""Images that a model can be shown: PNG, JPEG, GIF and WebP, told by their first bytes and not by their names."""

from __future__ import annotations

import base64
import binascii
from os import PathLike
from pathlib import Path
from typing import Final

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.paths import existing_file

_TAKEN: Final = "A model takes PNG, JPEG, GIF and WebP."


def image_type(head: bytes, what: str, *, backend: str | None = None) -> str:
    """Return the media type of an image, as its first bytes tell it, whatever its name or its giver says.

    Args:
        head: The image, or its first 16 bytes.
        what: What it is called in a complaint, such as "The prompt's image a.png".
        backend: Name of the backend that is given it, if it is known.

    Raises:
        InvalidRequestError: It is empty, or none that both agents send on; of such a one they say nothing, and go on.
    """
    match head[:16]:
        case b"":
            raise InvalidRequestError(f"{what} is empty. {_TAKEN}", backend=backend)
        case known if known.startswith(b"\x89PNG\r\n\x1a\n"):
            return "image/png"
        case known if known.startswith(b"\xff\xd8\xff"):
            return "image/jpeg"
        case known if known.startswith((b"GIF87a", b"GIF89a")):
            return "image/gif"
        case known if known[:4] == b"RIFF" and known[8:12] == b"WEBP":
            return "image/webp"
        case _:
            raise InvalidRequestError(f"{what} is no image that a model can be shown. {_TAKEN}", backend=backend)


def inline_image(url: str, *, backend: str) -> bytes | None:
    """Return the image that a `data:` URL holds; None for an address on the web.

    Raises:
        InvalidRequestError: It is neither, or what it holds cannot be read.
    """
    head, comma, data = url.partition(",")
    scheme = head.partition(":")[0].lower()
    if scheme in ("http", "https") and "://" in url:
        return None
    if scheme != "data":
        raise InvalidRequestError(
            f"ImageInput(url={url[:40]!r}) begins with none of https://, http:// and data:; a file is path=…",
            backend=backend,
        )
    if not comma or not head.lower().endswith(";base64"):
        raise InvalidRequestError("ImageInput(url=…): a data: URL of an image holds it in base64.", backend=backend)
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequestError(f"ImageInput(url=…): its data: is no base64: {error}.", backend=backend) from None


def held_image(
    url: str | None, path: str | PathLike[str] | None, data: bytes | None, *, backend: str
) -> tuple[str, bytes] | None:
    """Return the media type and the bytes of a prompt's image; None for one on the web. Reads its file.

    Args:
        url: Its URL, if it has one.
        path: Its file, if it has one.
        data: Itself, if it has neither.
        backend: Name of the backend that is given it.

    Raises:
        InvalidRequestError: It is none, or cannot be read.
    """
    if url is not None:
        held, what = inline_image(url, backend=backend), "ImageInput(url=…)"
        if held is None:
            return None
    elif path is not None:
        file = existing_file("image", path, backend=backend)
        held, what = _read(file, backend), f"The prompt's image {file}"
    else:
        held, what = data or b"", "ImageInput(data=…)"
    return image_type(held, what, backend=backend), held


def _read(file: Path, backend: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidRequestError(
            f"The prompt's image {file} cannot be read: {error.strerror}.", backend=backend
        ) from error
