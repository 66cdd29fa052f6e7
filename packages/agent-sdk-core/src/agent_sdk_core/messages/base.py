"""What every message shares: its identity, its native payload, and the way to and from the wire.

The wire is the Claude-shaped JSON object. A message remembers which keys it was given, so that `to_wire()` adds, drops
and nulls nothing; `raw` and `source` are ours and stay out of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self
from uuid import uuid4

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.json_lines import mended
from agent_sdk_core.wire.model import NamedModel

assign = object.__setattr__


@dataclass(frozen=True, slots=True)
class Failure:
    """What a failed turn failed of, where the agent told it beside the result itself.

    Attributes:
        code: Code of an `AgentError` class, or one of its own where none fits.
        retryable: Whether the same prompt may succeed later.
        message: What to say instead of the result's own words, where those advise what cannot be done here.
    """

    code: str
    retryable: bool = False
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a message comes from, in the agent's own terms; one object is shared by all messages of an item.

    Attributes:
        backend: Name of the backend, such as "codex".
        thread_id: The agent's thread or session, child threads included.
        turn_id: The agent's turn, where it has one.
        item_id: The agent's item, where it has one.
        request_id: The agent's request, for messages about one.
        synthetic: Whether we made the message although the agent sent nothing of the kind.
        failure: For a result, what its turn failed of.
    """

    backend: str
    thread_id: str | None = None
    turn_id: str | None = None
    item_id: str | None = None
    request_id: str | None = None
    synthetic: bool = False
    failure: Failure | None = None


class Message(NamedModel, frozen=True):
    """Base of all messages.

    Attributes:
        type: Kind of message; the discriminator of the union.
        uuid: Identity of this message.
        session_id: The agent's id of the session it belongs to.
        parent_tool_use_id: The tool use that started the sub-agent it comes from; None on the main thread.
    """

    __slots__: ClassVar[tuple[str, ...]] = ("_raw", "_source")

    type: str
    uuid: str | None = None
    session_id: str | None = None
    parent_tool_use_id: str | None = None

    @property
    def raw(self) -> Any:
        """The native payload by reference, or None where there was none; treat it as read-only."""
        try:  # Not as an attribute, which would find a key of this name that the wire brought.
            raw = _raw_of(self)
        except AttributeError:
            return None
        if type(raw) is bytes:  # A line of a run, which nobody has read in full.
            raw = from_json(raw)
            assign(self, "_raw", raw)
        return raw

    @property
    def source(self) -> Source | None:
        """Where the message comes from, or None for one that was parsed from the wire."""
        try:
            return _source_of(self)
        except AttributeError:
            return None

    @classmethod
    def assembled(cls, fields: dict[str, Any], given: set[str], source: Source, raw: Any) -> Self:
        """Return a message of fields that are known to fit, which nobody checks: a fraction of a validation.

        Args:
            fields: Every field of the class, by name; the message keeps this dictionary.
            given: Their names; all messages that are made with it share this set.
            source: Where it comes from.
            raw: Its native payload, or the line that holds it.
        """
        message = cls.__new__(cls)
        _set_fields(message, fields)
        _set_given(message, given)
        _set_extra(message, {})
        _set_private(message, None)
        _set_source(message, source)
        _set_raw(message, raw)
        return message

    def with_origin(self, source: Source | None, raw: Any = None) -> Self:
        """Attach `source` and `raw` to this message, once, when it is made; returns the message itself."""
        assign(self, "_source", source)
        assign(self, "_raw", raw)
        return self

    @classmethod
    def synthesize(cls, source: Source, raw: Any = None, **fields: object) -> Self:
        """Return a message that we make ourselves: type, subtype and a new uuid filled in.

        What the wire gave for it and is of a wrong type is left out, as in `salvaged`.

        Args:
            source: Where it comes from.
            raw: The native payload that occasioned it.
            fields: Its fields, by name.
        """
        known = cls.model_fields
        constants = {name: known[name].default for name in ("type", "subtype") if name in known}
        # A text of the application's may hold half characters, which no wire form of the message would hold.
        told = {key: mended(each) for key, each in fields.items()}
        wire = {**constants, "uuid": str(uuid4()), "session_id": None, "parent_tool_use_id": None, **told}
        return cls.salvaged(wire).with_origin(source, raw)

    @classmethod
    def salvaged(cls, wire: dict[str, Any]) -> Self:
        """Return a message of what can be read: optional fields that do not fit are left out.

        Raises:
            ValidationError: A field that the class needs is absent or does not fit.
        """
        try:
            return cls.model_validate(wire)
        except ValidationError as error:
            wrong = {detail["loc"][0] for detail in error.errors(include_url=False, include_input=False)}
            wrong |= {name for name, field in cls.model_fields.items() if field.alias in wrong}
            kept = {key: value for key, value in wire.items() if key not in wrong}
            if len(kept) == len(wire):
                raise
            return cls.salvaged(kept)

    def _told(self) -> dict[str, object]:
        """Return what is shown: what it says first, its identity last."""
        told = super()._told()
        identity = {name: told.pop(name) for name in ("uuid", "session_id", "parent_tool_use_id") if name in told}
        return {**told, **identity}

    def __copy__(self) -> Self:
        """Copy with origin."""
        return super().__copy__().with_origin(self.source, self.raw)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy with origin; the native payload stays shared."""
        return super().__deepcopy__(memo).with_origin(self.source, self.raw)

    def __getstate__(self) -> dict[Any, Any]:
        return {**super().__getstate__(), "origin": (self.source, self.raw)}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        fields = dict(state)
        source, raw = fields.pop("origin")
        super().__setstate__(fields)
        self.with_origin(source, raw)


_raw_of: Callable[[Message], Any] = vars(Message)["_raw"].__get__
_source_of: Callable[[Message], Source | None] = vars(Message)["_source"].__get__

# Of the slots themselves: half of what `assign` takes, which looks for the name in every class first. Pydantic's slots
# are those that its own `model_construct` fills.
_set_fields: Callable[[Message, dict[str, Any]], None] = vars(BaseModel)["__dict__"].__set__
_set_given: Callable[[Message, set[str]], None] = vars(BaseModel)["__pydantic_fields_set__"].__set__
_set_extra: Callable[[Message, dict[str, Any]], None] = vars(BaseModel)["__pydantic_extra__"].__set__
_set_private: Callable[[Message, None], None] = vars(BaseModel)["__pydantic_private__"].__set__
_set_source: Callable[[Message, Source], None] = vars(Message)["_source"].__set__
_set_raw: Callable[[Message, Any], None] = vars(Message)["_raw"].__set__
