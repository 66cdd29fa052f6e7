from __future__ import annotations

import gc
import weakref

import anyio
import anyio.lowlevel
import pytest

from agent_sdk_core.runtime.streams import BoundedStream, Broadcast

pytestmark = pytest.mark.anyio


async def test_items_come_in_order_and_end_with_the_stream() -> None:
    stream = BoundedStream[int]()
    stream.publish([1, 2])
    stream.publish([])
    stream.close()
    stream.publish([3])
    with anyio.fail_after(30):
        assert [item async for item in stream] == [1, 2]
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_a_waiting_consumer_wakes_for_items_and_for_the_end() -> None:
    stream = BoundedStream[int]()
    seen: list[int] = []

    async def read() -> None:
        async for item in stream:
            seen.append(item)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            stream.publish([1])
            await anyio.wait_all_tasks_blocked()
            stream.publish([2, 3])
            await anyio.wait_all_tasks_blocked()
            stream.close()
    assert sorted(seen) == [1, 2, 3]


async def test_the_oldest_give_way_and_are_counted() -> None:
    stream = BoundedStream[int](limit=3)
    stream.publish(range(5))
    stream.publish([5])
    stream.close()
    with anyio.fail_after(30):
        assert [item async for item in stream] == [3, 4, 5]
    assert stream.dropped == 3


async def test_a_busy_consumer_lets_others_run() -> None:
    stream = BoundedStream[int]()
    stream.publish(range(4000))
    stream.close()
    turns: list[int] = []
    done = anyio.Event()

    async def other() -> None:
        while not done.is_set():
            turns.append(1)
            await anyio.lowlevel.checkpoint()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(other)
            assert [item async for item in stream] == list(range(4000))
            done.set()
    assert len(turns) > 5


async def test_a_cancelled_read_loses_nothing() -> None:
    stream = BoundedStream[int]()
    stream.publish(range(200))
    stream.close()
    seen: list[int] = []
    with anyio.fail_after(30):
        for _ in range(200):
            with anyio.CancelScope() as scope:
                scope.cancel()
                seen.append(await anext(stream))
        seen.extend([item async for item in stream])
    assert seen == list(range(200))


async def test_a_broadcast_reaches_every_subscriber_from_its_subscription_on() -> None:
    broadcast = Broadcast[int]()
    assert not broadcast.watched
    broadcast.publish(0)
    one = broadcast.subscribe()
    broadcast.publish(1, 2)
    two = broadcast.subscribe()
    broadcast.publish(3)
    assert broadcast.watched
    broadcast.close()
    with anyio.fail_after(30):
        assert [item async for item in one] == [1, 2, 3]
        assert [item async for item in two] == [3]
        assert [item async for item in broadcast.subscribe()] == []


def test_a_subscriber_that_nobody_holds_is_gone() -> None:
    broadcast = Broadcast[int]()
    stream = broadcast.subscribe()
    alive = weakref.ref(stream)
    del stream
    gc.collect()
    assert alive() is None
    assert not broadcast.watched
    broadcast.publish(1)


async def test_what_nobody_listened_to_is_kept_for_the_first_if_asked_for() -> None:
    broadcast = Broadcast[int](limit=3, keep=True)
    for item in range(5):
        broadcast.publish(item)
    first, second = broadcast.subscribe(), broadcast.subscribe()
    broadcast.publish(5)
    broadcast.close()
    with anyio.fail_after(30):
        assert [item async for item in first] == [3, 4, 5]
        assert first.dropped == 3
        assert [item async for item in second] == [5]


async def test_what_is_kept_can_be_read_after_the_end() -> None:
    broadcast = Broadcast[int](keep=True)
    broadcast.publish(1)
    broadcast.close()
    with anyio.fail_after(30):
        assert [item async for item in broadcast.subscribe()] == [1]
        assert [item async for item in broadcast.subscribe()] == []


async def test_a_stream_that_is_waited_in_is_held_until_it_is_woken() -> None:
    awaited: set[BoundedStream[int]] = set()
    stream = BoundedStream[int](awaited=awaited)
    seen: list[int] = []

    async def read() -> None:
        seen.append(await anext(stream))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        assert awaited == {stream}
        stream.publish([1])
        assert not awaited
    assert seen == [1]


@pytest.mark.parametrize("closed", [False, True])
async def test_one_whose_waiter_was_cancelled_is_let_go_with_the_next_item_or_the_end(closed: bool) -> None:
    broadcast = Broadcast[int]()
    stream = broadcast.subscribe()
    with anyio.move_on_after(0):
        await anext(stream)
    alive = weakref.ref(stream)
    del stream
    if closed:
        broadcast.close()
    else:
        broadcast.publish(1)
    await anyio.lowlevel.checkpoint()  # The event loop holds the last error, and through it where it came from.
    gc.collect()
    assert alive() is None
