"""What a session runs with and what it used, from claude's frames."""

from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import InvalidRequestError
from claude_sdk.normalizer.session_facts import SessionFacts

Json = dict[str, Any]


@pytest.fixture
def facts() -> SessionFacts:
    return SessionFacts(cwd="/w")


def test_the_greeting_tells_version_mode_and_efforts(facts: SessionFacts) -> None:
    models = [{"value": "a", "supportedEffortLevels": ["low", "high"]}, {"value": "b"}]
    facts.take_initialize({"claude_code_version": "2.1.329", "current_permission_mode": "plan", "models": models})
    assert (facts.version, facts.info.permission_mode, facts.default_mode) == ("2.1.329", "plan", "plan")
    assert facts.efforts == {"low", "high"}


def test_a_mode_that_was_asked_for_is_not_the_default() -> None:
    facts = SessionFacts(cwd="/w", mode="accept_edits")
    facts.take_initialize({"current_permission_mode": "acceptEdits"})
    assert (facts.info.permission_mode, facts.default_mode) == ("accept_edits", "default")


@pytest.mark.parametrize("effort", [None, "low"])
def test_an_effort_that_a_model_takes_is_let_through(facts: SessionFacts, effort: str | None) -> None:
    facts.take_initialize({"models": [{"supportedEffortLevels": ["low"]}]})
    facts.require_effort(effort)


def test_an_effort_that_no_model_takes_is_refused_with_those_there_are(facts: SessionFacts) -> None:
    facts.require_effort("frob")  # Nobody told what there is.
    facts.take_initialize({"models": [{"supportedEffortLevels": ["low", "high"]}]})
    with pytest.raises(InvalidRequestError, match="'frob'; there are: high, low"):
        facts.require_effort("frob")


def test_init_tells_what_the_session_runs_with(facts: SessionFacts) -> None:
    servers: list[Any] = [{"name": "one"}, {"odd": 1}, 5]
    facts.take_init({"cwd": "/x", "model": "m", "tools": ["Bash"], "mcp_servers": servers, "permissionMode": "plan"})
    info = facts.info
    assert (info.cwd, info.model, info.tools, info.mcp_servers, info.permission_mode) == (
        "/x",
        "m",
        ("Bash",),
        ("one",),
        "plan",
    )


@pytest.mark.parametrize("mode", ["something new", None, 5])
def test_a_mode_that_we_have_no_word_for_changes_nothing(facts: SessionFacts, mode: object) -> None:
    facts.take_mode("acceptEdits")
    facts.take_mode(mode)
    assert facts.info.permission_mode == "accept_edits"


def test_a_model_is_what_claude_confirmed(facts: SessionFacts) -> None:
    facts.take_model("m")
    facts.take_model(None)
    assert facts.info.model == "m"


def test_usage_sums_turns_and_takes_what_is_cumulative_as_it_is(facts: SessionFacts) -> None:
    used = {"m": {"inputTokens": 5, "contextWindow": 200_000}}
    facts.take_model("m")
    facts.note_call({"input_tokens": 7, "output_tokens": 3, "odd": "x"})
    for cost in (0.5, 0.75):
        facts.take_result(
            {"usage": {"input_tokens": 5, "output_tokens": 2}, "modelUsage": used, "total_cost_usd": cost}
        )
    usage = facts.usage
    assert (usage.total.input_tokens, usage.total.output_tokens) == (10, 4)
    assert (usage.cost_usd, usage.cost_source) == (0.75, "agent")
    assert usage.context is not None
    assert (usage.context.used_tokens, usage.context.max_tokens) == (10, 200_000)


def test_what_was_not_told_is_not_known(facts: SessionFacts) -> None:
    facts.note_call({})
    facts.take_result({"modelUsage": {"m": {"inputTokens": "many"}}})
    usage = facts.usage
    assert (usage.context, usage.cost_usd, usage.cost_source, dict(usage.by_model)) == (None, None, None, {})


def test_the_window_of_another_model_serves_where_that_of_the_main_one_is_not_told(facts: SessionFacts) -> None:
    facts.note_call({"input_tokens": 1})
    facts.take_result({"modelUsage": {"a": {"contextWindow": 5}, "b": {"contextWindow": 9}}})
    assert facts.context is not None
    assert facts.context.max_tokens == 9
