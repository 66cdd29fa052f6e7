"""Wire form of errors: an `AgentError` as JSON-compatible data, and the error again, of its class and with its fields.

Pure. The class crosses by its name; a class that is not of the SDK's own tree crosses as the nearest of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field
from os import PathLike
from typing import Any, Final, Self, cast

from agent_sdk_core import errors
from agent_sdk_core.arguments import checked
from agent_sdk_core.errors import AgentError
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.forms import WireForm, read_wire

CLASSES: Final[Mapping[str, type[AgentError]]] = {
    name: value for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, AgentError)
}
"""The classes of the tree, by name."""

_OWN: Final = ("reset_at", "exit_code", "signal", "stderr_tail", "rpc_code", "rpc_data")
_SHARED: Final = ("message", "code", "retryable", "backend")


@dataclass(frozen=True, slots=True)
class ErrorForm(WireForm):
    """What crosses of an error.

    Attributes:
        error: Name of its class; a reader takes one that it does not know for `AgentError`.
        message: See `AgentError`, as the next four.
        code: Its identifier.
        retryable: Whether the same call may succeed later.
        backend: Who raised it.
        details: What a bug report needs; what JSON cannot hold is told by its `repr`.
        reset_at: See `RateLimitError`; None for other classes, as what follows.
        exit_code: See `ProcessExitedError`, as the next two.
        signal: The signal that ended it.
        stderr_tail: The last of what it wrote.
        rpc_code: See `ProtocolError`, as the next one.
        rpc_data: What came with the code.
    """

    error: str
    message: str
    code: str
    retryable: bool
    backend: str | None = None
    details: Mapping[str, object] = field(default_factory=dict[str, object])
    reset_at: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    stderr_tail: str | None = None
    rpc_code: int | None = None
    rpc_data: object = None

    @classmethod
    def of(cls, error: AgentError) -> Self:
        """Return what crosses of an error."""
        name = next(each.__name__ for each in type(error).__mro__ if CLASSES.get(each.__name__) is each)
        own: dict[str, Any] = {each: as_json(vars(error)[each]) for each in _OWN if each in vars(error)}
        details = cast("dict[str, object]", as_json(error.details))
        return cls(name, **{each: getattr(error, each) for each in _SHARED}, details=details, **own)

    def made(self) -> AgentError:
        """Return the error."""
        own = {each: getattr(self, each) for each in _OWN if getattr(self, each) is not None}
        cls = CLASSES.get(self.error, AgentError)
        kept = {each: value for each, value in own.items() if each in vars(cls(""))}
        shared = {each: getattr(self, each) for each in _SHARED}
        return cast("Any", cls)(**shared, details=self.details, **kept)


@checked
def error_to_wire(error: AgentError) -> dict[str, object]:
    """Return an error as JSON-compatible data: its class by name, its fields, and of `details` what JSON can hold.

    Raises:
        InvalidRequestError: It is no `AgentError`.
    """
    return ErrorForm.of(error).to_wire()


@checked
def error_from_wire(data: Mapping[str, object]) -> AgentError:
    """Return the error whose `error_to_wire` this is, of the same class; `AgentError` for a class of a newer version.

    Raises:
        InvalidRequestError: It is none; the message names the place.
    """
    return cast("ErrorForm", read_wire(ErrorForm, data, "error")).made()


def as_json(value: object) -> object:
    """Return a value as JSON-compatible data; what JSON cannot hold is told by its `repr`."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else repr(value)
        case Mapping():
            members = cast("Mapping[object, object]", value)
            return {str(key): as_json(member) for key, member in members.items()}
        case list() | tuple() | set() | frozenset():
            return [as_json(member) for member in cast("Sequence[object]", value)]
        case PathLike():
            return str(cast("PathLike[str]", value))
        case _:
            return repr(value)
