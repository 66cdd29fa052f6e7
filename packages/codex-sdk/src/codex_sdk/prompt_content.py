"""Prompts as the input of a turn, and as the message that shows them."""

from __future__ import annotations

import base64
from typing import assert_never

from agent_sdk_core.errors import UnsupportedOptionError
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
        InvalidRequestError: A named file is not there.
    """
    return [_user_input(block) for block in prompt_blocks(prompt)]


def _user_input(block: PromptBlock) -> Json:
    match block:
        case TextInput(text):
            return {"type": "text", "text": text, "text_elements": []}
        case ImageInput(path=path) if path is not None:
            return {"type": "localImage", "path": str(existing_file("image", path, backend="codex"))}
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


def _image_url(block: ImageInput) -> str:
    if block.url is not None:
        return _inline("image", block.url)
    return f"data:{block.media_type};base64,{base64.b64encode(block.data or b'').decode()}"


def _inline(kind: str, url: str) -> str:
    """Refuse what Codex would fetch: it refuses the turn for an image, and leaves audio out without a word (0.163)."""
    if url[:5].lower() != "data:":
        takes = "data=… with media_type=…" if kind == "image" else "a data: URL"
        raise UnsupportedOptionError(
            f"The codex backend takes no {kind} from a remote URL: fetch it, and pass path=… or {takes}.",
            backend="codex",
        )
    return url
