"""The feed of a chat: each message of its agent put on the stream, into the log and on the bus, once and in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from agent_chat.chats.events import ApprovalOpened, ApprovalResolved, ChatEvent, MessageArrived
from agent_chat.chats.log import ChatLog, is_kept
from agent_chat.chats.pieces import OpenPieces, is_shown
from agent_chat.chats.redacting import Redactor
from agent_chat.chats.views import Views
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.hosting.pieces import piece_of
from agent_sdk_core.hosting.stream import EventStream, Piece
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import RequestOpened, RequestResolved

REMEMBERED: Final = 200
"""Resolved requests of which it is known who answered."""


class ChatFeed:
    """What front ends see of a chat.

    Args:
        chat_id: The chat.
        publish: Takes events for the bus.
        log: Keeps messages; None: the chat can only be read.
        redacts: Whether secrets are taken out first.

    Attributes:
        stream: Everything that happens in the chat, in order.
        views: Reads messages for front ends.
        kept: The end of the log, as long as there is no `log`.
    """

    def __init__(
        self, chat_id: str, publish: Callable[[ChatEvent], None], log: ChatLog | None, *, redacts: bool = True
    ) -> None:
        self.stream = EventStream()
        self.views = Views()
        self.kept: Mapping[str, Any] = {"messages": [], "before": None}
        self._chat_id = chat_id
        self._publish = publish
        self._log = log
        self._pieces = OpenPieces()
        self._redactor = Redactor() if redacts else None
        self._answering: dict[str, str] = {}
        self._resolved: deque[tuple[str, str, str | None]] = deque(maxlen=REMEMBERED)

    def snapshot(self) -> dict[str, Any]:
        """Return the end of the log, what is open, and where the stream stands."""
        return {
            "cursor": {"epoch": self.stream.epoch, "seq": self.stream.seq},
            **(self.kept if self._log is None else self._log.tail()),
            "open": self._pieces.to_wire(),
        }

    def take(self, message: SDKMessage) -> None:
        """Show a message, and keep it if it is one to be kept; never waits."""
        message = _with_failure(message)
        if (piece := piece_of(message)) is not None:
            data = {"message": message.to_wire()}
            told = piece if self._redactor is None else self._redactor.piece(piece, data)
            if told is not None:
                self._add(told, data)
            return
        if self._redactor is not None:
            for rest, data in self._redactor.rest(message):
                self._add(rest, data)
            if is_shown(message):
                message = self._redactor.message(message)
        self._pieces.feed(message)
        if not is_shown(message):
            return
        view = self.views.view(message)
        is_answered = isinstance(message, RequestOpened) and message.request_id in self._answering
        if is_answered:  # Nobody is asked: the answer was given before, and is told next.
            view["answered"] = True
        if isinstance(message, RequestResolved):
            view["answered_by"] = self._answering.pop(message.request_id, None)
        if is_kept(message) and self._log is not None:
            self._log.add(message, view)
        seq = self.stream.publish("message", view)
        self._publish(MessageArrived(self._chat_id, seq, message.type))
        if isinstance(message, RequestOpened) and not is_answered:
            self._publish(ApprovalOpened(self._chat_id, message.request_id, message.kind))
        elif isinstance(message, RequestResolved):
            by, outcome = view["answered_by"], view["outcome"]
            self._resolved.append((message.request_id, outcome, by))
            self._publish(ApprovalResolved(self._chat_id, message.request_id, outcome, by))

    def _add(self, piece: Piece, data: Mapping[str, Any]) -> None:
        told = piece.put(data, piece.text)
        self._pieces.add(piece, told)
        self.stream.publish("message", told, piece)

    def answering(self, request_id: str, by: str | None) -> None:
        """Note which front end answers a request; None: it could not."""
        if by is None:
            self._answering.pop(request_id, None)
        else:
            self._answering[request_id] = by

    def not_waiting(self, request_id: str) -> InvalidRequestError:
        """Return the error of a request that waits no more: it says how it ended, and who was first."""
        for known, outcome, by in self._resolved:
            if known == request_id:
                details = {"outcome": outcome, "answered_by": by}
                who = f" by {by}" if by else ""
                return InvalidRequestError(
                    f"This was {outcome} already{who}.", code="already_answered", details=details
                )
        if (first := self._answering.get(request_id)) is not None:  # How it ended is told next.
            return InvalidRequestError(
                f"This was answered already{f' by {first}' if first else ''}.",
                code="already_answered",
                details={"outcome": "answered", "answered_by": first},
            )
        return InvalidRequestError("Nothing of this id waits for an answer; it may have expired.", code="not_waiting")


def _with_failure(message: SDKMessage) -> SDKMessage:
    """Return a result that says itself what its turn failed of, where its agent told that beside it.

    Whoever reads it from the stream or the log, in another process or another day, has no more than its words.
    """
    source = message.source
    if not isinstance(message, ResultMessage) or source is None or source.failure is None or message.error_code:
        return message
    failure = source.failure
    told = {**message.to_wire(), "error_code": failure.code, "retryable": failure.retryable}
    if failure.message is not None and not message.errors:
        told["errors"] = [failure.message]
    return parse_message(told, source=source, raw=message.raw)
