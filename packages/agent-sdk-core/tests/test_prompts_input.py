from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.prompts import (
    AudioInput,
    DocumentInput,
    ImageInput,
    MentionInput,
    SkillInput,
    TextInput,
    clean_prompt,
    prompt_blocks,
)

BLOCKS = [
    TextInput("a"),
    ImageInput(url="https://example.org/a.png"),
    ImageInput(path=Path("a.png")),
    ImageInput(data=b"x", media_type="image/png"),
    DocumentInput(path="a.pdf"),
    DocumentInput(data=b"x", media_type="application/pdf"),
    AudioInput(url="https://example.org/a.mp3"),
    AudioInput(path="a.mp3"),
    SkillInput("s", "/s"),
    MentionInput("m", "/m"),
    TextInput("b"),
]


def test_text_is_one_block() -> None:
    assert prompt_blocks("hi") == (TextInput("hi"),)
    assert clean_prompt("hi") == "hi"


def test_blocks_stay_as_they_are() -> None:
    assert prompt_blocks(BLOCKS) == tuple(BLOCKS)
    assert clean_prompt(BLOCKS) == tuple(BLOCKS)


def test_lone_surrogates_are_replaced_in_text_only() -> None:
    assert clean_prompt("a\ud83d\U0001f600") == "a\ufffd\U0001f600"
    image = ImageInput(path="a.png")
    assert clean_prompt([TextInput("\ud83d"), image]) == (TextInput("\ufffd"), image)


@pytest.mark.parametrize("blank", [" ", "\n\t", "\u2003", "\ufeff", " \ufeff\n"])
def test_a_blank_prompt_is_refused_as_an_empty_one_is(blank: str) -> None:
    for prompt in (blank, [TextInput(blank)], [TextInput(""), TextInput(blank)]):
        for check in (prompt_blocks, clean_prompt):
            with pytest.raises(InvalidRequestError, match="The prompt is empty"):
                check(prompt)


def test_a_blank_text_beside_other_blocks_is_left_out() -> None:
    image = ImageInput(path="a.png")
    assert clean_prompt([TextInput(" "), image, TextInput("a ")]) == (image, TextInput("a "))


def _name(prompt: object) -> str:
    return repr(prompt).partition(" object at")[0]


@pytest.mark.parametrize(
    "prompt", ["", [], (), None, 0, 5, b"", b"x", {}, {"a": 1}, TextInput("x"), ["x"], [None], iter(BLOCKS)], ids=_name
)
def test_what_is_no_prompt_is_refused(prompt: Any) -> None:
    for check in (prompt_blocks, clean_prompt):
        with pytest.raises(InvalidRequestError, match="prompt"):
            check(prompt)


@pytest.mark.parametrize("cls", [ImageInput, DocumentInput, AudioInput])
def test_a_file_has_exactly_one_source(cls: Any) -> None:
    with pytest.raises(InvalidRequestError, match=f"{cls.__name__} takes exactly one source"):
        cls()
    sources: dict[str, Any] = {"path": "a", "url": "b"} if cls is not DocumentInput else {"path": "a", "data": b"b"}
    with pytest.raises(InvalidRequestError, match="exactly one"):
        cls(**sources)


def test_image_bytes_need_their_media_type() -> None:
    with pytest.raises(InvalidRequestError, match="media_type"):
        ImageInput(data=b"x")


def test_document_bytes_need_their_media_type() -> None:
    with pytest.raises(InvalidRequestError, match="media_type"):
        DocumentInput(data=b"x")
