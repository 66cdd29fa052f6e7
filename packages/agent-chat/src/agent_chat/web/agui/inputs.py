"""The input of an AG-UI run: its chat, the prompt that is new, and the answers to what an earlier run asked. Pure."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self, cast

from agent_chat.chats.prompts import ChatPrompt
from agent_sdk_core.asking.permissions import Allow, Deny
from agent_sdk_core.asking.questions import Answers, ElicitationAnswer
from agent_sdk_core.asking.requests import AgentAnswer
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.wire.reading import as_record

SETTINGS: Final = ("backend", "model", "effort", "permission_mode", "sandbox", "cwd", "title")
"""What `forwardedProps` may say of a chat that is made by the run."""

_CHAT_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_PROMPTS: Final = uuid.UUID("0b6e5ad9-6a4b-4a40-9b39-7bd3f0a3f6cf")

Schema = Mapping[str, Any]
RUN_INPUT: Final[Schema] = {
    "type": "object",
    "required": ["threadId", "runId", "messages"],
    "properties": {
        "threadId": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$"},
        "runId": {"type": "string", "minLength": 1, "maxLength": 128},
        "messages": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "role"],
                "properties": {"id": {"type": "string"}, "role": {"type": "string"}},
            },
        },
        "resume": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["interruptId", "status"],
                "properties": {
                    "interruptId": {"type": "string"},
                    "status": {"enum": ["resolved", "cancelled"]},
                    "payload": True,
                },
            },
        },
        "forwardedProps": True,
    },
}
"""What is checked of a body; the rest of it is passed over, as the protocol wants."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The answer to one interrupt.

    Attributes:
        request_id: The request that it stands for.
        payload: What was answered; None: the person gave up.
    """

    request_id: str
    payload: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class RunInput:
    """What a run is to do.

    Attributes:
        thread_id: The chat.
        run_id: The run.
        prompt: What is newly said; None: nothing.
        prompt_uuid: Identity of the prompt: the same message of the same thread is sent once.
        resumed: Answers to what the run before asked.
        settings: What a chat that is made has.
        stops: Whether the agent is stopped when the client goes away.
    """

    thread_id: str
    run_id: str
    prompt: ChatPrompt | None
    prompt_uuid: str
    resumed: tuple[Resumed, ...]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    stops: bool = True

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """Return what the body of a run says, which fits `RUN_INPUT`.

        Raises:
            InvalidRequestError: A message or a setting cannot be used.
        """
        thread_id = body["threadId"]
        if not _CHAT_ID.fullmatch(thread_id):
            raise InvalidRequestError("A threadId has letters, digits, dots, dashes and underscores, at most 128.")
        new = _new_messages(body["messages"])
        prompt = _prompt(new) if new else None
        key = "\n".join([thread_id, *(str(message["id"]) for message in new)])
        props = as_record(body.get("forwardedProps")) or {}
        gone = props.get("on_disconnect", "stop")
        if gone not in ("stop", "continue"):
            raise InvalidRequestError("forwardedProps.on_disconnect is 'stop' or 'continue'.")
        return cls(
            thread_id,
            body["runId"],
            prompt,
            str(uuid.uuid5(_PROMPTS, key)),
            tuple(_resumed(entry) for entry in body.get("resume") or ()),
            {name: props[name] for name in SETTINGS if name in props},
            gone == "stop",
        )


def answer_of(asked: Mapping[str, Any], resumed: Resumed) -> AgentAnswer | str:
    """Return the answer to a request, as `Chat.answer` takes it; who gave up has refused.

    Args:
        asked: The request, as `views.request_view` tells it.
        resumed: What came for it.

    Raises:
        InvalidRequestError: The payload is no answer to it; nothing is allowed by what cannot be read.
    """
    payload = resumed.payload
    match asked["kind"]:
        case "permission":
            return Deny("The user gave no answer.") if payload is None else _permission(payload)
        case "question":
            return Answers({} if payload is None else _answers(payload.get("answers")))
        case _:
            if payload is None:
                return ElicitationAnswer("cancel")
            action, content = payload.get("action"), as_record(payload.get("content"))
            if action not in ("accept", "decline", "cancel"):
                raise InvalidRequestError("The payload's action is 'accept', 'decline' or 'cancel'.")
            return ElicitationAnswer(action, content) if content is not None else ElicitationAnswer(action)


def _permission(payload: Mapping[str, Any]) -> AgentAnswer | str:
    option, approved = payload.get("option"), payload.get("approved")
    if isinstance(option, str):
        return option
    if approved is False:
        said = payload.get("message")
        return Deny(said if isinstance(said, str) else "The user denied it.")
    if approved is True:
        changed = payload.get("editedArgs")
        return Allow() if changed is None else Allow(updated_input=as_record(changed) or {})
    raise InvalidRequestError("The payload of a permission has an 'option' of the interrupt, or 'approved'.")


def _answers(given: object) -> dict[str, tuple[str, ...]]:
    answers = as_record(given)
    if answers is None:
        raise InvalidRequestError("The payload of questions has 'answers': texts by the id of the question.")
    read: dict[str, tuple[str, ...]] = {}
    for key, value in answers.items():
        texts = cast("list[object]", value if isinstance(value, list) else [value])
        if not all(isinstance(text, str) for text in texts):
            raise InvalidRequestError(f"The answer to {key[:80]!r} is a text, or a list of texts.")
        read[key] = tuple(cast("list[str]", texts))
    return read


def _resumed(entry: Mapping[str, Any]) -> Resumed:
    payload = entry.get("payload")
    if entry["status"] == "cancelled":
        return Resumed(entry["interruptId"], None)
    if not isinstance(payload, Mapping):
        raise InvalidRequestError(f"The payload for {entry['interruptId'][:80]!r} is an object.")
    return Resumed(entry["interruptId"], cast("Mapping[str, Any]", payload))


def _new_messages(messages: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return what the person said after the agent last spoke; the agent remembers the rest by itself."""
    new: list[Mapping[str, Any]] = []
    for message in reversed(messages):
        if message["role"] == "user":
            new.insert(0, message)
        elif message["role"] in ("assistant", "tool", "reasoning", "activity"):
            break
    return new


def _prompt(messages: Iterable[Mapping[str, Any]]) -> ChatPrompt:
    texts: list[str] = []
    images: list[dict[str, object]] = []
    for message in messages:
        content = message.get("content")
        parts = cast("list[object]", content if isinstance(content, list) else [content])
        for part in parts:
            if isinstance(part, str):
                texts.append(part)
                continue
            read = as_record(part) or {}
            if read.get("type") == "text":
                texts.append(str(read.get("text", "")))
            else:
                images.append(_image(read))
    return ChatPrompt.from_wire({"text": "\n\n".join(texts), "images": images})


def _image(part: Mapping[str, object]) -> dict[str, object]:
    source = as_record(part.get("source")) or {}
    if part.get("type") != "image" or source.get("type") != "data":
        raise InvalidRequestError(
            f"A prompt has text, and images with their data; {str(part.get('type'))[:40]!r} from "
            f"{str(source.get('type', 'nowhere'))[:40]!r} is neither. Nothing is fetched from elsewhere."
        )
    return {"media_type": source.get("mimeType"), "data": source.get("value")}
