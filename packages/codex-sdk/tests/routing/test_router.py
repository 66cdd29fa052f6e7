from __future__ import annotations

from typing import Any

from codex_sdk.routing.early_notifications import EarlyNotifications
from codex_sdk.routing.router import Router


class Owner:
    """Writes down what it is fed; a notification "spawn" names a sub-agent's thread, "root" lets it claim one."""

    def __init__(self) -> None:
        self.fed: list[tuple[str, str]] = []
        self.roots: set[str] = set()
        self.met: list[str] = []
        self.turns: dict[str, str] = {}

    def feed(self, thread_id: str, method: str, params: dict[str, Any], raw: dict[str, Any], /) -> list[str]:
        self.fed.append((thread_id, method))
        if method == "spawn":
            self.met.append(params["child"])
        return self.met

    def claims(self, thread_id: str, method: str, params: dict[str, Any], /) -> bool:
        if params.get("root") not in self.roots:
            return False
        self.met.append(thread_id)
        return True

    def thread_of(self, params: dict[str, Any], /) -> str | None:
        return self.turns.get(params.get("turnId", ""))

    def take_adopted(self) -> list[str]:
        met, self.met = self.met, []
        return met


def router() -> Router[Owner]:
    return Router(EarlyNotifications())


def route(router: Router[Owner], thread_id: str, method: str, **params: object) -> None:
    assert router.route(method, {"threadId": thread_id, **params}, {})


def test_each_thread_has_its_owner() -> None:
    routing, one, two = router(), Owner(), Owner()
    routing.open("1", one)
    routing.open("2", two)
    for thread_id in ("1", "2", "1"):
        route(routing, thread_id, "said")
    routing.spread("limits", {}, {})
    assert (one.fed, two.fed) == ([("1", "said"), ("1", "said"), ("1", "limits")], [("2", "said"), ("2", "limits")])
    assert (routing.owners, routing.owner("1"), routing.owner("3")) == ((one, two), one, None)


def test_what_came_early_is_fed_in_order_and_with_the_threads_that_it_names() -> None:
    routing, owner = router(), Owner()
    route(routing, "grandchild", "early")
    route(routing, "child", "spawn", child="grandchild")
    route(routing, "main", "spawn", child="child")
    routing.open("main", owner)
    assert owner.fed == [("main", "spawn"), ("child", "spawn"), ("grandchild", "early")]
    assert [routing.is_open(name) for name in ("main", "child")] == [True, False]


def test_a_thread_that_no_item_names_is_claimed_by_its_root() -> None:
    routing, other, owner = router(), Owner(), Owner()
    routing.open("other", other)
    routing.open("main", owner)
    owner.roots.add("turn")
    route(routing, "child", "said")
    assert owner.fed == []
    route(routing, "child", "began", root="turn")
    assert (owner.fed, other.fed) == ([("child", "said"), ("child", "began")], [])


def test_an_owner_takes_no_thread_from_another() -> None:
    routing, one, two = router(), Owner(), Owner()
    routing.open("1", one)
    routing.open("2", two)
    route(routing, "2", "spawn", child="1")
    route(routing, "1", "said")
    assert one.fed == [("1", "said")]


def test_what_comes_after_the_close_is_dropped_until_the_thread_is_opened_anew() -> None:
    routing, first, second = router(), Owner(), Owner()
    routing.open("1", first)
    route(routing, "1", "spawn", child="child")
    routing.close("1", first)
    for thread_id in ("1", "child"):
        route(routing, thread_id, "late")
    routing.open("1", second)
    routing.close("1", first)  # Its thread is another's by now.
    route(routing, "1", "said")
    assert (routing.owners, second.fed) == ((second,), [("1", "said")])


def test_a_damaged_thread_is_known_by_its_turn_and_what_names_none_is_nobodys() -> None:
    routing, owner = router(), Owner()
    routing.open("1", owner)
    owner.turns["turn"] = "1"
    assert routing.route("said", {"threadId": 7, "turnId": "turn"}, {})
    assert routing.route("said", {"turnId": "turn"}, {})
    assert not routing.route("said", {"turnId": "another"}, {})
    assert not routing.route("said", {}, {})
    assert owner.fed == [("1", "said")] * 2
