"""Prompts of front ends as JSON: text, images, and what is refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from agent_chat.chats import prompts
from agent_chat.chats.prompts import ChatPrompt
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.prompts import ImageInput, TextInput

PNG = {"media_type": "image/png", "data": base64.b64encode(b"png").decode()}


def test_a_text_alone_stays_text() -> None:
    prompt = ChatPrompt.from_wire({"text": "Hi"})
    assert prompt.prompt() == "Hi"
    assert ChatPrompt.from_wire(prompt.to_wire()) == prompt


def test_images_become_blocks_and_cross_again() -> None:
    prompt = ChatPrompt.from_wire({"text": "What is it?", "images": [PNG]})
    image = ImageInput(data=b"png", media_type="image/png")
    assert prompt.prompt() == (TextInput("What is it?"), image)
    assert ChatPrompt.from_wire(prompt.to_wire()) == prompt
    assert ChatPrompt.from_wire({"images": [PNG]}).prompt() == (image,)


@pytest.mark.parametrize(
    ("wire", "complaint"),
    [
        ({}, "empty"),
        ({"text": " \n"}, "empty"),
        ({"text": 3}, "has a text"),
        ({"text": "x", "images": "x"}, "as a list"),
        ({"text": "x" * (prompts.MAX_TEXT + 1)}, "at most 1000000"),
        ({"text": "x", "images": [PNG] * 11}, "at most 10"),
        ({"images": [{"media_type": "image/svg+xml", "data": ""}]}, "'image/svg"),
        ({"images": ["x"]}, "not None"),
        ({"images": [{"media_type": "image/png", "data": "*"}]}, "in base64"),
        ({"images": [{"media_type": "image/png", "data": 3}]}, "at most 8 MB"),
        ({"images": [{"media_type": "image/png", "data": "A" * (12 * 2**20)}]}, "at most 8 MB"),
    ],
)
def test_what_is_no_prompt_is_refused(wire: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidRequestError, match=complaint):
        ChatPrompt.from_wire(wire)
