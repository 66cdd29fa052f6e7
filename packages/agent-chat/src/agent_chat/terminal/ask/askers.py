"""Who answers what the agent asks: a person at the terminal, or nobody."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Final, Protocol, TypeVar

import anyio
from rich.console import Console, Group
from rich.text import Text

from agent_chat.terminal.ask.forms import (
    DECLINE,
    Entry,
    entries_of,
    entry_block,
    how_to_fill_in,
    read_entry,
    request_block,
)
from agent_chat.terminal.ask.keyboard import Keyboard
from agent_chat.terminal.ask.questions import how_to_answer, question_block, read_answer
from agent_chat.terminal.layout import render
from agent_chat.terminal.screens import View
from agent_chat.transcript.blocks import Answered, Asked, Block, Choice, Level
from agent_chat.transcript.requests import answer_text, answers, asked, summary
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.asking.permissions import Deny, Permission, PermissionRequest
from agent_sdk_core.asking.questions import Answers, ElicitationAnswer, ElicitationRequest, QuestionRequest

Notify = Callable[[str, Level], None]

_T = TypeVar("_T")

_HINT: Final = "Nobody can be asked here; run it on a terminal, or choose what it may do with --permission-mode."


class Asker(Protocol):
    """Who answers."""

    async def permission(self, request: PermissionRequest) -> Permission:
        """Return whether the tool may run."""
        ...

    async def question(self, request: QuestionRequest) -> Answers:
        """Return answers to the agent's questions; empty declines."""
        ...

    async def elicitation(self, request: ElicitationRequest) -> ElicitationAnswer:
        """Return what an MCP server is told."""
        ...


class TerminalAsker:
    """Asks a person, one request at a time.

    Args:
        console: Where questions are shown.
        keyboard: Where they are answered.
        view: What leaves the terminal alone for the time of a question.
    """

    def __init__(self, console: Console, keyboard: Keyboard, view: View) -> None:
        self._console = console
        self._keyboard = keyboard
        self._view = view
        self._turn = anyio.Lock()

    async def permission(self, request: PermissionRequest) -> Permission:
        """Return the person's decision; end of input denies."""
        offered = answers(request)
        by_key = {key: answer for choice, answer in offered for key in choice.keys}
        keys = ", ".join(choice.keys[-1] for choice, _ in offered)
        async with self._floor():
            if request.tool_use_id is not None:
                self._view.reviewed(request.tool_use_id)
            answer = await self._answer(
                asked(request, tuple(choice for choice, _ in offered)),
                lambda line: by_key.get(line.lower()),
                f"Type one of {keys}, or its number, and Enter.",
            )
            if answer is None:
                self._put(Answered("Denied: the input ended", allowed=False))
                return Deny("The user's input ended.")
            if request.kind == "plan" and isinstance(answer, Deny) and not answer.interrupt:
                block = Asked("What shall be different? Nothing to leave it at that.")
                answer = replace(answer, message=await self._answer(block, lambda line: line, "") or "")
            self._put(Answered(answer_text(answer), allowed=not isinstance(answer, Deny)))
            return answer

    async def question(self, request: QuestionRequest) -> Answers:
        """Return the person's answers; end of input declines all of them."""
        given: dict[str, tuple[str, ...]] = {}
        async with self._floor():
            for question in request.questions:
                answer = await self._answer(
                    question_block(question),
                    partial(read_answer, question),
                    how_to_answer(question),
                    secret=question.secret,
                )
                if answer is None:
                    self._put(Answered("Declined: the input ended", allowed=False))
                    return Answers({})
                given[question.id] = answer
                shown = "answered" if question.secret else visible(", ".join(answer))
                self._put(Answered(shown, allowed=True))
        return Answers(given)

    async def elicitation(self, request: ElicitationRequest) -> ElicitationAnswer:
        """Return what the person fills in, or whether they have followed a link; end of input cancels."""
        async with self._floor():
            entries = () if request.mode == "url" else entries_of(request)
            if entries is None:
                self._put(request_block(request))
                self._put(Answered("Declined: its form cannot be filled in here", allowed=False))
                return ElicitationAnswer("decline")
            answer = await (self._visit(request) if request.mode == "url" else self._fill_in(request, entries))
            told = {"accept": "answered", "decline": "Declined", "cancel": "Declined: the input ended"}[answer.action]
            self._put(Answered(told, allowed=answer.action == "accept"))
            return answer

    async def _visit(self, request: ElicitationRequest) -> ElicitationAnswer:
        read = {"1": "accept", "y": "accept", "2": "decline", "n": "decline"}
        hint = "Type y when you have been there, n to decline, and Enter."
        action = await self._answer(request_block(request), lambda line: read.get(line.lower()), hint)
        return ElicitationAnswer("accept" if action == "accept" else "cancel" if action is None else "decline")

    async def _fill_in(self, request: ElicitationRequest, entries: tuple[Entry, ...]) -> ElicitationAnswer:
        content: dict[str, object] = {}
        self._put(request_block(request))
        if not entries:
            line = await self._answer(
                Asked("Do you agree?", choices=(Choice(("1", "y"), "Yes"), Choice(("2", "n"), "No"))),
                lambda line: line.lower() if line.lower() in ("1", "y", "2", "n") else None,
                "Type y or n, and Enter.",
            )
            return ElicitationAnswer("cancel" if line is None else "accept" if line in ("1", "y") else "decline")
        for entry in entries:

            def read(line: str, entry: Entry = entry) -> tuple[object, ...] | None:
                if line == DECLINE or (not line and not entry.required):
                    return (line,) if line else ()
                found = read_entry(entry, line)
                return None if found is None else (line, *found)

            given = await self._answer(entry_block(entry), read, how_to_fill_in(entry))
            if given is None:
                return ElicitationAnswer("cancel")
            if given == (DECLINE,):
                return ElicitationAnswer("decline")
            if given:
                content[entry.name] = given[1]
        return ElicitationAnswer("accept", content)

    @asynccontextmanager
    async def _floor(self) -> AsyncGenerator[None]:
        """Wait for one's turn, and have the terminal to oneself."""
        async with self._turn:
            with self._view.hold():
                try:
                    yield
                except anyio.get_cancelled_exc_class():
                    self._console.print()
                    self._put(Answered("Withdrawn: no answer is needed any more", allowed=False))
                    raise

    async def _answer(
        self, block: Asked, read: Callable[[str], _T | None], hint: str, *, secret: bool = False
    ) -> _T | None:
        """Show the block and return what is answered, None at the end of input."""
        # What was typed before the question was there is no answer to it.
        self._keyboard.discard()
        self._put(block)
        while True:
            self._console.print(Text("  Your answer: ", style="bold yellow"), end="")
            line = await self._keyboard.line(secret=secret)
            if line is None or secret:
                self._console.print()
            if line is None:
                return None
            if (answer := read(line)) is not None:
                return answer
            self._console.print(Text(f"  {hint}", style="dim"))

    def _put(self, block: Block) -> None:
        if not isinstance(block, Answered):
            self._console.print()
        self._console.print(Group(render(block)))


class Refuser:
    """Denies and declines everything because there is nobody to ask, and says so.

    Args:
        notify: Where to say it.
    """

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._hinted = False

    async def permission(self, request: PermissionRequest) -> Permission:
        """Deny."""
        hint = "" if self._hinted else f" {_HINT}"
        self._hinted = True
        reason = f" ({visible(request.reason)})" if request.reason else ""
        self._notify(f"denied: {summary(request)}{reason}.{hint}", "warning")
        return Deny("No user is there to ask.")

    async def question(self, request: QuestionRequest) -> Answers:
        """Decline."""
        texts = " ".join(visible(question.text) for question in request.questions)
        self._notify(f"declined a question of the agent: {texts}", "warning")
        return Answers({})

    async def elicitation(self, request: ElicitationRequest) -> ElicitationAnswer:
        """Decline."""
        asked = f"{visible(request.server)}: {visible(request.message)}"
        self._notify(f"declined what an MCP server asks, {asked}", "warning")
        return ElicitationAnswer("decline")
