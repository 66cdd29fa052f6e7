"""Answers of a type of Python: what was asked for comes as a value, or the turn has failed and says of what."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import anyio
import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from typing_extensions import TypedDict

from agent_sdk_core import (
    AgentError,
    InvalidRequestError,
    ResultMessage,
    SessionOptions,
    TurnOptions,
    TypedResult,
    query,
)
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.cases.test_user_code import RAISES, TOLD
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import finish, until

pytestmark = [pytest.mark.anyio, needs("output_schema")]


T = TypeVar("T")
_BOUND: Final = 60.0
"""Seconds for what has to end soon, on a machine that is busy."""


class _Page(BaseModel, Generic[T]):
    items: list[T]


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str | None = None


class Node(BaseModel):
    """A node, which has nodes."""

    name: str
    parts: list[Node] = []


class Invoice(BaseModel):
    """All that a model commonly has, strictly typed."""

    model_config = ConfigDict(strict=True)

    at: dt.datetime
    total: Annotated[float, Field(gt=0)]
    color: Color = Color.RED
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    root: Node
    note: str | None = None
    pair: tuple[int, str] = (1, "one")


@dataclass
class Point:
    x: int
    y: int = 0


class Named(TypedDict):
    name: str


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("it is odd")
    return value


Even = Annotated[int, AfterValidator(_even)]

ANSWERS: dict[str, tuple[Any, Any]] = {
    "a model": (
        Invoice,
        Invoice(
            at=dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC),
            total=5.5,
            color=Color.BLUE,
            pet=Dog(kind="dog"),
            root=Node(name="a", parts=[Node(name="b")]),
        ),
    ),
    "a recursive model": (Node, Node(name="a", parts=[Node(name="b", parts=[Node(name="c")])])),
    "a dataclass": (Point, Point(1, 2)),
    "a typed dictionary": (Named, {"name": "n"}),
    "a choice": (Literal["yes", "no"], "no"),
    "a list of models": (list[Cat], [Cat(kind="cat"), Cat(kind="cat", lives=1)]),
    "a number": (int, 5),
    "a text": (str, "five"),
    "true or false": (bool, False),
    "one or another": (Cat | Dog, Dog(kind="dog", name="Rex")),
    "something or nothing": (Point | None, None),
    "a date": (dt.date, dt.date(2026, 1, 2)),
    "an enum": (Color, Color.RED),
    "a table": (dict[str, int], {"a": 1}),
}


def said(kind: Any, value: object) -> str:
    """Return what a model says, as the agents ask it: an object, in which stands what is none."""
    told = TypeAdapter[Any](kind).dump_json(value).decode()
    return told if told.startswith("{") and kind != Cat | Dog else f'{{"value": {told}}}'


def options(agent: Agent, kind: Any) -> dict[str, Any]:
    """Return options of a session that asks for answers of a type at no cost: some agents start again for one turn."""
    return {} if agent.strict_answers else {"output_schema": TypeAdapter[Any](kind).json_schema()}


@pytest.mark.parametrize("case", ANSWERS)
async def test_an_answer_is_a_value_of_the_type_that_was_asked_for(agent: Agent, case: str) -> None:
    kind, value = ANSWERS[case]
    told = '{"value": [{"key": "a", "value": 1}]}' if agent.strict_answers and case == "a table" else said(kind, value)
    agent.model.reply(*agent.structured(told))
    agent.model.otherwise(text("Done."))
    async with agent.session(**options(agent, kind)) as session:
        turn = session.query("Report.", output_type=kind)
        await finish(turn)
        result: TypedResult[object] = await turn
        assert result.outcome == "completed", result.errors
        assert (result.output, type(result.output), result.has_output) == (value, type(value), True)


async def test_an_answer_of_another_type_is_a_failed_turn_that_says_what_did_not_fit(agent: Agent) -> None:
    agent.model.otherwise(*agent.structured('{"x": 3, "y": 4}'))

    class Odd(BaseModel):
        x: Even
        y: int

    async with agent.session(**options(agent, Odd)) as session:
        watch = session.messages()
        result = await session.run("Report.", output_type=Odd)
        assert (await until(watch, ResultMessage)).outcome == result.outcome == "failed"
    error = result.error
    assert error is not None
    assert (error.code, error.retryable) == ("structured_output_invalid", True)
    assert "does not fit output_type=Odd: x: Value error, it is odd" in error.message
    assert error.details["problems"] == [{"path": "x", "message": "Value error, it is odd"}]
    assert not result.has_output
    with pytest.raises(AgentError, match="it is odd"):
        _ = result.output


async def test_a_check_of_the_type_that_raises_is_a_failed_turn_that_says_so_and_nothing_else_notices(
    agent: Agent,
) -> None:
    how = ""

    class Faulty(BaseModel):
        x: int

        @model_validator(mode="after")
        def check(self) -> Faulty:
            RAISES[how]()
            return self

    agent.model.when("Stay.").reply(text("Stayed."))
    agent.model.otherwise(*agent.structured('{"x": 3}'))
    async with agent.backend() as backend, await agent.open(backend) as other:
        async with await agent.open(backend, **options(agent, Faulty)) as session:
            for how in RAISES:  # The check reads it.
                with anyio.fail_after(_BOUND):
                    result = await session.run("Report.", output_type=Faulty)
                assert (result.outcome, result.has_output) == ("failed", False), how
                assert result.error is not None
                assert result.error.code == "structured_output_invalid"
                assert TOLD[how] in result.error.message
        assert (await other.run("Stay.")).result == "Stayed."


async def test_no_answer_and_an_interrupted_turn_have_no_output(agent: Agent) -> None:
    gate = Gate()
    agent.model.when("Wait.").reply(text("Half ", gate))
    agent.model.otherwise(text("I would rather not."))
    async with agent.session(**options(agent, Point)) as session:
        result = await session.run("Report.", output_type=Point)
        assert result.error is not None
        assert result.error.code == "structured_output_missing"
        async with session.query("Wait.", output_type=Point) as turn:
            await gate.reached()
            queued = session.query("And then?", output_type=Point)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(queued.wait)
                await anyio.wait_all_tasks_blocked()
                await session.interrupt()
        interrupted, cancelled = await turn, await queued
        for ended, outcome in ((interrupted, "interrupted"), (cancelled, "cancelled")):
            assert ended.outcome == outcome
            with pytest.raises(AgentError, match=outcome):
                _ = ended.output


async def test_what_no_answer_can_be_is_refused_before_anything_is_sent(agent: Agent) -> None:
    class Opaque:
        pass

    async with agent.session() as session:
        wrongs: tuple[Any, ...] = (Opaque, object, "Point", 5, list[Opaque], Point(1), _Page, lambda: 1)
        for wrong in wrongs:
            with pytest.raises(InvalidRequestError, match="output_type"):
                session.query("Report.", output_type=wrong)
            with pytest.raises(InvalidRequestError, match="output_type"):
                query("Report.", backend=session.backend, output_type=wrong)
        twice = TurnOptions(output_schema={"type": "object"})
        with pytest.raises(InvalidRequestError, match="say it once"):
            session.query("Report.", options=twice, output_type=Point)
        with pytest.raises(InvalidRequestError, match="say it once"):
            query(
                "Report.",
                backend=session.backend,
                options=SessionOptions(output_schema={"type": "object"}),
                output_type=Point,
            )
    assert agent.model.requests == ()


async def test_a_query_of_its_own_answers_with_a_type(agent: Agent) -> None:
    agent.model.reply(*agent.structured('{"x": 3, "y": 4}'))
    agent.model.otherwise(text("Done."))
    async with agent.backend() as backend:
        turn = query("Report.", backend=backend, options=SessionOptions(cwd=agent.workspace), output_type=Point)
        assert (await turn).output == Point(3, 4)


@needs("turn:output_schema")
async def test_a_schema_holds_for_one_turn(agent: Agent) -> None:
    agent.model.when("First.").reply(*agent.structured('{"x": 3, "y": 4}'))
    agent.model.when("Third.").reply(*agent.structured('{"name": "n"}'))
    agent.model.otherwise(text("Plain."))
    named = TypeAdapter(Named).json_schema()
    async with agent.session(output_schema=named) as session:
        assert (await session.run("First.", output_type=Point)).output == Point(3, 4)
        assert (await session.run("Third.")).structured_output == {"name": "n"}
    async with agent.session() as session:
        result = await session.run("First.", options=TurnOptions(output_schema=named))
        assert result.error is not None
        assert "'name'" in result.error.message  # In our words, or where the agent checks it too, in its own.
        assert (await session.run("Plain.")).outcome == "completed"
        with pytest.raises(InvalidRequestError, match=r"TurnOptions\.output_schema, at type"):
            await session.run("Plain.", options=TurnOptions(output_schema={"type": "nonsense"}))
        assert (await session.run("Plain.")).outcome == "completed"


@needs("turn:output_schema")
async def test_a_question_for_a_type_leaves_the_session_and_its_conversation_as_they_were(agent: Agent) -> None:
    agent.model.when("First.").reply(text("Plain."))
    agent.model.when("Second.").reply(*agent.structured('{"x": 3, "y": 4}'))
    agent.model.otherwise(text("Plain again."))
    async with agent.session() as session:
        await session.run("First.")
        await session.set_permission_mode("plan")
        before = session.resolved_session_id
        assert (await session.run("Second.", output_type=Point)).output == Point(3, 4)
        last = await session.run("Third.")
        assert (last.result, last.structured_output) == ("Plain again.", None)
        assert (session.resolved_session_id, session.info.permission_mode) == (before, "plan")
        assert session.state == "idle"
    said = [message.text for message in agent.model.requests[-1].messages]
    assert [word for word in ("First.", "Second.", "Third.") if any(word in one for one in said)] == [
        "First.",
        "Second.",
        "Third.",
    ]
