"""Prompts as the content of claude's user frames. Reads the files that a prompt names; nothing else."""

from __future__ import annotations

import base64
import mimetypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, assert_never

from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.images import held_image
from agent_sdk_core.paths import existing_file
from agent_sdk_core.prompts import (
    AudioInput,
    DocumentInput,
    ImageInput,
    MentionInput,
    Prompt,
    PromptBlock,
    SkillInput,
    TextInput,
    prompt_blocks,
)
from agent_sdk_core.wire.reading import Json

_PDF: Final = "application/pdf"
_HEAD: Final = 1024
"""Bytes at its start in which a PDF says that it is one."""


def user_content(prompt: Prompt) -> str | list[Json]:
    """Return a prompt as the content of a user frame.

    Raises:
        UnsupportedOptionError: A block is of a kind that Claude does not take.
        InvalidRequestError: A named file is not there, its kind cannot be told, or an image is none.
    """
    if isinstance(prompt, str):
        return prompt
    blocks = prompt_blocks(prompt)
    skill = next((block for block in blocks if isinstance(block, SkillInput)), None)
    if skill is not None and all(isinstance(block, TextInput | SkillInput) for block in blocks):
        # Claude takes up a skill only where a person would type it: at the start of a prompt of text alone.
        said = [block.text for block in blocks if isinstance(block, TextInput)]
        others = [f"/{block.name}" for block in blocks if isinstance(block, SkillInput) and block is not skill]
        return " ".join([f"/{skill.name}", *others, "\n".join(said)]).rstrip()
    return [_block(block) for block in blocks]


def _block(block: PromptBlock) -> Json:
    match block:
        case TextInput(text):
            return {"type": "text", "text": text}
        case ImageInput(url, path, data):
            return {"type": "image", "source": _image(url, held_image(url, path, data, backend="claude"))}
        case DocumentInput(path=path, data=data, media_type=media_type):
            source = _document(path, data, media_type)
            return {"type": "document", "source": source if source["media_type"] == _PDF else _as_text(source)}
        case MentionInput(_, path):
            return {"type": "text", "text": f"@{path}"}
        case SkillInput(name, _):
            return {"type": "text", "text": f"/{name}"}
        case AudioInput():
            raise UnsupportedOptionError("The claude backend takes no audio in a prompt.", backend="claude")
        case _:
            assert_never(block)


def _image(url: str | None, held: tuple[str, bytes] | None) -> Json:
    if held is None:
        return {"type": "url", "url": url}
    media_type, data = held
    return {"type": "base64", "media_type": media_type, "data": base64.b64encode(data).decode()}


def _document(path: str | os.PathLike[str] | None, data: bytes | None, media_type: str | None) -> Json:
    if path is not None:
        file = existing_file("document", path, backend="claude")
        media_type = media_type or mimetypes.guess_type(file.name)[0]
        data = _read(file)
    if media_type is None:
        raise InvalidRequestError(
            f"The kind of the prompt's document {path} cannot be told from its name; give media_type.", backend="claude"
        )
    what = "DocumentInput(data=…)" if path is None else f"The prompt's document {path}"
    if not data:
        raise InvalidRequestError(f"{what} is empty.", backend="claude")
    if media_type == _PDF and b"%PDF" not in data[:_HEAD]:
        # The API would refuse this turn and, for it stays in the conversation, each later one.
        raise InvalidRequestError(f"{what} is no PDF; give the media_type that it has.", backend="claude")
    return {"type": "base64", "media_type": media_type, "data": base64.b64encode(data).decode()}


def _read(file: Path) -> bytes:
    read: Callable[[], bytes] = file.read_bytes
    try:
        return read()
    except OSError as error:
        raise InvalidRequestError(
            f"The prompt's document {file} cannot be read: {error.strerror}.", backend="claude"
        ) from error


def _as_text(source: Json) -> Json:
    """Return a document that is no PDF as plain text, the only other kind that the API takes."""
    try:
        data = base64.b64decode(source["data"]).decode()
    except UnicodeDecodeError:
        kind = source["media_type"]
        raise InvalidRequestError(
            f"A document is a PDF or text in UTF-8, and this one, {kind}, is neither.", backend="claude"
        ) from None
    return {"type": "text", "media_type": "text/plain", "data": data}
