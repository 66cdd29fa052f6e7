"""What an AG-UI client sends, read: what is new, what is answered, and what cannot be used."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from agent_chat.web.agui.inputs import Resumed, RunInput, answer_of
from agent_sdk_core import Allow, Answers, Deny, ElicitationAnswer, InvalidRequestError

PIXEL = base64.b64encode(b"picture").decode()


def given(*messages: dict[str, Any], **more: Any) -> RunInput:
    told = [{"id": str(number), **message} for number, message in enumerate(messages)]
    return RunInput.read({"threadId": "t", "runId": "r", "messages": told, **more})


def test_what_was_said_since_the_agent_spoke_is_the_prompt() -> None:
    old = {"role": "user", "content": "old"}
    answer = {"role": "assistant", "content": "answer"}
    new = [{"role": "user", "content": "one"}, {"role": "user", "content": [{"type": "text", "text": "two"}]}]
    read = given(old, answer, *new)
    assert read.prompt is not None
    assert read.prompt.text == "one\n\ntwo"
    assert given(old, answer).prompt is None
    assert read.prompt_uuid == given(old, answer, *new).prompt_uuid != given(old, answer, new[0]).prompt_uuid


def test_images_come_with_their_data_and_nothing_is_fetched() -> None:
    image = {"type": "image", "source": {"type": "data", "value": PIXEL, "mimeType": "image/png"}}
    read = given({"role": "user", "content": [{"type": "text", "text": "What?"}, image]})
    assert read.prompt is not None
    assert read.prompt.images == (("image/png", b"picture"),)
    for source in ({"type": "url", "value": "http://127.0.0.1/a.png"}, {}):
        with pytest.raises(InvalidRequestError, match="Nothing is fetched"):
            given({"role": "user", "content": [{**image, "source": source}]})


def test_settings_and_what_a_lost_client_means_are_forwarded() -> None:
    read = given(forwardedProps={"model": "m", "other": 1, "on_disconnect": "continue"})
    assert (read.settings, read.stops) == ({"model": "m"}, False)
    assert given().stops
    with pytest.raises(InvalidRequestError, match="on_disconnect"):
        given(forwardedProps={"on_disconnect": "never"})


@pytest.mark.parametrize("thread", ["../x", "", "a/b", "x" * 129, "-a"])
def test_a_thread_that_is_no_chats_id_is_refused(thread: str) -> None:
    with pytest.raises(InvalidRequestError, match="threadId"):
        RunInput.read({"threadId": thread, "runId": "r", "messages": []})


def test_resumed_interrupts_are_read() -> None:
    entries: list[dict[str, Any]] = [
        {"interruptId": "a", "status": "cancelled"},
        {"interruptId": "b", "status": "resolved", "payload": {}},
    ]
    assert given(resume=entries).resumed == (Resumed("a", None), Resumed("b", {}))
    with pytest.raises(InvalidRequestError, match="is an object"):
        given(resume=[{"interruptId": "b", "status": "resolved", "payload": True}])


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("permission", None, Deny("The user gave no answer.")),
        ("permission", {"option": "2"}, "2"),
        ("permission", {"approved": True}, Allow()),
        ("permission", {"approved": True, "editedArgs": {"a": 1}}, Allow(updated_input={"a": 1})),
        ("permission", {"approved": False}, Deny("The user denied it.")),
        ("permission", {"approved": False, "message": "Why?"}, Deny("Why?")),
        ("question", None, Answers({})),
        ("question", {"answers": {"q": ["a", "b"], "r": "c"}}, Answers({"q": ["a", "b"], "r": "c"})),
        ("elicitation", None, ElicitationAnswer("cancel")),
        ("elicitation", {"action": "decline"}, ElicitationAnswer("decline")),
        ("elicitation", {"action": "accept", "content": {"a": 1}}, ElicitationAnswer("accept", {"a": 1})),
    ],
)
def test_an_answer_is_read_by_the_kind_of_its_request(kind: str, payload: Any, expected: object) -> None:
    assert answer_of({"kind": kind}, Resumed("a", payload)) == expected


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("permission", {}),
        ("permission", {"approved": "yes"}),
        ("question", {}),
        ("question", {"answers": {"q": 1}}),
        ("elicitation", {"action": "run"}),
    ],
)
def test_what_cannot_be_read_answers_nothing(kind: str, payload: Any) -> None:
    with pytest.raises(InvalidRequestError):
        answer_of({"kind": kind}, Resumed("a", payload))
