"""Answers as data: what was asked for comes, or the turn has failed."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from agent_sdk_core import AssistantMessage, InvalidRequestError, ResultMessage, SessionOptions
from agent_sdk_testing import Gate, http_error, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import run, until

pytestmark = [pytest.mark.anyio, needs("output_schema")]

SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "parts": {"type": "array", "items": {"type": "string"}}},
    "required": ["title", "parts"],
    "additionalProperties": False,
}
FITTING = '{"title": "Tea", "parts": ["water"]}'


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str | None = None


class Part(BaseModel):
    """A part, which has parts."""

    name: Annotated[str, Field(min_length=1)]
    parts: list[Part] = []


class Report(BaseModel):
    """All that a model of pydantic commonly has."""

    day: dt.date
    count: int = Field(default=5, ge=1, description="How many.")
    note: str | None = None
    color: Color = Color.RED
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    pair: tuple[int, str] = (1, "one")
    words: set[str] = set()
    scores: dict[str, int] = {}
    either: int | list[int] = 1
    part: Part


async def test_an_answer_without_data_is_a_failed_turn_that_keeps_its_text(agent: Agent) -> None:
    agent.model.otherwise(text("I would rather not."))
    async with agent.session(output_schema=SCHEMA) as session:
        ran = await run(session, "Report.")
        assert (ran.result.outcome, ran.result.is_error) == ("failed", True)
        assert ran.result.result == "I would rather not."
        assert ran.result.structured_output is None
        assert ran.result.error is not None
        assert (ran.result.error.code, ran.result.error.retryable) == ("structured_output_missing", True)
        agent.model.when("Again.", times=1).reply(*agent.structured(FITTING))
        again = (await run(session, "Again.")).result
        assert (again.outcome, again.structured_output) == ("completed", {"title": "Tea", "parts": ["water"]})


async def test_an_answer_that_does_not_fit_is_a_failed_turn_that_says_where(agent: Agent) -> None:
    agent.model.otherwise(*agent.structured('{"title": 5, "parts": "none"}'))
    async with agent.session(output_schema=SCHEMA) as session:
        ran = await run(session, "Report.")
    assert ran.result.outcome != "completed"
    assert ran.result.structured_output is None
    assert ran.result.error is not None
    assert ran.result.error.code == "structured_output_invalid"
    assert len(ran.all(ResultMessage)) == 1


async def test_a_turn_that_ends_otherwise_keeps_its_own_error(agent: Agent) -> None:
    agent.model.when("Fail.").reply(http_error(401, "Who are you?"))
    held = Gate()
    agent.model.when("Wait.").reply(text("Let me", held))
    async with agent.session(output_schema=SCHEMA) as session:
        failed = (await run(session, "Fail.")).result
        assert failed.error is not None
        assert failed.error.code == "authentication_failed"
        turn = session.query("Wait.")
        async with turn:
            await held.reached()
        interrupted = await turn.wait()
        assert interrupted.outcome == "interrupted"
        assert interrupted.error is None


NONE: Mapping[str, tuple[Any, str]] = {
    "a type that is none": ({"type": "object", "properties": {"a": {"type": "nonsense"}}}, "properties/a/type"),
    "a reference to nowhere": (
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"b": {"type": "string"}}},
        "properties/a/\\$ref",
    ),
    "a reference that would be fetched": (
        {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}},
        "nothing is fetched",
    ),
    "a schema that is its own definition": ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, "itself"),
    "no mapping": ([], "mapping"),
    "what JSON cannot hold": ({"type": "object", "required": {"a"}}, "set"),
}


@pytest.mark.parametrize("case", NONE)
async def test_a_schema_that_is_none_is_refused_before_anything_starts(agent: Agent, case: str) -> None:
    schema, place = NONE[case]
    async with agent.backend() as backend:
        with pytest.raises(InvalidRequestError, match=f"(?s)output_schema.*{place}"):
            await backend.create_session(SessionOptions.model_construct(output_schema=schema))
        assert not backend.sessions
    assert agent.model.requests == ()


async def test_the_schema_of_a_pydantic_model_works_as_it_is(agent: Agent) -> None:
    first = Report(day=dt.date(2026, 1, 2), pet=Cat(kind="cat"), part=Part(name="a", parts=[Part(name="b")]))
    second = first.model_copy(
        update={"note": "Good.", "pet": Dog(kind="dog", name="Rex"), "either": [1, 2], "words": {"one"}}
    )
    async with agent.session(output_schema=Report.model_json_schema()) as session:
        for report in (first, second):
            agent.model.reply(*agent.structured(report.model_dump_json(exclude={"scores"})))
            agent.model.otherwise(text("Done."))
            result = (await run(session, "Report.")).result
            assert result.outcome == "completed", result.errors
            assert Report.model_validate(result.structured_output) == report


@pytest.mark.parametrize("kind", [list[int], Part | None, Literal["yes", "no"]], ids=["list", "optional", "choice"])
async def test_an_answer_need_not_be_an_object(agent: Agent, kind: Any) -> None:
    answer = {list[int]: [1, 2], Literal["yes", "no"]: "yes"}.get(kind)
    async with agent.session(output_schema=TypeAdapter(kind).json_schema()) as session:
        agent.model.reply(*agent.structured(TypeAdapter(Any).dump_json({"value": answer}).decode()))
        agent.model.otherwise(text("Done."))
        result = (await run(session, "Choose.")).result
    assert result.outcome == "completed", result.errors
    assert result.structured_output == answer


@needs("steer")
async def test_a_steered_prompt_shares_the_data_that_its_turn_answers_with(agent: Agent) -> None:
    feed = agent.feed("feed")
    agent.model.reply(agent.command(f"read line <'{feed.path}'")).reply(*agent.structured(FITTING))
    agent.model.otherwise(text("Done."))
    async with agent.session(permission_mode="bypass", output_schema=SCHEMA) as session:
        watch = session.messages()
        uuids = [await session.send("First.")]
        await until(watch, AssistantMessage, lambda message: message.tool_uses)
        uuids.append(await session.send("And this.", priority="steer"))
        feed.line()
        result = await until(watch, ResultMessage)
        assert sorted(result.user_message_uuids) == sorted(uuids)
        assert (result.outcome, result.structured_output) == ("completed", {"title": "Tea", "parts": ["water"]})
        await session.wait_idle()


async def test_a_resumed_session_asks_for_data_as_its_own_options_say(agent: Agent) -> None:
    agent.model.otherwise(text("Plain."))
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            assert (await run(session, "Talk.")).result.outcome == "completed"
            stored = session.resolved_session_id
        async with await agent.open(backend, resume=stored, output_schema=SCHEMA) as session:
            result = (await run(session, "Report.")).result
            assert result.error is not None
            assert result.error.code == "structured_output_missing"
        async with await agent.open(backend, resume=stored) as session:
            assert (await run(session, "Talk.")).result.outcome == "completed"
