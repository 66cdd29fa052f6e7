from __future__ import annotations

from typing import Any

from codex_sdk.router import Router

THREADS, MESSAGES = 64, 2_000


def send(router: Router, thread_id: str, number: int) -> bool:
    return router.route(thread_id, f"m{number}", {"number": number}, {"raw": number})


class Sink:
    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, method: str, params: dict[str, Any], raw: dict[str, Any]) -> None:
        assert method == f"m{params['number']}"
        assert raw == {"raw": params["number"]}
        self.seen.append(params["number"])


def test_each_thread_has_its_own_reader() -> None:
    router, one, two = Router(), Sink(), Sink()
    router.attach("one", one)
    router.attach("two", two)
    assert send(router, "one", 1)
    assert send(router, "two", 2)
    assert (one.seen, two.seen) == ([1], [2])


def test_what_comes_before_its_session_is_kept_in_order() -> None:
    router, sink = Router(), Sink()
    assert not send(router, "one", 1)
    assert not send(router, "one", 2)
    router.attach("one", sink)
    send(router, "one", 3)
    assert sink.seen == [1, 2, 3]
    assert router.dropped == 0


def test_what_is_kept_is_handed_over_once() -> None:
    router, first, second = Router(), Sink(), Sink()
    send(router, "one", 1)
    router.attach("one", first)
    router.attach("one", second)
    assert (first.seen, second.seen) == ([1], [])


def test_the_oldest_early_messages_give_way() -> None:
    router, sink = Router(), Sink()
    for number in range(MESSAGES + 3):
        send(router, "one", number)
    router.attach("one", sink)
    assert len(sink.seen) == MESSAGES
    assert sink.seen[0] == 3
    assert router.dropped == 3


def test_the_oldest_unknown_threads_give_way() -> None:
    router, oldest, second = Router(), Sink(), Sink()
    send(router, "0", 0)
    for number in range(THREADS):
        send(router, str(number), 1)
    assert router.dropped == 0
    send(router, "new", 1)
    assert router.dropped == 2
    router.attach("0", oldest)
    router.attach("1", second)
    assert (oldest.seen, second.seen) == ([], [1])


def test_what_comes_for_a_closed_session_is_dropped_and_counted() -> None:
    router, sink = Router(), Sink()
    router.attach("one", sink)
    router.detach("one")
    assert not send(router, "one", 1)
    assert (sink.seen, router.dropped) == ([], 1)


def test_a_closed_session_that_is_opened_again_gets_only_what_is_new() -> None:
    router, sink = Router(), Sink()
    router.attach("one", Sink())
    router.detach("one")
    send(router, "one", 1)
    router.attach("one", sink)
    send(router, "one", 2)
    assert sink.seen == [2]


def test_detaching_an_unknown_thread_closes_nothing() -> None:
    router, sink = Router(), Sink()
    router.detach("one")
    send(router, "one", 1)
    router.attach("one", sink)
    assert sink.seen == [1]


def test_only_so_many_closed_threads_are_remembered() -> None:
    router = Router()
    for number in range(THREADS + 1):
        router.attach(str(number), Sink())
        router.detach(str(number))
    send(router, "0", 1)
    assert router.dropped == 0
    send(router, "1", 1)
    assert router.dropped == 1
