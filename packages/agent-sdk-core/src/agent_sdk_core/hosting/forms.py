"""Wire forms of what a host and its clients tell each other beside what has one of its own: messages, prompts.

A message crosses with its source, by which its turn is known; the agent's own payload, `raw`, stays with the host.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import fields
from os import PathLike, fspath
from typing import Any, Final, cast

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.messages.base import Failure, Source
from agent_sdk_core.messages.conversation import StreamEvent
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_core.prompts import (
    AudioInput,
    DocumentInput,
    ImageInput,
    MentionInput,
    Prompt,
    PromptBlock,
    SkillInput,
    TextInput,
    prompt_blocks,
)

Json = dict[str, Any]

_BLOCKS: Final[Mapping[str, type[PromptBlock]]] = {
    "text": TextInput,
    "image": ImageInput,
    "document": DocumentInput,
    "audio": AudioInput,
    "skill": SkillInput,
    "mention": MentionInput,
}


def message_to_wire(message: SDKMessage) -> Json:
    """Return a message with its source as JSON-compatible data."""
    data: Json = {"message": _delta(message) if type(message) is StreamEvent else message.to_wire()}
    if (source := message.source) is not None:
        failure = source.failure
        origin: list[Any] = [source.backend, source.thread_id, source.turn_id, source.item_id, source.request_id]
        origin.append(source.synthetic)
        if failure is not None:
            origin.append([failure.code, failure.retryable, failure.message])
        data["source"] = origin
    return data


def message_from_wire(data: Mapping[str, Any]) -> SDKMessage:
    """Return the message whose `message_to_wire` this is."""
    given: list[Any] = list(data.get("source") or ())
    source: Source | None = None
    if given:
        failure = Failure(*given.pop()) if len(given) > 6 else None
        source = Source(*given, failure=failure)
    return parse_message(data["message"], source=source)


def prompt_to_wire(prompt: Prompt) -> list[Json]:
    """Return a prompt as JSON-compatible data; bytes are in base64."""
    return [_block_to_wire(block) for block in prompt_blocks(prompt)]


def prompt_from_wire(data: Sequence[Mapping[str, Any]]) -> Prompt:
    """Return the prompt whose `prompt_to_wire` this is.

    Raises:
        InvalidRequestError: It is none.
    """
    blocks = tuple(_block_from_wire(entry) for entry in data)
    only = blocks[0] if len(blocks) == 1 else None
    return only.text if isinstance(only, TextInput) else blocks


def plain(value: object) -> Any:
    """Return a value of options as JSON-compatible data.

    Raises:
        InvalidRequestError: JSON cannot hold it.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {str(key): plain(member) for key, member in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(member) for member in cast("Sequence[object]", value)]
    if isinstance(value, PathLike):
        return fspath(cast("PathLike[str]", value))
    raise InvalidRequestError(f"{type(value).__name__} has no form in JSON, so that it cannot be sent to a host.")


def _delta(message: StreamEvent) -> Json:
    """Return a delta as `to_wire` does; the values of one that has all its fields are such data, and are not copied."""
    if message.model_extra or len(message.model_fields_set) != len(fields := vars(message)):
        return message.to_wire()
    return fields.copy()


def _block_to_wire(block: PromptBlock) -> Json:
    kind = next(kind for kind, cls in _BLOCKS.items() if cls is type(block))
    given: Json = {"kind": kind}
    for each in fields(block):
        value = getattr(block, each.name)
        if isinstance(value, bytes):
            given[each.name] = base64.b64encode(value).decode()
        elif value is not None:
            given[each.name] = fspath(value)
    return given


def _block_from_wire(data: Mapping[str, Any]) -> PromptBlock:
    cls = _BLOCKS.get(str(data.get("kind")))
    if cls is None:
        raise InvalidRequestError(f"A prompt has no block of kind {data.get('kind')!r}.")
    given = {each.name: data[each.name] for each in fields(cls) if each.name in data}
    if "data" in given:
        given["data"] = base64.b64decode(given["data"])
    return cls(**given)
