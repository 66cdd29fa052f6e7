"""What the tests of `Peer` do not show: that the correlation knows nothing of an envelope."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal, cast

import anyio
import pytest

from agent_sdk_core.errors import FrameTooLargeError, ProcessExitedError, SessionClosedError
from agent_sdk_core.rpc.correlation import Correlation
from agent_sdk_core.rpc.receiver import JsonObject, ProtocolIssue, Receiver

pytestmark = pytest.mark.anyio


class Issues(Receiver):
    """Notes what it is told, and fails."""

    def __init__(self) -> None:
        self.told: list[ProtocolIssue] = []

    def on_issue(self, issue: ProtocolIssue, /) -> None:
        self.told.append(issue)
        raise LookupError(issue.kind)


class Letters(Correlation):
    """A protocol of its own: ``ask`` is answered by ``told``, and the other side asks with ``please``."""

    def __init__(self, write: Callable[[bytes], Awaitable[None]], **options: Any) -> None:
        self.issues = Issues()
        super().__init__(write, self.issues, **options)

    async def ask(self, what: str, *, counted: bool = True) -> object:
        answer = await self._exchange(lambda number: {"ask": what, "number": number}, counted=counted)
        return answer["told"]

    async def tell(self, letter: str, what: object) -> bool:
        return await self._answer(letter, {"tell": what, "letter": letter})

    def receive(self, values: Iterable[object]) -> None:
        for value in values:
            message = cast("JsonObject", value)
            if "told" in message:
                self.known = self._settle(cast("int", message["number"]), message)
            else:
                self.taken = self._take_request(cast("str", message["please"]), message)


class Post:
    """Notes what is sent; each line is one object."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def write(self, line: bytes) -> None:
        self.sent.append(json.loads(line))
        await anyio.lowlevel.checkpoint()

    def letters(self, **options: Any) -> Letters:
        return Letters(self.write, **options)


@pytest.fixture
def post() -> Post:
    return Post()


async def test_an_answer_finds_its_request_whatever_the_envelope(post: Post) -> None:
    letters = post.letters()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(letters.ask, "why")
            await anyio.wait_all_tasks_blocked()
            letters.receive([{"told": "so", "number": 1}])
            assert letters.known
    assert post.sent == [{"ask": "why", "number": 1}]
    assert letters.name == "The agent"


async def test_an_id_that_never_was_is_not_known_and_one_that_was_is_late(post: Post) -> None:
    letters = post.letters()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(letters.ask, "why")
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
    letters.receive([{"told": "so", "number": 1}])
    assert (letters.known, letters.late_responses) == (True, 1)
    for number in (0, 2, -1):
        letters.receive([{"told": "so", "number": number}])
        assert (letters.known, letters.late_responses) == (False, 1)


async def test_the_places_in_flight_are_the_owners_to_choose(post: Post) -> None:
    letters = post.letters(max_in_flight=1)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(letters.ask, "one")
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(letters.ask, "two")
            tasks.start_soon(lambda: letters.ask("at once", counted=False))
            await anyio.wait_all_tasks_blocked()
            assert [sent["ask"] for sent in post.sent] == ["one", "at once"]
            letters.receive([{"told": 1, "number": 1}])
            await anyio.wait_all_tasks_blocked()
            assert post.sent[-1] == {"ask": "two", "number": 3}
            letters.receive([{"told": 2, "number": 2}, {"told": 3, "number": 3}])
    assert letters.in_flight == 0


async def test_what_waits_for_a_place_learns_of_the_end_before_it_is_sent(post: Post) -> None:
    letters = post.letters(max_in_flight=1)

    async def fails() -> None:
        with pytest.raises(SessionClosedError):
            await letters.ask("why")

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fails)
            tasks.start_soon(fails)
            await anyio.wait_all_tasks_blocked()
            letters.fail(SessionClosedError("closed"))
    assert len(post.sent) == 1
    assert letters.failed


async def test_a_request_of_the_other_side_is_answered_once(post: Post) -> None:
    letters = post.letters()
    letters.receive([{"please": "a"}])
    assert letters.awaits("a")
    letters.receive([{"please": "a"}])
    assert not letters.taken
    assert [(issue.kind, issue.raw) for issue in letters.issues.told] == [("duplicate_request", {"please": "a"})]
    assert await letters.tell("a", 1)
    assert not await letters.tell("a", 2)
    assert post.sent == [{"tell": 1, "letter": "a"}]
    letters.receive([{"please": "b"}])
    assert letters.withdraw("b")
    assert not letters.withdraw("b")
    assert not await letters.tell("b", 1)


async def test_an_answer_that_cannot_be_written_leaves_the_request_open(post: Post) -> None:
    letters = post.letters(max_line=40)
    letters.receive([{"please": "a"}])
    with pytest.raises(FrameTooLargeError, match="answer has") as caught:
        await letters.tell("a", "x" * 40)
    assert caught.value.details["limit"] == 40
    assert await letters.tell("a", "short")


async def test_the_first_failure_stays_and_each_caller_gets_a_copy(post: Post) -> None:
    letters = post.letters()
    letters.receive([{"please": "a"}])
    first = ProcessExitedError("gone", exit_code=3)
    letters.fail(first)
    letters.fail(SessionClosedError("later"))
    errors: list[ProcessExitedError] = []
    for _ in range(2):
        with pytest.raises(ProcessExitedError) as caught:
            await letters.ask("why")
        errors.append(caught.value)
    assert len({id(error) for error in (first, *errors)}) == 3
    assert not letters.awaits("a")
    letters.receive([{"please": "b"}])
    assert (letters.taken, letters.awaits("b")) == (True, False)


async def test_a_tap_and_a_listener_that_fail_change_nothing(post: Post) -> None:
    def tap(direction: Literal["in", "out"], message: JsonObject) -> None:
        raise OSError("the disk is full")

    letters = post.letters(tap=tap)
    letters.receive([{"please": "a"}, {"please": "a"}])
    assert await letters.tell("a", 1)
    assert letters.protocol_issues == 1
    letters._call("It", {}, lambda: 1 / 0)
    assert letters.protocol_issues == 2
