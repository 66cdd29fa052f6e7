from __future__ import annotations

import pytest
from tests.codex.driving import Codex

from agent_sdk_core import AssistantMessage, InvalidRequestError, StreamEvent, ThinkingBlock
from agent_sdk_testing import reasoning, text
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


async def test_reasoning_is_a_thinking_block_with_a_blank_line_between_its_parts(codex: Codex) -> None:
    codex.model.reply(reasoning("Let ", "me look."), reasoning("And ", "again."), text("Done."))
    async with codex.session() as session:
        ran = await run(session, "Think.")
    blocks = [block for message in ran.all(AssistantMessage) for block in message.content]
    assert [block.thinking for block in blocks if isinstance(block, ThinkingBlock)] == ["Let me look.\n\nAnd again."]
    thoughts = [event.thinking for event in ran.all(StreamEvent) if event.thinking]
    assert thoughts == ["Let ", "me look.", "\n\n", "And ", "again."]
    assert ran.result.result == "Done."


async def test_raw_reasoning_is_a_block_of_its_own_beside_the_summary(codex: Codex) -> None:
    codex.configure(show_thoughts=True)
    codex.model.reply(reasoning("The summary.", raw=["All ", "of it."]), text("Done."))
    async with codex.session() as session:
        ran = await run(session, "Think.")
    blocks = [block for message in ran.all(AssistantMessage) for block in message.content]
    assert [block.thinking for block in blocks if isinstance(block, ThinkingBlock)] == ["The summary.", "All of it."]


async def test_the_result_is_the_final_answer_and_not_the_commentary(codex: Codex) -> None:
    codex.model.reply(text("I look first.", phase="commentary"), text("The answer.", phase="final_answer"))
    async with codex.session() as session:
        ran = await run(session, "Answer.")
    assert ran.text == ["I look first.", "The answer."]
    assert ran.result.result == "The answer."


async def test_a_prompt_beyond_the_agents_limit_raises_and_the_session_goes_on(codex: Codex) -> None:
    codex.model.reply(text("Fine."))
    async with codex.session() as session:
        with pytest.raises(InvalidRequestError, match=r"1048576|1,048,576"):
            await run(session, "x" * (1_048_576 + 1))
        assert session.state == "idle"
        assert (await run(session, "Shorter.")).result.outcome == "completed"
