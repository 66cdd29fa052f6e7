from __future__ import annotations

import base64

import pytest
from tests.contract.agents import Agent
from tests.contract.watching import run

from agent_sdk_core import (
    AssistantMessage,
    DocumentInput,
    ImageInput,
    InitMessage,
    InvalidRequestError,
    StreamEvent,
    TextInput,
    ThinkingBlock,
    UnsupportedOptionError,
    UsageMessage,
    UserMessage,
)
from agent_sdk_testing import Tokens, reasoning, text

pytestmark = pytest.mark.anyio

_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def test_text_streams_as_deltas_and_comes_whole(agent: Agent) -> None:
    agent.model.reply(text("Hel", "lo ", "wörld 🌍"), usage=Tokens(input=120, cached=100, output=7, reasoning=3))
    async with agent.session() as session:
        ran = await run(session, "Say hello.")
        assert session.info.cwd == str(agent.workspace)
    assert ran.deltas == ["Hel", "lo ", "wörld 🌍"]
    assert ran.text == ["Hello wörld 🌍"]
    assert ran.result.outcome == "completed"
    assert ran.result.result == "Hello wörld 🌍"
    assert ran.result.user_message_uuids == [ran.uuid]
    assert ran.result.error is None
    [usage] = ran.all(UsageMessage)
    assert (usage.usage.input_tokens, usage.usage.cache_read_input_tokens, usage.usage.output_tokens) == (20, 100, 7)
    assert ran.result.usage == usage.usage


async def test_a_turn_begins_with_init_and_repeats_its_prompt(agent: Agent) -> None:
    agent.model.reply(text("Hello"))
    async with agent.session() as session:
        ran = await run(session, "Say hello.")
    [init] = ran.all(InitMessage)
    assert init.cwd == str(agent.workspace)
    assert init.model == agent.model.requests[0].model
    [prompt] = [message for message in ran.all(UserMessage) if message.is_replay]
    assert (prompt.uuid, prompt.text) == (ran.uuid, "Say hello.")
    assert agent.model.requests[0].last_user_text == "Say hello."


async def test_reasoning_is_a_thinking_block_with_a_blank_line_between_its_parts(agent: Agent) -> None:
    agent.model.reply(reasoning("Let ", "me look."), reasoning("And ", "again."), text("Done."))
    async with agent.session() as session:
        ran = await run(session, "Think.")
    blocks = [block for message in ran.all(AssistantMessage) for block in message.content]
    assert [block.thinking for block in blocks if isinstance(block, ThinkingBlock)] == ["Let me look.\n\nAnd again."]
    thoughts = [event.thinking for event in ran.all(StreamEvent) if event.thinking]
    assert thoughts == ["Let ", "me look.", "\n\n", "And ", "again."]
    assert ran.result.result == "Done."


async def test_raw_reasoning_is_a_block_of_its_own_beside_the_summary(agent: Agent) -> None:
    agent.configure(show_thoughts=True)
    agent.model.reply(reasoning("The summary.", raw=["All ", "of it."]), text("Done."))
    async with agent.session() as session:
        ran = await run(session, "Think.")
    blocks = [block for message in ran.all(AssistantMessage) for block in message.content]
    assert [block.thinking for block in blocks if isinstance(block, ThinkingBlock)] == ["The summary.", "All of it."]


async def test_the_result_is_the_final_answer_and_not_the_commentary(agent: Agent) -> None:
    agent.model.reply(text("I look first.", phase="commentary"), text("The answer.", phase="final_answer"))
    async with agent.session() as session:
        ran = await run(session, "Answer.")
    assert ran.text == ["I look first.", "The answer."]
    assert ran.result.result == "The answer."


async def test_without_partial_messages_the_full_ones_are_the_same(agent: Agent) -> None:
    agent.model.reply(reasoning("Hm."), text("Hel", "lo")).reply(reasoning("Hm."), text("Hel", "lo"))
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            whole = await run(session, "Go.")
        async with await agent.open(backend, include_partial_messages=False) as session:
            bare = await run(session, "Go.")
    assert whole.all(StreamEvent)
    assert not bare.all(StreamEvent)
    assert [message.content for message in bare.all(AssistantMessage)] == [
        message.content for message in whole.all(AssistantMessage)
    ]
    assert bare.result.result == whole.result.result == "Hello"


async def test_a_lone_surrogate_in_a_prompt_does_not_hang(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.session() as session:
        ran = await run(session, "before\udcffafter")
    assert ran.result.outcome == "completed"
    sent = agent.model.requests[0].last_user_text
    assert sent.startswith("before")
    assert sent.endswith("after")


async def test_a_prompt_beyond_the_agents_limit_raises_and_the_session_goes_on(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.session() as session:
        with pytest.raises(InvalidRequestError, match=r"1048576|1,048,576"):
            await run(session, "x" * (1_048_576 + 1))
        assert session.state == "idle"
        assert (await run(session, "Shorter.")).result.outcome == "completed"


async def test_a_prompt_at_the_agents_limit_is_taken(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.session() as session:
        ran = await run(session, "y" * 1_048_576)
    assert ran.result.outcome == "completed"
    assert len(agent.model.requests[0].last_user_text) == 1_048_576


async def test_images_reach_the_model(agent: Agent) -> None:
    image = agent.workspace / "pixel.png"
    image.write_bytes(_PIXEL)
    url = f"data:image/png;base64,{base64.b64encode(_PIXEL).decode()}"
    agent.model.otherwise(text("A pixel."))
    async with agent.session() as session:
        for block in (ImageInput(data=_PIXEL, media_type="image/png"), ImageInput(path=image), ImageInput(url=url)):
            ran = await run(session, [TextInput("What is it?"), block])
            assert ran.result.outcome == "completed"
    assert [request.body.count(b'"input_image"') for request in agent.model.requests] == [1, 2, 3]
    assert all(b"data:image/png;base64," in request.body for request in agent.model.requests)


async def test_a_block_that_the_agent_cannot_take_raises_and_the_session_goes_on(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.session() as session:
        assert not session.backend.capabilities.documents
        with pytest.raises(UnsupportedOptionError, match="document"):
            await run(session, [DocumentInput(data=b"%PDF", media_type="application/pdf")])
        assert (await run(session, "Without it.")).result.outcome == "completed"


async def test_an_empty_prompt_is_refused_before_it_is_sent(agent: Agent) -> None:
    async with agent.session() as session:
        with pytest.raises(InvalidRequestError, match="empty"):
            session.query([])
        with pytest.raises(InvalidRequestError, match="empty"):
            await session.send([])
    assert not agent.model.requests
