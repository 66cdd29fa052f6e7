from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import AgentError, ResultMessage
from agent_sdk_core.messages.base import Source
from agent_sdk_core.structured.answers import AnswerForm, unwrapped
from agent_sdk_core.structured.schema import OutputSchema

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
SOURCE = Source("test", "thread", "turn")


def result(**fields: Any) -> ResultMessage:
    wire = {"subtype": "success", "result": "said", "user_message_uuids": ["one"], "session_id": "s", **fields}
    return ResultMessage.synthesize(SOURCE, {"native": True}, **wire)


def settle(message: ResultMessage, schema: object = SCHEMA, restore: Any = unwrapped) -> ResultMessage:
    form = AnswerForm(OutputSchema(schema), {}, restore)
    settled = form.settle(message)
    assert (settled.uuid, settled.source, settled.raw) == (message.uuid, message.source, message.raw)
    return settled


def test_data_that_fit_are_the_answer() -> None:
    settled = settle(result(structured_output={"value": {"n": 1}}))
    assert (settled.outcome, settled.error, settled.structured_output) == ("completed", None, {"n": 1})


def test_without_data_the_turn_has_failed_and_keeps_its_text() -> None:
    for message in (result(), result(structured_output=None)):
        settled = settle(message)
        assert (settled.subtype, settled.outcome, settled.result) == ("error_during_execution", "failed", "said")
        assert settled.error is not None
        assert (settled.error.code, settled.error.retryable) == ("structured_output_missing", True)
        assert "structured_output" not in settled.to_wire()
        with pytest.raises(AgentError, match="output_schema"):
            settled.raise_for_error()


def test_data_that_do_not_fit_are_a_failure_that_says_where() -> None:
    settled = settle(result(structured_output={"n": "five"}))
    assert settled.structured_output is None
    assert settled.error is not None
    assert settled.error.code == "structured_output_invalid"
    assert "n: 'five' is not of type 'integer'" in str(settled.error)
    assert settled.error.details["problems"] == [{"path": "n", "message": "'five' is not of type 'integer'"}]
    assert settled.error.details["raw"] == {"native": True}


def test_null_is_an_answer_where_it_fits() -> None:
    assert settle(result(structured_output=None), {"type": "null"}).outcome == "completed"
    assert settle(result(), {"type": "null"}).outcome == "failed"


@pytest.mark.parametrize("given", [{}, {"structured_output": {"n": "x"}}])
@pytest.mark.parametrize(
    ("fields", "outcome", "code"),
    [
        ({"subtype": "error_during_execution", "terminal_reason": "aborted_tools"}, "interrupted", None),
        ({"subtype": "error_during_execution", "terminal_reason": "cancelled"}, "cancelled", None),
        ({"is_error": True, "error_code": "usage_limit"}, "failed", "usage_limit"),
        ({"subtype": "error_max_turns"}, "limit", "turn_failed"),
    ],
)
def test_a_turn_that_ends_otherwise_keeps_its_own_error(
    fields: dict[str, Any], outcome: str, code: str | None, given: dict[str, Any]
) -> None:
    settled = settle(result(**fields, **given))
    assert (settled.outcome, settled.structured_output) == (outcome, None)
    assert (settled.error and settled.error.code) == code


def test_a_turn_that_nobody_prompted_owes_no_data() -> None:
    assert settle(result(user_message_uuids=[])).outcome == "completed"
    assert settle(result(user_message_uuids=[], structured_output={"n": 1})).structured_output == {"n": 1}
    assert settle(result(user_message_uuids=[], structured_output={"n": "x"})).outcome == "failed"


def test_only_an_object_of_one_value_is_unwrapped() -> None:
    assert unwrapped({"value": [1]}) == [1]
    assert unwrapped({"value": 1, "more": 2}) == {"value": 1, "more": 2}
    assert unwrapped("x") == "x"
