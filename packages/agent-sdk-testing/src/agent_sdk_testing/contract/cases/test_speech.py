"""What the model says and thinks, streamed and whole, and what a prompt may hold."""

from __future__ import annotations

import base64

import pytest

from agent_sdk_core import (
    AssistantMessage,
    ImageInput,
    InitMessage,
    InvalidRequestError,
    Prompt,
    StreamEvent,
    TextInput,
    ThinkingBlock,
    UsageMessage,
    UserMessage,
)
from agent_sdk_testing import Tokens, reasoning, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Ran, run

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
    assert ran.result.usage is not None
    assert (ran.result.usage.total_tokens, ran.result.usage.output_tokens) == (127, 7)


async def test_a_turn_begins_with_init_and_repeats_its_prompt(agent: Agent) -> None:
    agent.model.reply(text("Hello"))
    async with agent.session() as session:
        ran = await run(session, "Say hello.")
    [init] = ran.all(InitMessage)
    assert init.cwd == str(agent.workspace)
    assert init.model == agent.model_of(agent.model.requests[0])
    [prompt] = [message for message in ran.all(UserMessage) if message.is_replay]
    assert (prompt.uuid, prompt.text) == (ran.uuid, "Say hello.")
    assert agent.model.requests[0].last_user_text == "Say hello."


@needs("thinking")
async def test_thoughts_stream_as_deltas_and_come_whole(agent: Agent) -> None:
    agent.model.reply(reasoning("Let ", "me look."), text("Done."))
    async with agent.session() as session:
        ran = await run(session, "Think.")
    blocks = [block for message in ran.all(AssistantMessage) for block in message.content]
    assert [block.thinking for block in blocks if isinstance(block, ThinkingBlock)] == ["Let me look."]
    assert [event.thinking for event in ran.all(StreamEvent) if event.thinking] == ["Let ", "me look."]
    assert ran.result.result == "Done."


def said(ran: Ran) -> list[list[object]]:
    """Return what the assistant wrote, without the signatures under its thoughts, which differ each time."""
    return [
        [block.thinking if isinstance(block, ThinkingBlock) else block for block in message.content]
        for message in ran.all(AssistantMessage)
    ]


@needs("include_partial_messages")
async def test_without_partial_messages_the_full_ones_are_the_same(agent: Agent) -> None:
    thought = [reasoning("Hm.")] if "thinking" in agent.traits else []
    agent.model.reply(*thought, text("Hel", "lo")).reply(*thought, text("Hel", "lo"))
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            whole = await run(session, "Go.")
        async with await agent.open(backend, include_partial_messages=False) as session:
            bare = await run(session, "Go.")
    assert whole.all(StreamEvent)
    assert not bare.all(StreamEvent)
    assert said(bare) == said(whole)
    assert bare.result.result == whole.result.result == "Hello"


async def test_a_lone_surrogate_in_a_prompt_does_not_hang(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.session() as session:
        ran = await run(session, "before\udcffafter")
    assert ran.result.outcome == "completed"
    sent = agent.model.requests[0].last_user_text
    assert sent.startswith("before")
    assert sent.endswith("after")


async def test_a_long_prompt_is_taken(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.session() as session:
        ran = await run(session, "y" * 1_048_576)
    assert ran.result.outcome == "completed"
    assert len(agent.model.requests[0].last_user_text) == 1_048_576


@needs("images")
async def test_images_reach_the_model(agent: Agent) -> None:
    image = agent.workspace / "pixel.png"
    image.write_bytes(_PIXEL)
    url = f"data:image/png;base64,{base64.b64encode(_PIXEL).decode()}"
    agent.model.otherwise(text("A pixel."))
    async with agent.session() as session:
        for block in (ImageInput(data=_PIXEL, media_type="image/png"), ImageInput(path=image), ImageInput(url=url)):
            ran = await run(session, [TextInput("What is it?"), block])
            assert ran.result.outcome == "completed"
    assert [agent.images_of(request) for request in agent.model.requests] == [1, 2, 3]
    pixel = base64.b64encode(_PIXEL)
    assert all(pixel in request.body for request in agent.model.requests)


@needs("images")
async def test_an_image_that_is_none_is_refused_before_it_is_sent(agent: Agent) -> None:
    (agent.workspace / "text.png").write_bytes(b"no image")
    (agent.workspace / "empty.png").touch()
    wrong = [
        ImageInput(data=b"no image", media_type="image/png"),
        ImageInput(data=b"", media_type="image/png"),
        ImageInput(path=agent.workspace / "text.png"),
        ImageInput(path=agent.workspace / "empty.png"),
        ImageInput(url="data:image/png;base64,"),
        ImageInput(url="data:text/plain,hello"),
        ImageInput(url="file:///tmp/a.png"),
    ]
    async with agent.session() as session:
        for block in wrong:
            with pytest.raises(InvalidRequestError, match=r"[Ii]mage"):
                await session.send([TextInput("What is it?"), block])
    assert not agent.model.requests


async def test_an_empty_or_blank_prompt_is_refused_before_it_is_sent(agent: Agent) -> None:
    prompts: list[Prompt] = ["", " \n\t", "\ufeff", [], [TextInput("")], [TextInput(" "), TextInput("\n")]]
    async with agent.session() as session:
        for prompt in prompts:
            with pytest.raises(InvalidRequestError, match="empty"):
                session.query(prompt)
            with pytest.raises(InvalidRequestError, match="empty"):
                await session.send(prompt)
    assert not agent.model.requests
