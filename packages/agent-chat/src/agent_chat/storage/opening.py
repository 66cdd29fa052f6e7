"""Making a store, from what its URL says; the library of its database is loaded here, and not before."""

from __future__ import annotations

import os
from typing import Final

from agent_chat.storage.database.places import place_of
from agent_chat.storage.interface import ChatStore
from agent_chat.storage.memory_store import MemoryStore
from agent_sdk_core.arguments import checked
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.paths import own_folder

MEMORY: Final = "memory:"


@checked
def open_store(url: str | os.PathLike[str] | None = None, *, config: RuntimeConfig | None = None) -> ChatStore:
    """Make a store, which `async with` opens.

    Args:
        url: The path of a file, "sqlite:////absolute/chats.db", "postgresql://user@host/database", or "memory:";
            absent: as configured.
        config: The configuration, whose `store.url` counts; absent, or without one: `agent-sdk/chats.db` in the
            platform's folder for data.

    Raises:
        InvalidRequestError: It names no store.
    """
    configured = config.store.url if config is not None else None
    place = os.fspath(url) if url is not None else configured.reveal() if configured else default_url()
    if place == MEMORY:
        return MemoryStore()
    found = place_of(place)
    from agent_chat.storage.sql_store import SqlStore

    return SqlStore(found)


def default_url() -> str:
    """Return the path of the user's own store."""
    from platformdirs import user_data_path

    return str(own_folder(user_data_path) / "chats.db")
