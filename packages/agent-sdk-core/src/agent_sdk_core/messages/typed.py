"""The result of a turn that was asked for an answer of some type."""

from __future__ import annotations

from typing import Any, Generic, Self, TypeVar, cast

from pydantic import PrivateAttr

from agent_sdk_core.errors import AgentError
from agent_sdk_core.messages.result import ResultMessage

T = TypeVar("T")


class TypedResult(ResultMessage, Generic[T], frozen=True):
    """A `ResultMessage` with its answer as a value of the type that was asked for: `output`."""

    _output: Any = PrivateAttr(default=None)
    _has_output: bool = PrivateAttr(default=False)

    @classmethod
    def of(cls, result: ResultMessage) -> TypedResult[Any]:
        """Return a result as one that may have an answer, and has none so far."""
        kind: type[TypedResult[Any]] = TypedResult
        if isinstance(result, TypedResult):
            return cast("TypedResult[Any]", result)
        return kind.model_validate(result.to_wire()).with_origin(result.source, result.raw)

    def with_output(self, output: object) -> Self:
        """Attach the answer, once, when the result is made; returns the result itself."""
        for name, value in (("_output", output), ("_has_output", True)):
            setattr(self, name, value)
        return self

    @property
    def has_output(self) -> bool:
        """Whether there is an answer: the turn completed, and what it said is of the type."""
        return self._has_output

    @property
    def output(self) -> T:
        """The answer.

        Raises:
            AgentError: There is none, because the turn failed, was interrupted or cancelled; see `outcome`.
        """
        if not self._has_output:
            raise self.error or AgentError(
                f"The turn has no answer: it was {self.outcome}.", code=f"turn_{self.outcome}"
            )
        return cast("T", self._output)
