from __future__ import annotations

from typing import Any, Final

import pytest

from agent_sdk_core.asking.permissions import DENY, Allow, Deny, PermissionOption, PermissionRequest
from agent_sdk_core.asking.questions import (
    Answers,
    Choice,
    ElicitationAnswer,
    ElicitationRequest,
    Question,
    QuestionRequest,
)
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest
from agent_sdk_core.errors import AgentError
from agent_sdk_core.redaction import REDACTED, redact
from agent_sdk_core.runtime.asking.fitting import fitting

pytestmark = pytest.mark.anyio

RED, BLUE = Choice("Red"), Choice("Blue")
ASKED = QuestionRequest(
    (
        Question("Which colour?", "colour", choices=(RED, BLUE)),
        Question("Which sizes?", "sizes", choices=(Choice("S"), Choice("M")), multi_select=True),
        Question("Or else?", "other", choices=(RED,), allow_other=True),
        Question("Your name?", "name"),
        Question("The key?", "key", secret=True),
    )
)
NAMED: dict[str, Any] = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


async def refused(request: AgentRequest, answer: AgentAnswer) -> str | None:
    fits = await fitting(request)
    try:
        fits(answer)
    except AgentError as error:
        return error.message
    return None


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"colour": "Red"},
        {"sizes": ("S", "M")},
        {"other": "Something of my own"},
        {"name": "Ada"},
        {"colour": (), "sizes": ("M",)},
    ],
)
async def test_answers_that_fit_their_questions_are_taken(given: dict[str, Any]) -> None:
    assert await refused(ASKED, Answers(given)) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"color": "Red"}, "Nobody asked 'color'; did you mean 'colour'?"),
        ({"zzzzzz": "Red"}, "Nobody asked 'zzzzzz'; asked was: 'colour', 'sizes', "),
        ({"colour": ("Red", "Blue")}, "The question 'colour' takes one answer, not 2."),
        ({"colour": "Green"}, "The question 'colour' takes one of its choices: 'Red', 'Blue'."),
        ({"sizes": ("S", "XL")}, "takes one of its choices: 'S', 'M'."),
        ({"name": ("Ada", "Eve")}, "takes one answer"),
    ],
)
async def test_answers_that_do_not_fit_are_refused_in_words(given: dict[str, Any], words: str) -> None:
    assert words in (await refused(ASKED, Answers(given)) or "")


async def test_what_answers_a_secret_question_is_a_secret_from_then_on() -> None:
    assert await refused(ASKED, Answers({"key": "a-secret-of-the-user"})) is None
    assert redact("it is a-secret-of-the-user") == f"it is {REDACTED}"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ElicitationAnswer("accept", {"name": "Ada"}), None),
        (ElicitationAnswer("decline", {"name": 5}), None),
        (ElicitationAnswer("cancel"), None),
        (Deny(), None),
        (ElicitationAnswer("accept"), "'name' is a required property"),
        (ElicitationAnswer("accept", {"name": 5}), "does not fit what 'bench' asks: "),
    ],
)
async def test_content_fits_the_schema_of_its_form(answer: AgentAnswer, words: str | None) -> None:
    told = await refused(ElicitationRequest("Who?", "bench", schema=NAMED), answer)
    assert (told is None) if words is None else (words in (told or ""))


async def test_nothing_fits_a_schema_that_is_none() -> None:
    request = ElicitationRequest("Who?", "bench", schema={"type": "nonsense"})
    assert "the server's schema cannot be used" in (await refused(request, ElicitationAnswer("accept", {})) or "")
    assert await refused(request, ElicitationAnswer("decline")) is None


async def test_a_link_and_a_form_without_a_schema_take_anything() -> None:
    for request in (ElicitationRequest("Go.", mode="url", url="https://x"), ElicitationRequest("Say.")):
        assert await refused(request, ElicitationAnswer("accept", {"a": 1})) is None


OFFERED: Final = (PermissionOption("always", "Yes, always", Allow("always", option="always")), DENY)


@pytest.mark.parametrize(
    ("changeable", "answer", "words"),
    [
        (None, Allow(updated_input={"anything": 1}), None),
        ((), Allow(updated_input={"command": "ls", "cwd": "/x"}), None),
        ((), Allow(updated_input={"command": "rm"}), "cannot run a changed input"),
        ((), Allow(), None),
        ((), Deny(), None),
        (("command",), Allow(updated_input={"command": "ls -l", "cwd": "/x"}), None),
        (("command",), Allow(updated_input={"command": "ls -l"}), None),
        (("command",), Allow(updated_input={"command": "ls", "cwd": "/y"}), "can change 'command' alone"),
        (("command",), Allow(updated_input={"command": ["ls"]}), "can change 'command' alone"),
        (("command",), Allow(updated_input={}), "can change 'command' alone"),
    ],
)
async def test_an_input_is_changed_as_far_as_the_agent_can(
    changeable: tuple[str, ...] | None, answer: Allow | Deny, words: str | None
) -> None:
    request = PermissionRequest("Bash", {"command": "ls", "cwd": "/x"}, changeable=changeable)
    found = await refused(request, answer)
    assert found is None if words is None else words in str(found)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Allow("always"), None),
        (Allow(option="always"), None),
        (Deny(), None),
        (Deny("No.", interrupt=True), None),
        (Allow(), "no way to allow this once"),
        (Allow("session"), "no way to allow this once"),
        (Allow(option="alwys"), "it has: always, deny"),
        (Deny(option="always"), None),
        (Deny(option="nevr"), None),
    ],
)
async def test_what_is_not_offered_is_no_answer(answer: Allow | Deny, words: str | None) -> None:
    found = await refused(PermissionRequest("Bash", {"command": "ls"}, options=OFFERED), answer)
    assert found is None if words is None else words in str(found)


async def test_answers_of_another_kind_are_not_judged_here() -> None:
    assert await refused(ASKED, Allow()) is None
    assert await refused(PermissionRequest("Bash"), Allow()) is None
