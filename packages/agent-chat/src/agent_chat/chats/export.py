"""Export of a chat: as Markdown for people, as NDJSON for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent_chat.chats.views import Views
from agent_chat.storage.records import ChatMeta, StoredMessage
from agent_sdk_core.messages.conversation import AssistantMessage
from agent_sdk_core.wire.json_lines import json_text


def as_ndjson(chat: ChatMeta, messages: Iterable[StoredMessage]) -> Iterator[str]:
    """Return what is known of a chat, then its messages, a line each."""
    yield json_text({"type": "chat", **chat.to_wire()}) + "\n"
    for message in messages:
        yield json_text(dict(message.body)) + "\n"


def as_markdown(chat: ChatMeta, messages: Iterable[StoredMessage]) -> Iterator[str]:
    """Return the conversation: prompts, what was said, and a line for each tool."""
    yield f"# {chat.title or 'Chat'}\n\n"
    yield f"{chat.backend or 'an agent'}, in `{chat.cwd or ''}`\n"
    views = Views()
    for stored in messages:
        message = stored.message()
        view = views.view(message)
        if prompt := view.get("prompt"):
            yield f"\n## Prompt\n\n{prompt}\n"
        if isinstance(message, AssistantMessage) and message.text.strip() and message.parent_tool_use_id is None:
            yield f"\n{message.text.strip()}\n"
        for card in view.get("cards", {}).values():
            if card["state"] != "running":
                subject = card["command"] or card["subject"]
                yield f"\n> **{card['title'] or card['name']}** ({card['state']}): `{_line(subject)}`\n"
        if (ending := view.get("ending")) and ending["outcome"] != "completed":
            yield f"\n*The turn ended: {ending['outcome']}. {' '.join(ending['errors'])}*\n"


def _line(text: str) -> str:
    return " ".join(text.replace("`", "'").split())[:300]
