"""The sessions that the agent keeps on disk: found, listed, read, renamed, archived and deleted without the agent.

Everything here reads and writes files and waits for nothing else, so it belongs in a worker thread. The format is the
agent's own and not documented; what is said of it was seen of 2.1.329, and what is not recognized is passed over.
"""

from __future__ import annotations

from claude_sdk.store.editing import archive, delete, rename, unarchive
from claude_sdk.store.history import read_history
from claude_sdk.store.listing import list_sessions, read_stored
from claude_sdk.store.places import find_session, folder, project_key

__all__ = [
    "archive",
    "delete",
    "find_session",
    "folder",
    "list_sessions",
    "project_key",
    "read_history",
    "read_stored",
    "rename",
    "unarchive",
]
