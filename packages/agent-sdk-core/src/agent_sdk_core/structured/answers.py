"""`AnswerForm`: how an agent is asked for data, and what its results have to hold. Pure."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from agent_sdk_core.errors import failure_text
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.typed import TypedResult
from agent_sdk_core.records import dataclass
from agent_sdk_core.structured.schema import Json, OutputSchema, as_object

if TYPE_CHECKING:
    from agent_sdk_core.structured.output_type import OutputType

_log = logging.getLogger(__name__)

MISSING: Final = "structured_output_missing"
"""Code of a turn that was to answer with data and answered with none."""

INVALID: Final = "structured_output_invalid"
"""Code of a turn whose data do not fit the schema."""

WRAPPED: Final = "value"
"""Where agents take none but objects: the property of one that stands for an answer of another type."""


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """What answers have to be: a session's, or one turn's.

    Attributes:
        asked: The schema that they have to fit: the caller's.
        sent: The schema as the agent is given it.
        restore: Turns an answer to `sent` into one to `asked`; never raises.
        type: The type that they have to be of, where one was asked for.
        name: What asked for them, for messages.
    """

    asked: OutputSchema
    sent: Json
    restore: Callable[[Any], Any]

    type: OutputType | None = None
    name: str = "SessionOptions.output_schema"

    def of_turn(self, output_type: OutputType | None) -> AnswerForm:
        """Return the form as one of a single turn, which may have asked for a type."""
        name = "TurnOptions.output_schema" if output_type is None else f"output_type={output_type.name}"
        return replace(self, type=output_type, name=name)

    def settle(self, result: ResultMessage) -> ResultMessage:
        """Return a result held to what was asked for.

        A turn that completed without data that fit has failed; one that ended otherwise keeps its own error. Where
        nobody prompted a turn, nobody asked it for data. No result holds data that do not fit.
        """
        if self.type is not None:
            result = TypedResult.of(result)
        answer = self.restore(result.structured_output)
        given = "structured_output" in result.model_fields_set and (answer is not None or self.asked.fits(None))
        output, problems = self._read(answer) if given else (None, [])
        if given and not problems:
            settled = result.model_copy(update={"structured_output": answer})
            return TypedResult.of(settled).with_output(output) if self._is_typed(settled) else settled
        update: Json = {"structured_output": None}
        if result.outcome == "completed" and (given or result.user_message_uuids):
            failed = _failure(self.name, problems)
            update |= {"subtype": "error_during_execution", "is_error": True, "retryable": True} | failed
        settled = result.model_copy(update=update)
        settled.model_fields_set.discard("structured_output")
        return settled

    def _is_typed(self, settled: ResultMessage) -> bool:
        return self.type is not None and settled.outcome == "completed"

    def _read(self, answer: object) -> tuple[object, list[dict[str, str]]]:
        if self.type is None:
            return answer, self.asked.problems(answer)
        try:
            try:
                return self.type.read(answer), []
            except ValidationError as error:
                return None, self.type.problems(error)
        except BaseException as error:  # A type's checks are the application's code; who reads the agent goes on.
            _log.exception("%s: its check of an answer failed", self.name)
            return None, [{"path": "", "message": f"its check failed: {failure_text(error)}"}]


def unwrapped(answer: Any) -> Any:
    """Return what stands in an object for an answer of another type; anything else as it is."""
    members = as_object(answer)
    return members[WRAPPED] if members.keys() == {WRAPPED} else answer


def _failure(name: str, problems: list[dict[str, str]]) -> Json:
    if not problems:
        problem = f"{name} asked for data, and the answer is none: read it as `result`."
        return {"errors": [problem], "error_code": MISSING}
    places = "; ".join(f"{problem['path'] or 'all of it'}: {problem['message']}" for problem in problems[:3])
    problem = f"The answer does not fit {name}: {places}"
    return {"errors": [problem], "error_code": INVALID, "error_details": {"problems": problems}}
