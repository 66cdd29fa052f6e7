"""What agents sent at the same task: the conversation in order, and how many messages of each kind came beside it.

The conversation is what an application follows: prompts, whole blocks of the model, what was asked and answered, tool
results, the result. It is the same on every agent. Beside it each agent tells what else it has to tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent_sdk_core.messages.blocks import ServerToolUseBlock, ToolUseBlock
from agent_sdk_core.messages.conversation import AssistantMessage, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import RequestOpened, RequestResolved, SystemMessage

_CONVERSATION: Final = frozenset({"assistant", "user", "result"})
_CONVERSATION_SYSTEM: Final = frozenset({"init", "request_opened", "request_resolved"})

REASONS: Final[Mapping[str, str]] = {
    "stream_event": "Claude streams a tool's input too; Codex names a tool once, whole",
    "tool_progress": "Codex streams what a command writes; Claude gives it with the tool's result",
    "system/usage": "both after each model call: Claude before the tools of its answer run, Codex after them",
    "system/status": "Claude says before each model call that it asks; Codex once, as the turn begins",
    "system/session_state_changed": "Claude tells each change of state; Codex's is read from `session.state`",
    "system/thinking_tokens": "Claude counts while it thinks; Codex tells reasoning tokens in `system/usage`",
    "command_lifecycle": "Claude tells where each prompt stands; Codex starts a turn for it at once",
    "rate_limit_event": "Codex tells the account's limits after a model call; Claude only where a plan has limits",
}
"""Why agents differ in what comes beside the conversation."""


@dataclass(frozen=True, slots=True)
class Emitted:
    """What one agent sent.

    Attributes:
        backend: Name of its backend.
        conversation: The conversation, each message as its kind, such as "assistant · tool_use Bash".
        counts: How many messages of each kind came, the conversation's without the names of tools.
    """

    backend: str
    conversation: tuple[str, ...]
    counts: Mapping[str, int]

    @classmethod
    def of(cls, backend: str, messages: Sequence[SDKMessage]) -> Emitted:
        """Return what these messages are."""
        kinds = [kind_of(message) for message in messages]
        conversation = (f"{kind_of(message)}{_named(message)}" for message in messages if is_conversation(message))
        return cls(backend, tuple(conversation), Counter(kinds))


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of message.

    Attributes:
        kind: The kind.
        counts: How many each agent sent.
        reason: Why they differ; "" where they need not, or nobody knows.
    """

    kind: str
    counts: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What several agents sent.

    Attributes:
        agents: Each agent.
        conversation: The kinds of the conversation, in the order of their first message.
        beside: All others.
    """

    agents: tuple[Emitted, ...]
    conversation: tuple[Row, ...]
    beside: tuple[Row, ...]

    @property
    def same(self) -> bool:
        """Whether the conversation was the same, message by message and block by block."""
        return len({agent.conversation for agent in self.agents}) <= 1


def compare(agents: Sequence[Emitted]) -> Comparison:
    """Return the comparison of what several agents sent at the same task."""
    kinds = list(dict.fromkeys(kind for agent in agents for kind in agent.counts))
    known = list(REASONS)
    rows = [Row(kind, tuple(agent.counts.get(kind, 0) for agent in agents)) for kind in kinds]
    beside = [
        Row(row.kind, row.counts, REASONS.get(row.kind, "")) for row in rows if not _is_conversation_kind(row.kind)
    ]
    beside.sort(key=lambda row: (known.index(row.kind) if row.kind in known else len(known), row.kind))
    return Comparison(tuple(agents), tuple(row for row in rows if _is_conversation_kind(row.kind)), tuple(beside))


def kind_of(message: SDKMessage) -> str:
    """Return what kind a message is of, with the types of its blocks, such as "assistant · text"."""
    match message:
        case AssistantMessage():
            return f"assistant · {' + '.join(block.type for block in message.content)}"
        case UserMessage():
            if message.is_prompt:
                return "user · prompt"
            return f"user · {' + '.join(block.type for block in message.content)}"
        case SystemMessage():
            return f"system/{message.subtype}"
        case _:
            return message.type


def is_conversation(message: SDKMessage) -> bool:
    """Whether a message belongs to the conversation."""
    return _is_conversation_kind(kind_of(message))


def _is_conversation_kind(kind: str) -> bool:
    head, _, subtype = kind.partition("/")
    return kind.partition(" ")[0] in _CONVERSATION or (head == "system" and subtype in _CONVERSATION_SYSTEM)


def _named(message: SDKMessage) -> str:
    """Return what tells a message from others of its kind: the tool, what was asked for, how it was answered."""
    match message:
        case AssistantMessage():
            return "".join(f" {it.name}" for it in message.content if isinstance(it, ToolUseBlock | ServerToolUseBlock))
        case RequestOpened():
            return f" {message.kind}"
        case RequestResolved():
            return f" {message.outcome}"
        case _:
            return ""
