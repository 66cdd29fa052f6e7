"""The pure part of the Codex backend: wire events in, messages out, one `ThreadFamily` a session."""

from codex_sdk.normalizer.family import ThreadFamily
from codex_sdk.normalizer.history import history_messages
from codex_sdk.normalizer.not_messages import NOT_MESSAGES
from codex_sdk.normalizer.thread import ThreadNormalizer
from codex_sdk.normalizer.turns.failures import TurnFailure, turn_failure
from codex_sdk.normalizer.turns.thread_facts import CLAUDE_MODES, ThreadFacts, permission_mode

__all__ = [
    "CLAUDE_MODES",
    "NOT_MESSAGES",
    "ThreadFacts",
    "ThreadFamily",
    "ThreadNormalizer",
    "TurnFailure",
    "history_messages",
    "permission_mode",
    "turn_failure",
]
