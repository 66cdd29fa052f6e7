"""Prompts as the input of a turn, and as the message that shows them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import assert_never

from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.images import held_image, image_type
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


def user_input(prompt: Prompt) -> list[Json]:
    """Return a prompt as Codex's `UserInput` list.

    Raises:
        UnsupportedOptionError: A block is of a kind that Codex does not take, or an image or audio at a remote URL.
        InvalidRequestError: A named file is not there, or an image is none.
    """
    return [_user_input(block) for block in prompt_blocks(prompt)]


def _user_input(block: PromptBlock) -> Json:
    match block:
        case TextInput(text):
            return {"type": "text", "text": text, "text_elements": []}
        case ImageInput(path=path) if path is not None:
            return {"type": "localImage", "path": str(_checked(existing_file("image", path, backend="codex")))}
        case ImageInput():
            return {"type": "image", "url": _image_url(block)}
        case AudioInput(path=path) if path is not None:
            return {"type": "localAudio", "path": str(existing_file("audio", path, backend="codex"))}
        case AudioInput(url=url):
            return {"type": "audio", "url": _inline("audio", url or "")}
        case SkillInput(name, path):
            return {"type": "skill", "name": name, "path": path}
        case MentionInput(name, path):
            return {"type": "mention", "name": name, "path": path}
        case DocumentInput():
            raise UnsupportedOptionError(
                "The codex backend takes no documents in a prompt: name the file in the text instead.", backend="codex"
            )
        case _:
            assert_never(block)


def _checked(file: Path) -> Path:
    """Return a file that is an image: another one Codex leaves out, and tells the model alone (0.163)."""
    try:
        with file.open("rb") as opened:
            image_type(opened.read(16), f"The prompt's image {file}", backend="codex")
    except OSError as error:
        raise InvalidRequestError(
            f"The prompt's image {file} cannot be read: {error.strerror}.", backend="codex"
        ) from error
    return file


def _image_url(block: ImageInput) -> str:
    held = held_image(block.url, None, block.data, backend="codex")
    if held is None:
        raise _remote("image", "data=… with media_type=…")
    media_type, data = held
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _inline(kind: str, url: str) -> str:
    """Refuse what Codex would fetch: it refuses the turn for an image, and leaves audio out without a word (0.163)."""
    if url[:5].lower() != "data:":
        raise _remote(kind, "a data: URL")
    return url


def _remote(kind: str, takes: str) -> UnsupportedOptionError:
    return UnsupportedOptionError(
        f"The codex backend takes no {kind} from a remote URL: fetch it, and pass path=… or {takes}.", backend="codex"
    )
