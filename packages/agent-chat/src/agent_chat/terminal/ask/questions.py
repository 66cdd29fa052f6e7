"""The agent's own questions: how one is shown, and what a typed line means as its answer."""

from __future__ import annotations

from agent_chat.transcript.blocks import Asked, Choice
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.asking.questions import Question


def question_block(question: Question) -> Asked:
    """Return the question as a block."""
    choices = [
        Choice((str(number),), visible(choice.label), visible(choice.description))
        for number, choice in enumerate(question.choices, 1)
    ]
    return Asked(visible(question.text), choices=tuple(choices))


def how_to_answer(question: Question) -> str:
    """Return what can be typed, in a sentence."""
    if not question.choices:
        return "Type your answer and Enter."
    numbers = "numbers with commas between them" if question.multi_select else "a number"
    other = ", or an answer of your own" if question.allow_other else ""
    return f"Type {numbers}{other}, and Enter."


def read_answer(question: Question, line: str) -> tuple[str, ...] | None:
    """Return the answers that a line gives: labels of choices, or free text; None when it gives none."""
    if not line:
        return None
    labels = [choice.label for choice in question.choices]
    picked = [part.strip() for part in line.split(",")] if question.multi_select else [line]
    if labels and all(part.isdecimal() and 1 <= int(part) <= len(labels) for part in picked):
        return tuple(dict.fromkeys(labels[int(part) - 1] for part in picked))
    return (line,) if question.allow_other or not labels else None
