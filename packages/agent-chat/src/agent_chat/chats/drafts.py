"""`Drafts`: what somebody has typed and attached in a chat and not sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, cast

from agent_chat.chats.prompts import ChatImages, read_images, write_images
from agent_sdk_core.wire.json_lines import json_text

if TYPE_CHECKING:
    from agent_chat.storage.interface import ChatStore

_IMAGES_OF: Final = "images of "
"""Begins the author under whom the store keeps the images of a draft, beside its text."""


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
