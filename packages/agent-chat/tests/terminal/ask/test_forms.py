from __future__ import annotations

from typing import Any

import pytest

from agent_chat.terminal.ask.forms import Entry, entries_of, entry_block, how_to_fill_in, read_entry, request_block
from agent_sdk_core.asking.questions import ElicitationRequest


def form(**properties: Any) -> ElicitationRequest:
    schema = {"type": "object", "properties": properties, "required": ["name"]}
    return ElicitationRequest("Who are you?", "bench", schema=schema)


def test_a_form_has_a_line_for_each_property() -> None:
    entries = entries_of(
        form(
            name={"type": "string", "title": "Name", "description": "As it is written"},
            colour={"type": "string", "enum": ["Red", "Blue"]},
            age={"type": "integer"},
        )
    )
    assert entries == (
        Entry("name", "Name — As it is written", "string", required=True),
        Entry("colour", "colour", "string", ("Red", "Blue")),
        Entry("age", "age", "integer"),
    )


def test_a_form_of_lists_is_not_filled_in_line_by_line() -> None:
    assert entries_of(form(names={"type": "array"})) is None
    assert entries_of(ElicitationRequest("Agree?")) == ()


@pytest.mark.parametrize(
    ("entry", "line", "value"),
    [
        (Entry("a", "A", "string"), "some text", ("some text",)),
        (Entry("a", "A", "string"), "", None),
        (Entry("a", "A", "string", ("Red", "Blue")), "2", ("Blue",)),
        (Entry("a", "A", "string", ("Red", "Blue")), "Red", ("Red",)),
        (Entry("a", "A", "string", ("Red", "Blue")), "Green", None),
        (Entry("a", "A", "integer"), "36", (36,)),
        (Entry("a", "A", "integer"), "3.5", None),
        (Entry("a", "A", "number"), "3.5", (3.5,)),
        (Entry("a", "A", "boolean"), "Y", (True,)),
        (Entry("a", "A", "boolean"), "no", (False,)),
        (Entry("a", "A", "boolean"), "perhaps", None),
    ],
)
def test_a_line_is_a_value_of_its_type_or_none(entry: Entry, line: str, value: object) -> None:
    assert read_entry(entry, line) == value


def test_what_is_asked_is_shown_with_what_can_be_typed() -> None:
    assert "bench asks: Who are you?" in request_block(form()).heading
    link = request_block(ElicitationRequest("Go.", "bench", "url", url="https://x.example"))
    assert ("link", "https://x.example") in link.facts
    assert [choice.label for choice in entry_block(Entry("a", "Sure?", "boolean")).choices] == ["Yes", "No"]
    assert entry_block(Entry("a", "Name", "string")).heading == "Name (may be left out)"
    assert how_to_fill_in(Entry("a", "A", "integer", required=True)) == (
        "Type a whole number, or - to decline, and Enter."
    )
    assert "nothing to leave it out" in how_to_fill_in(Entry("a", "A", "string", ("Red",)))
