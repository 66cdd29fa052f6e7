"""Prompts of front ends: text with images and files, as JSON and as what a session takes."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self, cast

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.prompts import ImageInput, Prompt, PromptBlock, TextInput
from agent_sdk_core.wire.json_lines import json_text

if TYPE_CHECKING:
    from agent_chat.storage.interface import ChatStore

IMAGE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
MAX_IMAGE_BYTES: Final = 8 * 2**20
MAX_IMAGES: Final = 10
MAX_TEXT: Final = 1_000_000
"""Characters of one prompt."""

_IMAGES_OF: Final = "images of "
"""Begins the author under whom the store keeps the images of a draft, beside its text."""


ChatImages = tuple[tuple[str, bytes], ...]
"""Images: media type and bytes of each."""


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """A prompt.

    Attributes:
        text: What is asked.
        images: Images with it.
    """

    text: str
    images: ChatImages = field(default=(), repr=False)

    @classmethod
    def from_wire(cls, data: Mapping[str, object]) -> Self:
        """Return the prompt of `{"text": …, "images": [{"media_type": …, "data": BASE64}]}`.

        Raises:
            InvalidRequestError: It is none, or too large; the message says what is wrong.
        """
        text, images = data.get("text", ""), data.get("images", [])
        if not isinstance(text, str) or not isinstance(images, list):
            raise InvalidRequestError("A prompt has a text, and images as a list.")
        if len(text) > MAX_TEXT:
            raise InvalidRequestError(f"A prompt has at most {MAX_TEXT} characters; put more into a file.")
        given = read_images(cast("list[object]", images))
        if not text.strip() and not given:
            raise InvalidRequestError("The prompt is empty: write something, or attach an image.")
        return cls(text, given)

    def to_wire(self) -> dict[str, object]:
        """Return it as `from_wire` reads it."""
        return {"text": self.text, "images": write_images(self.images)} if self.images else {"text": self.text}

    def prompt(self, *, beside: Prompt = "") -> Prompt:
        """Return it as a session takes it; with what another one has beside its text."""
        kept = () if isinstance(beside, str) else tuple(each for each in beside if not isinstance(each, TextInput))
        images = (ImageInput(data=data, media_type=kind) for kind, data in self.images)
        blocks: tuple[PromptBlock, ...] = (*images, *kept)
        if not blocks:
            return self.text
        return (*((TextInput(self.text),) if self.text.strip() else ()), *blocks)


def queued_view(uuid: str, prompt: Prompt) -> dict[str, object]:
    """Return a prompt that waits as front ends get it."""
    if isinstance(prompt, str):
        return {"uuid": uuid, "text": prompt, "images": 0}
    texts = [block.text for block in prompt if isinstance(block, TextInput)]
    return {"uuid": uuid, "text": "\n".join(texts), "images": len(prompt) - len(texts)}


def read_images(given: Sequence[object]) -> ChatImages:
    """Return the images of `[{"media_type": …, "data": BASE64}]`.

    Raises:
        InvalidRequestError: They are too many, too large, or of a type that agents do not take.
    """
    if len(given) > MAX_IMAGES:
        raise InvalidRequestError(f"A prompt has at most {MAX_IMAGES} images.")
    return tuple(_image(image) for image in given)


def write_images(images: ChatImages) -> list[dict[str, str]]:
    """Return images as `read_images` reads them."""
    return [{"media_type": kind, "data": base64.b64encode(data).decode()} for kind, data in images]


def _image(image: object) -> tuple[str, bytes]:
    given: Mapping[str, object] = cast("Mapping[str, object]", image) if isinstance(image, Mapping) else {}
    kind, data = given.get("media_type"), given.get("data")
    if not isinstance(kind, str) or kind not in IMAGE_TYPES:
        raise InvalidRequestError(f"An image is one of {', '.join(sorted(IMAGE_TYPES))}, not {kind!r}.")
    if not isinstance(data, str) or len(data) > MAX_IMAGE_BYTES * 4 // 3 + 4:
        raise InvalidRequestError(f"An image has at most {MAX_IMAGE_BYTES // 2**20} MB, in base64.")
    try:
        return kind, base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequestError("An image is given in base64.") from None


class Drafts:
    """The drafts of one chat, one an author.

    Args:
        store: Keeps them.
        chat_id: The chat.
    """

    def __init__(self, store: ChatStore, chat_id: str) -> None:
        self._store = store
        self._chat_id = chat_id

    async def text(self, *, author: str = "") -> str:
        """Return what somebody has typed."""
        return await self._store.draft(self._chat_id, author=author)

    async def set_text(self, text: str, *, author: str = "") -> None:
        """Keep what somebody has typed."""
        await self._store.set_draft(self._chat_id, text, author=author)

    async def images(self, *, author: str = "") -> ChatImages:
        """Return the images that somebody has attached."""
        said = await self.text(author=f"{_IMAGES_OF}{author}")
        return read_images(cast("list[object]", json.loads(said))) if said else ()

    async def set_images(self, images: ChatImages, *, author: str = "") -> None:
        """Keep the images that somebody has attached."""
        await self.set_text(json_text(write_images(images)) if images else "", author=f"{_IMAGES_OF}{author}")
