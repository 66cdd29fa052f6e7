"""Views of messages and requests for front ends: the message itself, and what its tools are, read once for all of them.

Pure. A page needs no vendor's tool name and no shape of a tool's input: a card says what a tool does to what, a request
says all that would happen and every way to answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from agent_chat.transcript.blocks import Card
from agent_chat.transcript.cards import close_card, open_card
from agent_chat.transcript.endings import ending_of
from agent_chat.transcript.notices import notice_of
from agent_chat.transcript.paths import short_path
from agent_chat.transcript.requests import answers, asked, outcome_told, was_denied
from agent_sdk_core.asking.permissions import Allow, Permission, PermissionRequest
from agent_sdk_core.asking.requests import AgentRequest, kind_of, request_from_wire
from agent_sdk_core.errors import AgentError
from agent_sdk_core.messages.blocks import ServerToolUseBlock, ToolResultBlock, ToolUseBlock, WebSearchToolResultBlock
from agent_sdk_core.messages.conversation import AssistantMessage, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import (
    InitMessage,
    PermissionDenied,
    RequestOpened,
    RequestResolved,
    SystemMessage,
    UsageMessage,
)

OUTPUT_LIMIT: Final = 100_000
"""Characters of a tool's output that a card holds; the message holds all of it."""

_SAYS_NOTHING: Final = frozenset({"stop", "deny", "deny and stop the turn", "yes", "no", "allow", "for this session"})
"""What labels of options say that their buttons say already."""


class Views:
    """Turns the messages of one chat, in order, into what front ends get of each."""

    def __init__(self) -> None:
        self._cards: dict[str, tuple[Card, str, str]] = {}
        self._asking: dict[str, str] = {}
        self._declined: set[str] = set()
        self._cwd = ""
        self._context: tuple[int, int | None] | None = None

    def view(self, message: SDKMessage) -> dict[str, Any]:
        """Return the message, and what it is to a reader.

        That is, each where there is one: the prompt that it repeats, the cards that it opens or closes, the request
        that it tells of, a notice, the end of a turn.
        """
        told: dict[str, Any] = {"message": message.to_wire()}
        match message:
            case AssistantMessage():
                told |= self._uses(message)
            case UserMessage():
                told |= self._results(message)
            case ResultMessage():
                told["ending"] = {**asdict(ending_of(message, self._context)), "context": self._context}
            case SystemMessage():
                told |= self._system(message)
            case _:
                pass
        if (notice := notice_of(message)) is not None:
            told["notice"] = asdict(notice)
        return told

    def _uses(self, message: AssistantMessage) -> dict[str, Any]:
        cards: dict[str, Any] = {}
        for block in message.content:
            if isinstance(block, ToolUseBlock | ServerToolUseBlock):
                nested = message.parent_tool_use_id is not None
                self._cards[block.id] = open_card(block, cwd=self._cwd, nested=nested), block.kind, block.name
                cards[block.id] = self._card(block.id)
            elif isinstance(block, WebSearchToolResultBlock):
                cards |= self._close(ToolResultBlock(tool_use_id=block.tool_use_id), None)
        return {"cards": cards} if cards else {}

    def _results(self, message: UserMessage) -> dict[str, Any]:
        cards: dict[str, Any] = {}
        for result in message.tool_results:
            cards |= self._close(result, message.tool_use_result)
        told: dict[str, Any] = {"cards": cards} if cards else {}
        return {**told, "prompt": message.text} if message.is_prompt else told

    def _system(self, message: SystemMessage) -> dict[str, Any]:
        match message:
            case InitMessage() if message.parent_tool_use_id is None:
                self._cwd = message.cwd or ""
            case PermissionDenied() if message.tool_use_id:
                self._declined.add(message.tool_use_id)
            case UsageMessage() if message.context_tokens is not None and message.parent_tool_use_id is None:
                self._context = (message.context_tokens, message.context_window)
            case RequestOpened():
                return self._opened(message)
            case RequestResolved():
                tool = self._asking.pop(message.request_id, None)
                if tool is not None and was_denied(message):
                    self._declined.add(tool)
                return {"outcome": outcome_told(message)}
            case _:
                pass
        return {}

    def _card(self, use_id: str) -> dict[str, Any]:
        card, kind, name = self._cards[use_id]
        diffs = tuple(replace(diff, path=short_path(diff.path, self._cwd)) for diff in card.diffs)
        return {**asdict(replace(card, diffs=diffs)), "kind": kind, "name": name}

    def _close(self, result: ToolResultBlock, details: object) -> dict[str, Any]:
        use_id = result.tool_use_id
        if use_id not in self._cards:
            return {}
        card, kind, name = self._cards[use_id]
        closed = close_card(card, result, details, declined=use_id in self._declined)
        output = closed.output
        if len(output) > OUTPUT_LIMIT:
            output = f"{output[:OUTPUT_LIMIT]}\n… {len(output) - OUTPUT_LIMIT} more characters"
        self._cards[use_id] = replace(closed, output=output), kind, name
        view = {use_id: self._card(use_id)}
        del self._cards[use_id]
        return view

    def _opened(self, message: RequestOpened) -> dict[str, Any]:
        try:
            request = request_from_wire(message.request)
        except AgentError:  # A newer request: it is shown as its message alone.
            return {}
        if isinstance(request, PermissionRequest) and request.tool_use_id:
            self._asking[request.request_id] = request.tool_use_id
        return {"request": request_view(request)}


def request_view(request: AgentRequest) -> dict[str, Any]:
    """Return a request with everything that whoever decides needs to see."""
    view: dict[str, Any] = {"request_id": request.request_id, "kind": kind_of(request), "deadline": request.deadline}
    if not isinstance(request, PermissionRequest):
        return {**view, "request": request.to_wire()}
    block = asdict(asked(request))
    del block["choices"]
    options: list[dict[str, Any]] = []
    for choice, answer in answers(request):
        name, effect = _named(choice.label, answer, {option["name"] for option in options})
        options.append(
            {"id": choice.keys[0], "name": name, "effect": effect, "label": choice.label, "stored": choice.stored}
        )
    facts = {"tool_name": request.tool_name, "tool_kind": request.kind, "escalates": sorted(request.escalates)}
    return {**view, **facts, "asked": block, "options": options}


def choice_of(request: PermissionRequest, choice: str) -> Permission | None:
    """Return the answer that an option of `request_view` stands for; None when there is no such option."""
    return next((answer for offer, answer in answers(request) if offer.keys[0] == choice), None)


def answer_name(answer: Permission) -> str:
    """Return what the button of an answer is called, whatever the agent calls it."""
    match answer:
        case Allow(scope="once"):
            return "Allow once"
        case Allow(scope="session"):
            return "Allow for this session"
        case Allow():
            return "Always allow"
        case _:
            return "Deny and stop" if answer.interrupt else "Deny"


def _named(label: str, answer: Permission, taken: set[str]) -> tuple[str, str]:
    """Return what a button is called, and what it does beyond that, of what the agent calls it.

    The first of its kind has the name of its kind; another says what it does, such as "Allow, and accept edits".
    """
    name = answer_name(answer)
    word, _, rest = label.partition(", ")
    if word not in ("Yes", "No"):
        rest = label
    effect = rest.removeprefix("and ")
    if name not in taken:
        return name, "" if not rest or effect.casefold() in _SAYS_NOTHING or label == name else effect
    verb = "Allow" if isinstance(answer, Allow) else "Deny"
    named = f"{verb}, {rest}" if word in ("Yes", "No") and rest else f"{name}: {label}"
    return named, ""


def views_of(messages: Iterable[SDKMessage]) -> list[Mapping[str, Any]]:
    """Return the views of a page of messages, which stands for itself."""
    views = Views()
    return [views.view(message) for message in messages]
