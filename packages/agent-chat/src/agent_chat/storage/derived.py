"""What follows from a log: the facts of a chat, where nothing but its messages is left. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from agent_chat.storage.records import ChatMeta
from agent_chat.storage.texts import searchable_text

TITLE_LENGTH: Final = 80


def title_of(text: str) -> str:
    """Return the start of a prompt as a title, on one line."""
    line = " ".join(text[: 4 * TITLE_LENGTH].split())
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"


def derived_chat(chat_id: str, log: Iterable[tuple[float, Mapping[str, object]]]) -> ChatMeta:
    """Return a chat as its messages tell it: when, where, with which model, in which sessions, and what began it.

    Args:
        chat_id: The chat.
        log: Its messages, oldest first, each with when it was written.
    """
    chat = ChatMeta(chat_id)
    sessions: list[str] = []
    for at, body in log:
        if not chat.created_at:
            chat = replace(chat, created_at=at)
        chat = replace(chat, last_active_at=max(at, chat.last_active_at), last_seq=chat.last_seq + 1)
        session = body.get("session_id")
        if isinstance(session, str) and session not in sessions[-1:] and body.get("parent_tool_use_id") is None:
            sessions = [*(each for each in sessions if each != session), session]
        chat = replace(chat, **_told(chat, body))
    if sessions:
        chat = replace(chat, last_session_id=sessions[-1], lineage=tuple(sessions[:-1]))
    return chat


def _told(chat: ChatMeta, body: Mapping[str, object]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if body.get("type") == "user" and not chat.title and not body.get("isSynthetic"):
        told["title"] = title_of(searchable_text(body))
    if body.get("type") == "system" and body.get("subtype") == "init":
        told |= {name: body[name] for name in ("cwd", "model") if isinstance(body.get(name), str)}
    if body.get("type") == "assistant" and body.get("parent_tool_use_id") is None:
        message = body.get("message")
        model = cast("Mapping[str, object]", message).get("model") if isinstance(message, Mapping) else None
        if isinstance(model, str) and model and not model.startswith("<"):
            told["model"] = model
    return told
