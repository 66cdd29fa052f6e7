from __future__ import annotations

import pytest

from agent_chat.terminal.ask.questions import how_to_answer, read_answer
from agent_sdk_core.asking.questions import Choice, Question

CHOICES = (Choice("red"), Choice("blue"))


@pytest.mark.parametrize(
    ("question", "line", "answer"),
    [
        (Question("?", "q"), "", None),
        (Question("?", "q"), "free, text", ("free, text",)),
        (Question("?", "q", choices=CHOICES), "2", ("blue",)),
        (Question("?", "q", choices=CHOICES), "1,2", None),
        (Question("?", "q", choices=CHOICES), "3", None),
        (Question("?", "q", choices=CHOICES), "green", None),
        (Question("?", "q", choices=CHOICES, allow_other=True), "green", ("green",)),
        (Question("?", "q", choices=CHOICES, multi_select=True), "2, 1,2", ("blue", "red")),
    ],
)
def test_a_line_is_read_as_the_question_means_it(question: Question, line: str, answer: tuple[str, ...] | None) -> None:
    assert read_answer(question, line) == answer


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (Question("?", "q"), "Type your answer and Enter."),
        (Question("?", "q", choices=CHOICES), "Type a number, and Enter."),
        (
            Question("?", "q", choices=CHOICES, multi_select=True, allow_other=True),
            "Type numbers with commas between them, or an answer of your own, and Enter.",
        ),
    ],
)
def test_it_is_said_what_can_be_typed(question: Question, sentence: str) -> None:
    assert how_to_answer(question) == sentence
