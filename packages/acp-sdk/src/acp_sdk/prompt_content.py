"""Prompts as the protocol's content blocks, and as the message that shows them."""

from __future__ import annotations

import base64
import mimetypes
from pathlib import Path
from typing import assert_never

from acp_sdk.protocol.initialization import PromptCapabilities
from agent_sdk_core.errors import UnsupportedOptionError
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


def content(prompt: Prompt, can: PromptCapabilities, *, backend: str) -> list[Json]:
    """Return a prompt as content blocks; reads the files that it names.

    Raises:
        UnsupportedOptionError: A block is of a kind that the agent does not take.
        InvalidRequestError: A named file is not there, or an image is none.
    """
    return [_block(block, can, backend) for block in prompt_blocks(prompt)]


def _block(block: PromptBlock, can: PromptCapabilities, backend: str) -> Json:
    match block:
        case TextInput(text):
            return {"type": "text", "text": text}
        case MentionInput(name, path):
            return {"type": "resource_link", "name": name, "uri": path if "://" in path else Path(path).as_uri()}
        case ImageInput():
            return _image(block, can, backend)
        case AudioInput(path=path) if path is not None and can.audio is not None:
            file = existing_file("audio", path, backend=backend)
            return {"type": "audio", "data": _encoded(file), "mimeType": _type(file, "audio/wav")}
        case DocumentInput(path=path) if path is not None:
            file = existing_file("document", path, backend=backend)
            return {"type": "resource_link", "name": file.name, "uri": file.as_uri(), "mimeType": _type(file, "")}
        case AudioInput() | DocumentInput() | SkillInput():
            kind = type(block).__name__.removesuffix("Input").lower()
            raise _refused(backend, f"no {kind} of this kind in a prompt: name the file in the text instead")
        case _:
            assert_never(block)


def _image(block: ImageInput, can: PromptCapabilities, backend: str) -> Json:
    if can.image is None:
        raise _refused(backend, "no images in a prompt")
    held = held_image(block.url, block.path, block.data, backend=backend)
    if held is None:
        raise _refused(backend, "no image from a remote URL: fetch it, and pass path=… or data=…")
    media_type, data = held
    return {"type": "image", "data": base64.b64encode(data).decode(), "mimeType": media_type}


def _refused(backend: str, what: str) -> UnsupportedOptionError:
    return UnsupportedOptionError(f"The {backend} agent takes {what}.", backend=backend)


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def _type(file: Path, default: str) -> str:
    return mimetypes.guess_type(file.name)[0] or default
