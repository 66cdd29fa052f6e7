"""What a prompt may hold: text, images, documents, audio, and the agent's own skills and mentions."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from os import PathLike, fspath
from typing import Final, assert_never

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.json_lines import mend
from agent_sdk_core.wire.reading import Json

_EMPTY: Final = "The prompt is empty: give it text that is not blank, or another block."


@checked_class()
@dataclass(frozen=True, slots=True)
class TextInput:
    """Text."""

    text: str


@checked_class()
@dataclass(frozen=True, slots=True)
class ImageInput:
    """An image: exactly one of a URL, a file, or bytes with their media type.

    Raises:
        InvalidRequestError: None or several of the three are given, or bytes lack their media type.
    """

    url: str | None = None
    path: str | PathLike[str] | None = None
    data: bytes | None = None
    media_type: str | None = None

    def __post_init__(self) -> None:
        """Check that exactly one source is given."""
        _exactly_one("ImageInput", self.url, self.path, self.data)
        if self.data is not None and not self.media_type:
            raise InvalidRequestError("ImageInput(data=…) needs media_type, for example 'image/png'.")


@checked_class()
@dataclass(frozen=True, slots=True)
class DocumentInput:
    """A document: a file, or bytes with their media type.

    Raises:
        InvalidRequestError: None or both of the two are given, or bytes lack their media type.
    """

    path: str | PathLike[str] | None = None
    data: bytes | None = None
    media_type: str | None = None

    def __post_init__(self) -> None:
        """Check that exactly one source is given."""
        _exactly_one("DocumentInput", self.path, self.data)
        if self.data is not None and not self.media_type:
            raise InvalidRequestError("DocumentInput(data=…) needs media_type, for example 'application/pdf'.")


@checked_class()
@dataclass(frozen=True, slots=True)
class AudioInput:
    """Recorded speech: a URL or a file."""

    url: str | None = None
    path: str | PathLike[str] | None = None

    def __post_init__(self) -> None:
        """Check that exactly one source is given."""
        _exactly_one("AudioInput", self.url, self.path)


@checked_class()
@dataclass(frozen=True, slots=True)
class SkillInput:
    """One of the agent's skills, by name and file."""

    name: str
    path: str


@checked_class()
@dataclass(frozen=True, slots=True)
class MentionInput:
    """A file or an app that the prompt points at, by name and path."""

    name: str
    path: str


PromptBlock = TextInput | ImageInput | DocumentInput | AudioInput | SkillInput | MentionInput
Prompt = str | Sequence[PromptBlock]
"""A prompt: text, or blocks. What the agent cannot take raises `UnsupportedOptionError`."""


def prompt_blocks(prompt: Prompt) -> tuple[PromptBlock, ...]:
    """Return the prompt as blocks.

    Raises:
        InvalidRequestError: It is neither text nor blocks, or it is empty or blank.
    """
    if not prompt or (isinstance(prompt, str) and _is_blank(prompt)):
        raise InvalidRequestError(_EMPTY)
    if isinstance(prompt, str):
        return (TextInput(prompt),)
    if not isinstance(prompt, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise InvalidRequestError(f"A prompt is text or a list of input blocks, not {type(prompt).__name__}.")
    blocks = tuple(prompt)
    for block in blocks:
        if not isinstance(block, PromptBlock):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            raise InvalidRequestError(f"A prompt holds text or input blocks, not {type(block).__name__}.")
    if all(isinstance(block, TextInput) and _is_blank(block.text) for block in blocks):
        raise InvalidRequestError(_EMPTY)
    return blocks


def clean_prompt(prompt: Prompt) -> Prompt:
    """Check a prompt; blank blocks beside others go, and so do lone surrogates in text: no agent can be sent either.

    Raises:
        InvalidRequestError: It is neither text nor blocks, or it is empty or blank.
    """
    blocks = prompt_blocks(prompt)
    if isinstance(prompt, str):
        return mend(prompt)
    return tuple(
        TextInput(mend(block.text)) if isinstance(block, TextInput) else block
        for block in blocks
        if not (isinstance(block, TextInput) and _is_blank(block.text))
    )


def _is_blank(text: str) -> bool:
    return not text.replace("\ufeff", "").strip()


def _exactly_one(name: str, *sources: object) -> None:
    if sum(source is not None for source in sources) != 1:
        raise InvalidRequestError(f"{name} takes exactly one source: a URL, a path or data.")


def replay_content(prompt: Prompt) -> str | list[Json]:
    """Return a prompt as the content of the `user` message that repeats it."""
    if isinstance(prompt, str):
        return prompt
    return [_replay_block(block) for block in prompt_blocks(prompt)]


def _replay_block(block: PromptBlock) -> Json:
    match block:
        case TextInput(text):
            return {"type": "text", "text": text}
        case ImageInput(data=data) if data is not None:
            encoded = base64.b64encode(data).decode()
            return {"type": "image", "source": {"type": "base64", "media_type": block.media_type, "data": encoded}}
        case ImageInput(url=url, path=path) | AudioInput(url=url, path=path):
            source = {"type": "url", "url": url} if url is not None else {"type": "file", "path": fspath(path or "")}
            return {"type": "image" if isinstance(block, ImageInput) else "audio", "source": source}
        case SkillInput(name, path):
            return {"type": "skill", "name": name, "path": path}
        case MentionInput(name, path):
            return {"type": "mention", "name": name, "path": path}
        case DocumentInput(path=path):
            return {"type": "document", "source": {"type": "file", "path": fspath(path or "")}}
        case _:
            assert_never(block)
