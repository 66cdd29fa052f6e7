from __future__ import annotations

import io
from typing import Any

import anyio
import pytest
from rich.console import Console

from agent_chat.terminal.ask.askers import Refuser, TerminalAsker
from agent_chat.terminal.ask.keyboard import Keyboard
from agent_chat.terminal.output import DirectOutput
from agent_chat.terminal.screens import PlainView
from agent_chat.transcript.blocks import Level
from agent_sdk_core.asking.permissions import Allow, Deny, Permission, PermissionOption, PermissionRequest
from agent_sdk_core.asking.questions import (
    Answers,
    Choice,
    ElicitationAnswer,
    ElicitationRequest,
    Question,
    QuestionRequest,
)

pytestmark = pytest.mark.anyio

OPTIONS = (
    PermissionOption("once", "Yes", Allow()),
    PermissionOption("session", "Yes, in this session", Allow(scope="session"), "in the agent's process"),
    PermissionOption("no", "No", Deny()),
)


class Typed(Keyboard):
    """A keyboard on which the lines are typed as soon as they are waited for; None is the end of input."""

    def __init__(self, *lines: str | None) -> None:
        super().__init__()
        self.lines = list(lines)
        self.waiting = anyio.Event()
        self.discarded = 0

    def discard(self) -> None:
        self.discarded += 1

    async def line(self, *, secret: bool = False) -> str | None:
        self.waiting.set()
        if not self.lines:
            await anyio.sleep_forever()
        return self.lines.pop(0)


def request(command: str = "make", **fields: str) -> PermissionRequest:
    return PermissionRequest("Bash", {"command": command}, "r", "s", options=OPTIONS, **fields)  # pyright: ignore[reportArgumentType]  # fields by name


def desk(keyboard: Keyboard) -> tuple[TerminalAsker, Console]:
    console = Console(file=io.StringIO(), record=True, width=60, markup=False, emoji=False, highlight=False)
    return TerminalAsker(console, keyboard, PlainView(DirectOutput(io.StringIO()), io.StringIO())), console


def screen(console: Console) -> str:
    return "".join(f"{line.rstrip()}\n" for line in console.export_text().splitlines())


async def test_a_person_is_asked_and_answers_with_a_key() -> None:
    keyboard = Typed("what?", "", "S")
    asker, console = desk(keyboard)
    with anyio.fail_after(30):
        answer = await asker.permission(request(cwd="/w", reason="because", tool_use_id="t"))
    assert answer == Allow(scope="session")
    assert keyboard.discarded == 1
    assert (
        screen(console)
        == """\

? The agent asks to run a command
  $ make
  in      /w
  reason  because

  1 y  Yes
  2 s  Yes, in this session (in the agent's process)
  3 n  No
  4 x  Deny and stop the turn
  Your answer:   Type one of y, s, n, x, or its number, and Enter.
  Your answer:   Type one of y, s, n, x, or its number, and Enter.
  Your answer: ✓ Allowed for this session
"""
    )


async def test_a_person_may_answer_with_a_number_and_refuse() -> None:
    asker, console = desk(Typed("4"))
    with anyio.fail_after(30):
        assert await asker.permission(request()) == Deny(interrupt=True)
    assert "✗ Denied, and the turn stops\n" in screen(console)


async def test_the_end_of_input_denies() -> None:
    asker, console = desk(Typed(None))
    with anyio.fail_after(30):
        assert isinstance(await asker.permission(request()), Deny)
    assert "✗ Denied: the input ended\n" in screen(console)


async def test_a_withdrawn_question_is_taken_back_and_the_next_one_asked() -> None:
    keyboard = Typed()
    asker, console = desk(keyboard)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(asker.permission, request())
            await keyboard.waiting.wait()
            group.cancel_scope.cancel()
        keyboard.lines.append("y")
        assert await asker.permission(request()) == Allow()
    assert "✗ Withdrawn: no answer is needed any more\n" in screen(console)


async def test_two_questions_are_asked_one_after_the_other() -> None:
    keyboard = Typed()
    asker, console = desk(keyboard)
    answers: dict[str, Permission] = {}

    async def ask(command: str) -> None:
        answers[command] = await asker.permission(request(command))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(ask, "first")
            await keyboard.waiting.wait()
            group.start_soon(ask, "second")
            await anyio.wait_all_tasks_blocked()
            assert "second" not in console.export_text(clear=False)
            group.cancel_scope.cancel()
        keyboard.lines += ["y", "n"]
        async with anyio.create_task_group() as group:
            group.start_soon(ask, "first")
            group.start_soon(ask, "second")
    assert answers == {"first": Allow(), "second": Deny()}


async def test_without_a_terminal_everything_is_denied_and_the_way_out_told_once() -> None:
    notices: list[tuple[str, Level]] = []
    refuser = Refuser(lambda text, level: notices.append((text, level)))
    assert isinstance(await refuser.permission(request(reason="be\x07cause")), Deny)
    assert isinstance(await refuser.permission(request("ls")), Deny)
    hint = "Nobody can be asked here; run it on a terminal, or choose what it may do with --permission-mode."
    assert notices == [
        (f"denied: Bash make (be\\x07cause). {hint}", "warning"),
        ("denied: Bash ls.", "warning"),
    ]


COLOUR = Question("Which colour\x07?", "c", choices=(Choice("red", "warm"), Choice("blue")), multi_select=True)
NAME = Question("Your name?", "n")
SECRET = Question("The token?", "s", secret=True)


async def test_the_agents_questions_are_asked_in_turn() -> None:
    asker, console = desk(Typed("7", "2,1", "Ada", "hush"))
    with anyio.fail_after(30):
        answers = await asker.question(QuestionRequest((COLOUR, NAME, SECRET), "r", "s"))
    assert answers == Answers({"c": ("blue", "red"), "n": ("Ada",), "s": ("hush",)})
    assert (
        screen(console)
        == """\

? Which colour\\x07?

  1  red (warm)
  2  blue
  Your answer:   Type numbers with commas between them, and Enter.
  Your answer: ✓ blue, red

? Your name?
  Your answer: ✓ Ada

? The token?
  Your answer:
✓ answered
"""
    )


async def test_the_end_of_input_declines_the_agents_questions() -> None:
    asker, console = desk(Typed("Ada", None))
    with anyio.fail_after(30):
        assert await asker.question(QuestionRequest((NAME, COLOUR), "r", "s")) == Answers({})
    assert "✗ Declined: the input ended\n" in screen(console)


async def test_without_a_terminal_the_agents_questions_are_declined_with_a_notice() -> None:
    notices: list[str] = []
    refuser = Refuser(lambda text, level: notices.append(text))
    assert await refuser.question(QuestionRequest((NAME,), "r", "s")) == Answers({})
    assert notices == ["declined a question of the agent: Your name?"]


NAMED = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name"]}


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["", "Ada", "old", "36"], ElicitationAnswer("accept", {"name": "Ada", "age": 36})),
        (["Ada", ""], ElicitationAnswer("accept", {"name": "Ada"})),
        (["-"], ElicitationAnswer("decline")),
        (["Ada", None], ElicitationAnswer("cancel")),
    ],
)
async def test_a_form_of_an_mcp_server_is_filled_in_line_by_line(
    lines: list[str | None], answer: ElicitationAnswer
) -> None:
    asker, console = desk(Typed(*lines))
    with anyio.fail_after(30):
        assert await asker.elicitation(ElicitationRequest("Who are you?", "bench", schema=NAMED)) == answer
    assert "The MCP server bench asks: Who are you?" in screen(console)


@pytest.mark.parametrize(
    ("mode", "line", "action"),
    [("url", "y", "accept"), ("url", "n", "decline"), ("url", None, "cancel"), ("form", "y", "accept")],
)
async def test_a_link_and_an_empty_form_are_agreed_to_or_not(mode: Any, line: str | None, action: Any) -> None:
    asker, console = desk(Typed("what?", line))
    request = ElicitationRequest("Log in there.", "bench", mode, url="https://x.example")
    with anyio.fail_after(30):
        assert (await asker.elicitation(request)).action == action
    assert ("https://x.example" in screen(console)) is (mode == "url")


async def test_a_form_that_cannot_be_filled_in_here_is_declined() -> None:
    asker, console = desk(Typed())
    schema = {"type": "object", "properties": {"names": {"type": "array"}}}
    assert await asker.elicitation(ElicitationRequest("Who?", "bench", schema=schema)) == ElicitationAnswer("decline")
    assert "cannot be filled in here" in screen(console)


async def test_a_refused_plan_is_refused_with_a_word() -> None:
    options = (PermissionOption("allow", "Yes", Allow()), PermissionOption("deny", "No, keep planning", Deny()))
    asker, console = desk(Typed("n", "Make it shorter."))
    with anyio.fail_after(30):
        answer = await asker.permission(PermissionRequest("ExitPlanMode", {"plan": "1. Look"}, options=options))
    assert answer == Deny("Make it shorter.")
    assert "whether to carry out this plan" in screen(console)


async def test_without_a_person_an_mcp_server_is_declined() -> None:
    notices: list[str] = []
    refuser = Refuser(lambda text, level: notices.append(text))
    assert await refuser.elicitation(ElicitationRequest("Who?", "bench")) == ElicitationAnswer("decline")
    assert notices == ["declined what an MCP server asks, bench: Who?"]
