"""What a stored line is: its kind, and the little of it that ordering a conversation needs.

Lines of a conversation have a `uuid` and name the line before them in `parentUuid`; among them are many that the user
never sees: reminders, snapshots, notes in the user's name.
"""

from __future__ import annotations

from typing import Final, Literal

from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, record_of, records_of, text_of

EntryKind = Literal[
    "prompt", "steered", "notice", "echo", "synthetic", "interruption", "results", "assistant", "output", "boundary",
    "hidden",
]  # fmt: skip
"""What becomes of an entry: `prompt` starts a turn, `steered` joined one, `notice` started one that nobody prompted,
`echo` and `output` are what a command printed, `synthetic` and `interruption` are the agent's in the user's name."""

CONVERSATION: Final = frozenset({"prompt", "steered", "assistant"})

_INTERRUPTED: Final = "[Request interrupted by user"
_ECHOES: Final = ("<local-command-stdout>", "<local-command-stderr>", "<bash-stdout>", "<bash-stderr>")
_COMMANDS: Final = ("<command-name>", "<command-message>", "<bash-input>")
_ASIDES: Final = ("<local-command-caveat>", "[Image: source:", "[Image: original")
_FILLER: Final = "No response requested."
_STARTS: Final = frozenset({"prompt", "notice"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a conversation.

    Attributes:
        offset: Where the line begins, in bytes.
        size: Its length in bytes.
        uuid: Its identity.
        parent: The line it follows, or None at a start; across a compaction, the line before it.
        kind: What becomes of it.
        time: When it was written, ISO 8601 in UTC, so that it sorts as text; "" where unknown.
        sidechain: Whether it is a sub-agent's.
        message_id: The model's message that it is a block of.
        calls: Ids of the tool uses in it.
        results: Ids of the tool uses whose results it holds.
        detached: Whether its results only say that a sub-agent goes on in the background.
    """

    offset: int
    size: int
    uuid: str
    parent: str | None
    kind: EntryKind
    time: str = ""
    sidechain: bool = False
    message_id: str | None = None
    calls: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    detached: bool = False

    @property
    def starts_turn(self) -> bool:
        """Whether a turn begins here."""
        return self.kind in _STARTS


def entry_of(line: Json, offset: int, size: int) -> Entry | None:
    """Return what ordering needs of a line; None for one that is no part of a conversation."""
    uuid = text_of(line.get("uuid"))
    if uuid is None or "parentUuid" not in line:
        return None
    message = record_of(line.get("message"))
    blocks = records_of(message.get("content"))
    return Entry(
        offset,
        size,
        uuid,
        text_of(line["parentUuid"]) or text_of(line.get("logicalParentUuid")),
        kind_of(line),
        text_of(line.get("timestamp")) or "",
        line.get("isSidechain") is True,
        text_of(message.get("id")),
        tuple(_ids(blocks, "tool_use", "id")),
        tuple(_ids(blocks, "tool_result", "tool_use_id")),
        record_of(line.get("toolUseResult")).get("isAsync") is True,
    )


def kind_of(line: Json) -> EntryKind:
    """Return what becomes of a line."""
    if line.get("isVirtual") is True:
        return "hidden"
    match line.get("type"):
        case "user":
            return _user_kind(line)
        case "assistant":
            filler = record_of(line.get("message")).get("model") == "<synthetic>" and prompt_text(line) == _FILLER
            return "hidden" if filler else "assistant"
        case "system":
            return _system_kind(line)
        case "attachment":
            attachment = record_of(line.get("attachment"))
            steered = attachment.get("type") == "queued_command" and text_of(attachment.get("source_uuid"))
            return "steered" if steered else "hidden"
        case _:
            return "hidden"


def prompt_text(line: Json) -> str:
    """Return the text of a message line, blocks joined."""
    content = record_of(line.get("message")).get("content")
    if isinstance(content, str):
        return content
    texts = (text_of(block.get("text")) for block in records_of(content) if block.get("type") == "text")
    return "\n".join(said for said in texts if said)


def is_command(prompt: str) -> bool:
    """Whether a prompt's text is the record of a command such as /compact."""
    return prompt.lstrip().startswith(_COMMANDS)


def _user_kind(line: Json) -> EntryKind:
    content, said = record_of(line.get("message")).get("content"), prompt_text(line)
    if any(block.get("type") == "tool_result" for block in records_of(content)):
        return "results"
    if line.get("isCompactSummary") is True:
        return "synthetic"
    if line.get("isMeta") is True:
        return "hidden" if said.startswith(_ASIDES) else "synthetic"
    if said.startswith(_INTERRUPTED) and isinstance(content, list):
        return "interruption"
    if said.startswith(_ECHOES):
        return "echo"
    notice = record_of(line.get("origin")).get("kind") == "task-notification"
    return "notice" if notice else "prompt"


def _system_kind(line: Json) -> EntryKind:
    if line.get("subtype") == "compact_boundary":
        return "boundary"
    return "output" if line.get("subtype") == "local_command" and printed(line) else "hidden"


def printed(line: Json) -> str:
    """Return what a command printed, without the tags around it."""
    content = text_of(line.get("content")) or ""
    if not content.startswith(_ECHOES):
        return ""
    tag, _, rest = content.partition(">")
    return rest.removesuffix(f"</{tag[1:]}>").strip()


def _ids(blocks: list[Json], kind: str, key: str) -> list[str]:
    ids = (text_of(block.get(key)) for block in blocks if block.get("type") == kind)
    return [identity for identity in ids if identity]
