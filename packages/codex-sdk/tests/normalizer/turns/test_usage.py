from __future__ import annotations

from typing import Any


def usage(total: dict[str, int], last: dict[str, int], window: int | None = None) -> dict[str, Any]:
    return {"total": total, "last": last, "modelContextWindow": window}


def test_a_call_is_the_growth_of_the_total(scene: Any) -> None:
    scene.begin()
    one = {"inputTokens": 100, "cachedInputTokens": 30, "cacheWriteInputTokens": 5, "outputTokens": 20}
    first = {**one, "reasoningOutputTokens": 5, "totalTokens": 120}
    (wire,) = scene.feed("thread/tokenUsage/updated", turnId="turn-1", tokenUsage=usage(first, first, 1000))
    assert wire["usage"] == {
        "input_tokens": 65,
        "output_tokens": 20,
        "cache_read_input_tokens": 30,
        "cache_creation_input_tokens": 5,
        "reasoning_output_tokens": 5,
    }
    assert (wire["context_tokens"], wire["context_window"]) == (120, 1000)
    assert scene.feed("thread/tokenUsage/updated", turnId="turn-1", tokenUsage=usage(first, first)) == []
    (end,) = scene.end()
    assert (end["num_turns"], end["usage"]["input_tokens"]) == (1, 65)
    assert end["modelUsage"]["gpt-test"]["contextWindow"] == 1000


def test_what_is_replayed_on_resume_is_where_counting_begins(scene: Any) -> None:
    assert scene.counted(5000, 700, turn="turn-0") == []
    assert scene.thread.usage.total.total_tokens == 0
    assert scene.thread.usage.context.used_tokens == 700
    scene.begin()
    (wire,) = scene.counted(5010)
    assert wire["usage"]["input_tokens"] == 10


def test_without_a_replay_the_last_call_is_what_counts(scene: Any) -> None:
    scene.begin()
    (wire,) = scene.counted(5000, 7)
    assert wire["usage"]["input_tokens"] == 7
    assert "context_window" not in wire


def test_results_tell_the_turn_and_the_session(scene: Any) -> None:
    scene.begin()
    scene.counted(10)
    scene.end()
    scene.begin("turn-2")
    scene.counted(30, turn="turn-2")
    scene.counted(60, turn="turn-2")
    (end,) = scene.end(turn="turn-2")
    assert (end["usage"]["input_tokens"], end["num_turns"]) == (50, 2)
    assert end["modelUsage"]["gpt-test"]["inputTokens"] == 60
    assert scene.thread.usage.by_model["gpt-test"].input_tokens == 60
    assert scene.thread.usage.total.input_tokens == 60


def test_a_call_counted_after_its_turn_is_told_but_not_the_turns(scene: Any) -> None:
    scene.begin()
    scene.end()
    assert scene.counted(10)[0]["subtype"] == "usage"
    assert scene.thread.usage.total.input_tokens == 10


def test_a_rerouted_turn_counts_for_the_other_model(scene: Any) -> None:
    scene.begin()
    (wire,) = scene.feed("model/rerouted", turnId="turn-1", fromModel="gpt-test", toModel="gpt-safe", reason="risk")
    assert (wire["subtype"], wire["level"]) == ("informational", "warning")
    scene.counted(10)
    assert set(scene.end()[0]["modelUsage"]) == {"gpt-safe"}


def test_a_total_that_shrinks_is_a_new_beginning(scene: Any) -> None:
    scene.begin()
    scene.counted(100)
    assert scene.counted(20) == []
    (wire,) = scene.counted(25)
    assert wire["usage"]["input_tokens"] == 5


def test_nonsense_counts_nothing(scene: Any) -> None:
    scene.begin()
    assert scene.feed("thread/tokenUsage/updated", turnId="turn-1", tokenUsage="x") == []
    scene.feed("thread/tokenUsage/updated", turnId="turn-1", tokenUsage=usage({"inputTokens": True}, {}))
    assert scene.thread.usage.context is None


def test_a_compaction_tells_its_size(scene: Any) -> None:
    scene.begin()
    scene.counted(100, 90)
    (status,) = scene.started("contextCompaction")
    assert status["status"] == "compacting"
    scene.counted(100, 40)
    boundary, done = scene.completed("contextCompaction")
    assert boundary["compact_metadata"] == {"trigger": "manual", "pre_tokens": 90, "post_tokens": 40}
    assert done["status"] is None
    assert scene.completed("contextCompaction") == []
    scene.thread.expect_prompt("uuid-1", "hi")
    assert scene.completed("contextCompaction", "item-2")[1]["compact_metadata"]["trigger"] == "auto"


def test_a_compaction_that_fails_does_not_last(scene: Any) -> None:
    scene.begin()
    scene.started("contextCompaction")
    status, shown = scene.started("userMessage", "user-1", content=[])
    assert (status["status"], shown["type"]) == (None, "user")
    scene.started("contextCompaction", "item-2")
    assert scene.end()[0]["status"] is None


def test_a_call_without_a_context_tells_none(scene: Any) -> None:
    scene.begin()
    only = {"inputTokens": 10}
    (wire,) = scene.feed("thread/tokenUsage/updated", turnId="turn-1", tokenUsage=usage(only, only))
    assert "context_tokens" not in wire
