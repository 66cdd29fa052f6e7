"""`AnswerForm`: how an agent is asked for data, and what its results have to hold. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.structured.schema import Json, OutputSchema, as_object

MISSING: Final = "structured_output_missing"
"""Code of a turn that was to answer with data and answered with none."""

INVALID: Final = "structured_output_invalid"
"""Code of a turn whose data do not fit the schema."""

WRAPPED: Final = "value"
"""Where agents take none but objects: the property of one that stands for an answer of another type."""


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """What a session's answers have to be.

    Attributes:
        asked: The schema that they have to fit: the caller's.
        sent: The schema as the agent is given it.
        restore: Turns an answer to `sent` into one to `asked`; never raises.
    """

    asked: OutputSchema
    sent: Json
    restore: Callable[[Any], Any]

    def settle(self, messages: Iterable[SDKMessage]) -> list[SDKMessage]:
        """Return the messages, with the results among them held to what was asked for.

        A turn that completed without data that fit has failed; one that ended otherwise keeps its own error. Where
        nobody prompted a turn, nobody asked it for data. No result holds data that do not fit.
        """
        return [self._settled(message) if isinstance(message, ResultMessage) else message for message in messages]

    def _settled(self, result: ResultMessage) -> ResultMessage:
        answer = self.restore(result.structured_output)
        given = "structured_output" in result.model_fields_set and (answer is not None or self.asked.fits(None))
        problems = self.asked.problems(answer) if given else []
        if given and not problems:
            return result.model_copy(update={"structured_output": answer})
        update: Json = {"structured_output": None}
        if result.outcome == "completed" and (given or result.user_message_uuids):
            update |= {"subtype": "error_during_execution", "is_error": True, "retryable": True} | _failure(problems)
        settled = result.model_copy(update=update)
        settled.model_fields_set.discard("structured_output")
        return settled


def unwrapped(answer: Any) -> Any:
    """Return what stands in an object for an answer of another type; anything else as it is."""
    members = as_object(answer)
    return members[WRAPPED] if members.keys() == {WRAPPED} else answer


def _failure(problems: list[dict[str, str]]) -> Json:
    if not problems:
        problem = "SessionOptions.output_schema asked for data, and the answer is none: read it as `result`."
        return {"errors": [problem], "error_code": MISSING}
    places = "; ".join(f"{problem['path'] or 'all of it'}: {problem['message']}" for problem in problems[:3])
    problem = f"The answer does not fit SessionOptions.output_schema: {places}"
    return {"errors": [problem], "error_code": INVALID, "error_details": {"problems": problems}}
