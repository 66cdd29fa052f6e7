from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from agent_sdk_core import AgentError, ResultMessage, Source, TypedResult, UsageLimitError, parse_message


def result(**fields: Any) -> ResultMessage:
    return ResultMessage.synthesize(Source("test"), {"native": True}, **{"subtype": "success", **fields})


def test_a_result_has_an_answer_and_is_the_same_message() -> None:
    plain = result(structured_output=5)
    typed: TypedResult[int] = TypedResult.of(plain).with_output(5)
    assert (typed.output, typed.has_output) == (5, True)
    assert (typed.raw, typed.source, typed.to_json()) == (plain.raw, plain.source, plain.to_json())
    assert TypedResult.of(typed) is typed
    assert type(parse_message(typed.to_wire())) is ResultMessage


def test_copies_keep_the_answer() -> None:
    typed: TypedResult[list[int]] = TypedResult.of(result()).with_output([1])
    for copied in (copy.copy(typed), copy.deepcopy(typed), typed.model_copy(), pickle.loads(pickle.dumps(typed))):
        assert (copied.output, copied.source) == ([1], Source("test"))


def test_without_an_answer_the_failure_is_raised() -> None:
    failed: TypedResult[int] = TypedResult.of(result(is_error=True, error_code="usage_limit", errors=["No more."]))
    with pytest.raises(UsageLimitError, match=r"No more\."):
        _ = failed.output
    stopped: TypedResult[int] = TypedResult.of(result(terminal_reason="aborted_streaming"))
    with pytest.raises(AgentError, match="it was interrupted") as caught:
        _ = stopped.output
    assert (caught.value.code, stopped.has_output) == ("turn_interrupted", False)
