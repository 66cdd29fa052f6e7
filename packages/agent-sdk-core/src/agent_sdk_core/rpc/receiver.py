"""Receiver of what the other side sends, one interface for every agent's protocol, and the values that it is given."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal, TypeAlias, cast

from pydantic_core import from_json

from agent_sdk_core.errors import AgentError
from agent_sdk_core.records import dataclass

JsonObject: TypeAlias = dict[str, object]
"""A JSON object as it was received. Shared, not copied: do not change it."""

RequestId: TypeAlias = int | str
"""Id of a request. Codex counts from 0, and both directions use the same numbers at the same time."""

IssueKind: TypeAlias = Literal[
    "not_an_object",
    "unknown_shape",
    "unknown_response",
    "duplicate_request",
    "oversized_line",
    "callback_failed",
]


@dataclass(frozen=True, slots=True)
class ServerRequest:
    """A request of the other side, which waits for one answer.

    Attributes:
        id: Its id, to answer with; may be 0.
        method: Its method.
        params: Its parameters; empty if it has none.
        raw: The whole message.
    """

    id: RequestId
    method: str
    params: JsonObject
    raw: JsonObject


@dataclass(frozen=True, slots=True)
class ProtocolIssue:
    """Something received that is no valid message, or that its receiver failed on. The stream goes on.

    Attributes:
        kind: What is wrong, for programs.
        detail: What is wrong, for people.
        raw: What was received.
        error: What the receiver raised, if it did.
    """

    kind: IssueKind
    detail: str
    raw: object = None
    error: Exception | None = None

    @property
    def unanswered(self) -> RequestId | None:
        """Id of the request that nobody answers because of this; None where it is none, or does not say its id."""
        raw = self.raw
        if self.kind == "oversized_line" and isinstance(raw, str):
            with suppress(ValueError):  # Its beginning: an id that is whole stands before the parameters.
                raw = from_json(raw.encode(), allow_partial=True)
            if isinstance(raw, dict) and "params" not in raw:
                return None
        elif self.kind not in ("unknown_shape", "callback_failed"):
            return None
        if not isinstance(raw, dict) or "method" not in raw:
            return None
        request_id = cast("JsonObject", raw).get("id")
        return cast("RequestId", request_id) if type(request_id) in (int, str) else None


Path: TypeAlias = tuple[str, ...]
"""Where a text stands in a message, by keys from the outside."""


@dataclass(frozen=True, slots=True)
class Holes:
    """Where the messages of a run differ.

    Attributes:
        text: The text that each adds.
        identity: What tells them apart, after the text and always of one length; None where nothing does.
    """

    text: Path
    identity: Path | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Messages on end that differ in one text.

    Attributes:
        like: A message before them that is as they are but for what fills the holes; shared, do not change it.
        holes: Where they differ.
        texts: Their texts, in order.
        identities: What tells them apart, in order; empty where nothing does.
        lines: They as they were received.
    """

    like: JsonObject
    holes: Holes
    texts: Sequence[str]
    identities: Sequence[str]
    lines: Sequence[bytes]

    def messages(self) -> list[object]:
        """Return the messages, read in full."""
        return [from_json(line) for line in self.lines]


class Receiver:
    """Who is told what the other side sends; ignores everything, so that each overrides what it wants to know.

    All of it is synchronous, in the wire's order, and waits for nobody. What is raised is reported to `on_issue`; what
    that raises itself, and `on_log_line`, is dropped.
    """

    def on_message(self, name: str, body: JsonObject, raw: JsonObject, /) -> None:
        """Take a message that wants no answer.

        Args:
            name: Its method or type; empty if it has none.
            body: Its parameters, or the whole message where the protocol has no such envelope.
            raw: The whole message.
        """

    def holes_of(self, raw: JsonObject, /) -> Holes | None:
        """Return which texts of a message those after it may differ in, and be a run; None for one that begins none."""

    def on_run(self, run: Run, /) -> bool:
        """Take messages on end that differ in one text; False: each is to be taken by `on_message`."""
        return False

    def on_request(self, request: ServerRequest, /) -> None:
        """Take a request, which is answered through the peer."""

    def on_withdrawn(self, request_id: RequestId, /) -> None:
        """Note that a request wants no answer any more."""

    def on_issue(self, issue: ProtocolIssue, /) -> None:
        """Take what was no valid message, or could not be handled."""

    def on_log_line(self, line: str, /) -> None:
        """Take a line that is no message."""

    def on_batch_end(self) -> None:
        """Note that all messages of one chunk have been handed over."""

    def on_exit(self, ended: object | None, error: AgentError, /) -> None:
        """Note that nothing more will come; told once, unless our side ended the conversation first.

        Args:
            ended: How the other side ended, in words by `str`; None if it still lives, and only says nothing more.
            error: What pending requests got.
        """
