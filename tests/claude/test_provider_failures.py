from __future__ import annotations

import pytest
from tests.claude.driving import Claude

from agent_sdk_core import (
    ApiRetry,
    AssistantMessage,
    AuthenticationError,
    CompactBoundary,
    RateLimitError,
    StreamEvent,
    UserMessage,
)
from agent_sdk_testing import Gate, Step, disconnect, failed, http_error, incomplete, text
from agent_sdk_testing.contract.watching import run, until

pytestmark = pytest.mark.anyio


async def test_a_failed_request_is_tried_again_and_each_try_is_told(claude: Claude) -> None:
    claude.variables["CLAUDE_CODE_MAX_RETRIES"] = "2"
    claude.model.reply(http_error(529, "Busy.")).reply(text("Fine."))
    async with claude.session() as session:
        ran = await run(session, "Talk.")
    [retry] = ran.all(ApiRetry)
    assert (retry.attempt, retry.max_retries, retry.error_status) == (1, 2, 529)
    assert (ran.result.outcome, ran.result.result) == ("completed", "Fine.")


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [(401, AuthenticationError, False), (429, RateLimitError, True), (500, None, True), (529, None, True)],
)
async def test_a_request_that_fails_for_good_has_one_result(
    claude: Claude, status: int, kind: type[Exception] | None, retryable: bool
) -> None:
    claude.model.reply(http_error(status, "It is so.")).reply(text("On."))
    async with claude.session() as session:
        ran = await run(session, "Talk.")
        assert (ran.result.subtype, ran.result.is_error, ran.result.outcome) == ("success", True, "failed")
        assert ran.result.api_error_status == status
        error = ran.result.error
        assert error is not None
        assert "It is so." in str(error)
        assert error.retryable is retryable
        assert kind is None or isinstance(error, kind)
        assert (await run(session, "Go on.")).result.result == "On."


async def test_retries_are_interrupted(claude: Claude) -> None:
    claude.variables["CLAUDE_CODE_MAX_RETRIES"] = "10"
    claude.model.otherwise(http_error(500, "It broke."))
    async with claude.session() as session:
        turn = session.query("Talk.")
        await until(turn, ApiRetry)
        await turn.interrupt()
        assert (await turn.wait()).outcome == "interrupted"


@pytest.mark.parametrize(
    "fault", [failed("overloaded_error", "Busy."), disconnect(), disconnect(clean=True)], ids=["error", "cut", "end"]
)
async def test_a_stream_that_breaks_off_leaves_no_card_and_no_block_open(claude: Claude, fault: Step) -> None:
    claude.variables["CLAUDE_CODE_MAX_RETRIES"] = "1"
    claude.model.reply(text("Half ", "of it."), fault).otherwise(text("Whole."))
    async with claude.session() as session:
        ran = await run(session, "Talk.")
        assert ran.result.user_message_uuids == [ran.uuid]
        claude.model.reply(text("On."))
        assert (await run(session, "Go on.")).result.outcome == "completed"


async def test_a_tool_use_that_breaks_off_is_closed(claude: Claude) -> None:
    gate = Gate()
    claude.model.reply(claude.command("touch never.txt"), gate, disconnect()).otherwise(text("Then not."))
    async with claude.session(permission_mode="bypass") as session:
        turn = session.query("Act.")
        await until(turn, StreamEvent, lambda event: event.event.get("type") == "content_block_delta")
        gate.open()
        assert (await turn.wait()).user_message_uuids == [turn.uuid]


async def test_an_answer_that_is_cut_off_for_its_length_goes_on(claude: Claude) -> None:
    claude.model.reply(text("A long "), incomplete("max_output_tokens")).otherwise(text("story."))
    async with claude.session() as session:
        ran = await run(session, "Talk.")
    assert ran.text[0] == "A long "
    assert ran.text[-1] == "story."
    assert ran.result.outcome == "completed"
    synthetic = [message for message in ran.all(UserMessage) if message.is_synthetic]
    assert len(synthetic) == 1


async def test_a_refusal_of_the_model_is_a_failure(claude: Claude) -> None:
    claude.model.otherwise(text("I will"), incomplete("refusal"))
    async with claude.session() as session:
        ran = await run(session, "Do harm.")
        assert ran.result.outcome == "failed"
        assert ran.result.error is not None
        assert ran.result.error.code == "content_policy"


async def test_a_full_context_is_told_and_then_compacted(claude: Claude) -> None:
    claude.model.reply(text("Apples.")).reply(http_error(400, "prompt is too long: 300000 tokens > 200000 maximum"))
    claude.model.otherwise(text("<summary>They spoke of apples.</summary>"))
    async with claude.session() as session:
        await run(session, "First.")
        ran = await run(session, "Second.")
        if not ran.all(CompactBoundary):
            assert ran.result.error is not None
            assert ran.result.error.code == "context_window_exceeded"
        assert (await run(session, "Third.")).result.outcome == "completed"


async def test_an_unreachable_provider_fails_the_turn(claude: Claude) -> None:
    claude.variables["ANTHROPIC_BASE_URL"] = "http://127.0.0.1:9"
    async with claude.session() as session:
        ran = await run(session, "Talk.")
    assert ran.result.outcome == "failed"
    assert ran.result.error is not None
    assert (ran.result.error.code, ran.result.error.retryable) == ("connection_failed", True)
    assert [message.message.model for message in ran.all(AssistantMessage)] == ["<synthetic>"]
