from __future__ import annotations

from codex_sdk.routing.early_notifications import EarlyNotifications

THREADS, MESSAGES = 64, 2_000


def keep(early: EarlyNotifications, thread_id: str, number: int) -> None:
    early.keep(thread_id, f"m{number}", {"number": number}, {"raw": number})


def taken(early: EarlyNotifications, thread_id: str) -> list[int]:
    numbers: list[int] = []
    for method, params, raw in early.take(thread_id):
        assert (method, raw) == (f"m{params['number']}", {"raw": params["number"]})
        numbers.append(params["number"])
    return numbers


def test_what_comes_early_is_kept_in_order_by_thread() -> None:
    early = EarlyNotifications()
    for thread_id, number in (("one", 1), ("two", 2), ("one", 3)):
        keep(early, thread_id, number)
    assert (taken(early, "one"), taken(early, "two")) == ([1, 3], [2])
    assert early.dropped == 0


def test_what_is_kept_is_handed_over_once() -> None:
    early = EarlyNotifications()
    keep(early, "one", 1)
    assert (taken(early, "one"), taken(early, "one")) == ([1], [])


def test_the_oldest_early_messages_give_way() -> None:
    early = EarlyNotifications()
    for number in range(MESSAGES + 3):
        keep(early, "one", number)
    numbers = taken(early, "one")
    assert (len(numbers), numbers[0], early.dropped) == (MESSAGES, 3, 3)


def test_the_oldest_unknown_threads_give_way() -> None:
    early = EarlyNotifications()
    keep(early, "0", 0)
    for number in range(THREADS):
        keep(early, str(number), 1)
    assert early.dropped == 0
    keep(early, "new", 1)
    assert early.dropped == 2
    assert (taken(early, "0"), taken(early, "1")) == ([], [1])


def test_what_comes_for_a_closed_thread_is_dropped_and_counted() -> None:
    early = EarlyNotifications()
    early.close("one")
    keep(early, "one", 1)
    assert early.dropped == 1
    assert taken(early, "one") == []


def test_a_thread_that_is_opened_again_is_closed_no_more() -> None:
    early = EarlyNotifications()
    early.close("one")
    early.take("one")
    keep(early, "one", 2)
    assert taken(early, "one") == [2]


def test_only_so_many_closed_threads_are_remembered() -> None:
    early = EarlyNotifications()
    for number in range(THREADS + 1):
        early.close(str(number))
    keep(early, "0", 1)
    assert early.dropped == 0
    keep(early, "1", 1)
    assert early.dropped == 1
