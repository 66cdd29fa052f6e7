"""The watch over our hooks at Codex: whether they are called at all, and whether one could not do its work.

Codex goes on without hooks that it cannot run (0.163). Each turn of a prompt therefore begins with a hook of ours whose
words have to come back with the notification of its end; they do not where the user's shell writes something first.
"""

from __future__ import annotations

from uuid import uuid4

from agent_sdk_core.wire.reading import Json, record_at, records_at, text_at
from agent_sdk_core.wire.recent import Recent

_REMEMBERED = 256
_SOURCE = "sessionFlags"
_METHODS = ("hook/started", "hook/completed")


class HookWatch:
    """Watches the notifications of one session's threads.

    Attributes:
        proof: What a turn's first hook says, for it to be found again.
    """

    def __init__(self) -> None:
        self.proof = f"agent-sdk {uuid4()}"
        self._proven = Recent(_REMEMBERED)

    def is_ours(self, method: str, params: Json) -> bool:
        """Tell whether a notification is about a hook of the session itself, which is told otherwise."""
        return method in _METHODS and text_at(record_at(params, "run"), "source") == _SOURCE

    def problem(self, method: str, params: Json) -> str | None:
        """Take a notification, and return why the hooks do not bind, if it shows that."""
        turn_id = text_at(params, "turnId")
        if method == "hook/completed" and self.is_ours(method, params):
            run = record_at(params, "run")
            said = [text_at(entry, "text") for entry in records_at(run, "entries")]
            if self.proof in said:
                self._proven.note(turn_id, True)
            elif text_at(run, "status") == "failed":
                return f"Codex could not run the hook for {text_at(run, 'eventName')}: {'; '.join(said)}"
            return None
        item = record_at(params, "item") if method == "item/started" else {}
        if text_at(item, "type") == "userMessage" and text_at(item, "clientId") and turn_id not in self._proven:
            return (
                "Codex did not call the session's hooks, or could not read what they said: its administrator may allow "
                "no others, or the login shell writes something for each command"
            )
        return None
