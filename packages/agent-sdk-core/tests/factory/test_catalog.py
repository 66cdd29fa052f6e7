from __future__ import annotations

from typing import Any

import anyio
import pytest

from agent_sdk_core.errors import InvalidRequestError, RequestTimeoutError
from agent_sdk_core.factory.catalog import ChatModelCatalog, ModelListing
from agent_sdk_core.models import ChatModel

pytestmark = pytest.mark.anyio

ONE = ChatModel("one", "One", "memory")
TWO = ChatModel("two", "Two", "memory", is_default=True)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lister(make_backend: Any) -> Any:
    """Makes backends that list what they are told, and count how often they are asked."""

    class Lister(make_backend):
        def __init__(self, name: str = "memory", *answers: list[ChatModel] | Exception) -> None:
            make_backend.__init__(self)
            self.type = name
            self.answers = list(answers)
            self.asked = 0
            self.waiting = anyio.Event()
            self.released = anyio.Event()
            self.released.set()

        async def list_models(self) -> list[ChatModel]:
            self.asked += 1
            self.waiting.set()
            await self.released.wait()
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

    return Lister


async def test_a_list_is_asked_for_once_until_it_is_too_old(lister: Any, clock: Clock) -> None:
    backend = lister("memory", [ONE], [TWO])
    catalog = ChatModelCatalog(backend, max_age=60, clock=clock)
    assert catalog.backends == ("memory",)
    assert await catalog.listing() == ModelListing("memory", (ONE,), 0.0)
    clock.now += 59
    assert await catalog.listing("memory") == ModelListing("memory", (ONE,), 59.0)
    assert backend.asked == 1
    clock.now += 1
    assert await catalog.listing() == ModelListing("memory", (TWO,), 0.0)
    assert backend.asked == 2


async def test_a_refresh_asks_at_once(lister: Any, clock: Clock) -> None:
    catalog = ChatModelCatalog(lister("memory", [ONE], [TWO]), clock=clock)
    await catalog.listing()
    assert (await catalog.refresh()).models == (TWO,)


async def test_callers_at_the_same_time_share_one_request(lister: Any, clock: Clock) -> None:
    backend = lister("memory", [ONE], RequestTimeoutError("late"))
    backend.released = anyio.Event()
    catalog = ChatModelCatalog(backend, clock=clock)
    found: list[ModelListing] = []

    async def ask() -> None:
        found.append(await catalog.listing())

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)
            await backend.waiting.wait()
            await anyio.wait_all_tasks_blocked()
            backend.released.set()
    assert [listing.models for listing in found] == [(ONE,)] * 5
    assert backend.asked == 1


async def test_callers_at_the_same_time_share_a_failure_too(lister: Any, clock: Clock) -> None:
    backend = lister("memory", RequestTimeoutError("late"))
    backend.released = anyio.Event()
    catalog = ChatModelCatalog(backend, clock=clock)
    found: list[ModelListing] = []

    async def ask() -> None:
        found.append(await catalog.refresh())

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            backend.released.set()
    assert {listing.problem for listing in found} == {"The models of memory cannot be listed now. late"}
    assert backend.asked == 1


async def test_a_cancelled_caller_leaves_the_request_to_the_next_one(lister: Any, clock: Clock) -> None:
    backend = lister("memory", [ONE])
    backend.released = anyio.Event()
    catalog = ChatModelCatalog(backend, clock=clock)
    found: list[ModelListing] = []

    async def ask() -> None:
        found.append(await catalog.listing())

    first = anyio.CancelScope()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            with first:
                tasks.start_soon(cancel_when_waiting, backend, first)
                await catalog.listing()
            tasks.start_soon(ask)
            backend.released.set()
    assert first.cancelled_caught
    assert [listing.models for listing in found] == [(ONE,)]
    assert backend.asked == 2


async def cancel_when_waiting(backend: Any, scope: anyio.CancelScope) -> None:
    await backend.waiting.wait()
    scope.cancel()


async def test_a_failure_keeps_the_list_of_before_and_says_so(lister: Any, clock: Clock) -> None:
    backend = lister("memory", [ONE], RequestTimeoutError("It did not answer."), [TWO])
    catalog = ChatModelCatalog(backend, max_age=60, clock=clock)
    await catalog.listing()
    clock.now += 60
    problem = "The models of memory cannot be listed now. It did not answer."
    assert await catalog.listing() == ModelListing("memory", (ONE,), 60.0, problem)
    clock.now += 9
    assert await catalog.listing() == ModelListing("memory", (ONE,), 69.0, problem)
    assert backend.asked == 2
    clock.now += 1
    assert await catalog.listing() == ModelListing("memory", (TWO,), 0.0)


async def test_a_failure_without_a_list_is_an_empty_list_that_says_so(lister: Any, clock: Clock) -> None:
    catalog = ChatModelCatalog(lister("memory", KeyError("bug")), clock=clock)
    listing = await catalog.listing()
    assert (listing.models, listing.default) == ((), None)
    assert listing.problem == "The models of memory cannot be listed now. KeyError: 'bug'"


async def test_the_models_of_all_backends_are_listed_in_their_order(lister: Any, clock: Clock) -> None:
    other = ChatModel("o", "O", "other")
    backends = [lister("memory", [ONE, TWO]), lister("broken", OSError("gone")), lister("other", [other])]
    catalog = ChatModelCatalog(backends, clock=clock)
    assert await catalog.models() == [ONE, TWO, other]
    assert (await catalog.listing("broken")).problem == "The models of broken cannot be listed now. OSError: gone"


async def test_a_backend_must_be_named_if_there_are_several_and_be_there(lister: Any) -> None:
    catalog = ChatModelCatalog([lister("a", []), lister("b", [])])
    with pytest.raises(InvalidRequestError, match=r"Name a backend; it has: a, b\."):
        await catalog.listing()
    with pytest.raises(InvalidRequestError, match=r"The catalog has no backend 'c'; it has: a, b\."):
        await catalog.refresh("c")
    with pytest.raises(InvalidRequestError, match="it has: none"):
        await ChatModelCatalog([]).listing()


async def test_a_model_that_is_listed_is_used(lister: Any) -> None:
    choice = await ChatModelCatalog(lister("memory", [ONE, TWO])).resolve("one")
    assert (choice.model, choice.model_id, choice.fell_back, choice.notice) == (ONE, "one", False, "")


async def test_no_model_is_the_agents_default(lister: Any) -> None:
    choice = await ChatModelCatalog(lister("memory", [ONE, TWO])).resolve(None)
    assert (choice.model, choice.fell_back) == (TWO, False)
    unnamed = await ChatModelCatalog(lister("memory", [ONE])).resolve(None)
    assert (unnamed.model, unnamed.model_id) == (None, None)


async def test_a_model_that_is_gone_gives_way_to_the_default_and_that_is_said(lister: Any) -> None:
    choice = await ChatModelCatalog(lister("memory", [ONE, TWO])).resolve("old")
    assert (choice.model_id, choice.requested, choice.fell_back) == ("two", "old", True)
    assert choice.notice == "memory no longer offers 'old'; using its default, Two."
    unnamed = await ChatModelCatalog(lister("memory", [ONE])).resolve("old")
    assert (unnamed.model_id, unnamed.fell_back) == (None, True)
    assert unnamed.notice == "memory no longer offers 'old'; using its default."


async def test_free_text_is_taken_when_it_is_allowed(lister: Any) -> None:
    choice = await ChatModelCatalog(lister("memory", [ONE])).resolve("preview", allow_unknown=True)
    assert choice.model == ChatModel("preview", "preview", "memory")
    assert (choice.fell_back, choice.notice) == (False, "memory does not list 'preview'.")


async def test_a_model_is_not_given_up_because_the_agent_cannot_be_asked(lister: Any, clock: Clock) -> None:
    answers: list[list[ChatModel] | Exception] = [RequestTimeoutError("Late."), []]
    for answer in answers:
        choice = await ChatModelCatalog(lister("memory", answer)).resolve("old")
        assert (choice.model_id, choice.fell_back) == ("old", False)
        assert choice.notice.startswith("'old' is used unchecked: ")
    backend = lister("memory", [ONE], RequestTimeoutError("Late."))
    catalog = ChatModelCatalog(backend, max_age=1, clock=clock)
    await catalog.listing()
    clock.now += 1
    assert (await catalog.resolve("old")).model_id == "old"
    assert (await catalog.resolve("one")).model == ONE
