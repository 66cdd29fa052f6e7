"""Prompts as the input of a turn, and as the message that shows them."""

from __future__ import annotations

import base64
import os
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
        UnsupportedOptionError: A block is of a kind that Codex does not take.
        InvalidRequestError: A named file is not there.
    """
    return [_user_input(block) for block in prompt_blocks(prompt)]


def replay_content(prompt: Prompt) -> str | list[Json]:
    """Return a prompt as the content of the `user` message that repeats it."""
    if isinstance(prompt, str):
        return prompt
    return [_replay_block(block) for block in prompt_blocks(prompt)]


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
            return {"type": "audio", "url": url}
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


def _replay_block(block: PromptBlock) -> Json:
    match block:
        case TextInput(text):
            return {"type": "text", "text": text}
        case ImageInput(path=path) if path is not None:
            return {"type": "image", "source": {"type": "file", "path": os.fspath(path)}}
        case ImageInput(data=data) if data is not None:
            encoded = base64.b64encode(data).decode()
            return {"type": "image", "source": {"type": "base64", "media_type": block.media_type, "data": encoded}}
        case ImageInput(url=url):
            return {"type": "image", "source": {"type": "url", "url": url}}
        case AudioInput(url=url, path=path):
            return {
                "type": "audio",
                "source": {"type": "url", "url": url} if url else {"type": "file", "path": str(path)},
            }
        case SkillInput(name, path):
            return {"type": "skill", "name": name, "path": path}
        case MentionInput(name, path):
            return {"type": "mention", "name": name, "path": path}
        case DocumentInput(path=path):
            return {"type": "document", "source": {"type": "file", "path": str(path)}}
        case _:
            assert_never(block)


def _image_url(block: ImageInput) -> str:
    if block.url is not None:
        return block.url
    return f"data:{block.media_type};base64,{base64.b64encode(block.data or b'').decode()}"
