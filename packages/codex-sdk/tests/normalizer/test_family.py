"""A session's sub-agents: their threads join it, their turns are tasks, their messages carry what started them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent_sdk_core.messages.usage import ModelPrice
from codex_sdk.normalizer import ThreadFacts, ThreadFamily

Wire = dict[str, Any]
GONE: Wire = {"code": "process_exited", "message": "It died.", "terminal_reason": "agent_exited"}


class FamilyScene:
    """Feeds a family with events of named threads, and keeps what it gives."""

    def __init__(self, **options: Any) -> None:
        self.family = ThreadFamily(ThreadFacts("thread-1", cwd="/w", model="big"), **options)
        self.messages: list[Any] = []

    def feed(self, thread: str, method: str, **params: Any) -> list[Wire]:
        params = {"threadId": thread, **params}
        return self.take(self.family.feed(thread, method, params, {"method": method, "params": params}))

    def take(self, messages: list[Any]) -> list[Wire]:
        self.messages += messages
        return [json.loads(message.to_json()) for message in messages]

    def begin(self, thread: str, turn: str, root: str = "turn-main") -> list[Wire]:
        return self.feed(thread, "turn/started", turn={"id": turn, "rootTurnId": root})

    def end(self, thread: str, turn: str, status: str = "completed", **fields: Any) -> list[Wire]:
        return self.feed(thread, "turn/completed", turn={"id": turn, "status": status, **fields})

    def started(self, thread: str, turn: str, item_type: str, item_id: str, **fields: Any) -> list[Wire]:
        return self.feed(thread, "item/started", turnId=turn, item={"type": item_type, "id": item_id, **fields})

    def completed(self, thread: str, turn: str, item_type: str, item_id: str, **fields: Any) -> list[Wire]:
        return self.feed(thread, "item/completed", turnId=turn, item={"type": item_type, "id": item_id, **fields})

    def says(self, thread: str, turn: str, said: str) -> list[Wire]:
        return self.completed(thread, turn, "agentMessage", f"msg-{turn}", text=said)

    def spawn(
        self, thread: str = "thread-1", turn: str = "turn-main", child: str = "child", use: str = "spawn"
    ) -> None:
        fields: Wire = {"tool": "spawnAgent", "prompt": "look around\nand tell", "agentsStates": {}}
        self.started(thread, turn, "collabAgentToolCall", use, status="inProgress", receiverThreadIds=[], **fields)
        self.completed(
            thread, turn, "collabAgentToolCall", use, status="completed", receiverThreadIds=[child], **fields
        )

    def tokens(self, thread: str, turn: str, amount: int) -> list[Wire]:
        counted = {"inputTokens": amount, "cachedInputTokens": amount // 2, "outputTokens": 10}
        usage = {"total": counted, "last": {**counted, "totalTokens": amount + 10}, "modelContextWindow": 1000}
        return self.feed(thread, "thread/tokenUsage/updated", turnId=turn, tokenUsage=usage)


@pytest.fixture
def scene() -> FamilyScene:
    return FamilyScene()


def subtypes(wires: list[Wire]) -> list[str]:
    return [wire.get("subtype") or wire["type"] for wire in wires]


def test_a_spawned_agent_is_a_task_that_is_answered_at_once(scene: FamilyScene, rules: Any) -> None:
    scene.begin("thread-1", "turn-main")
    scene.spawn()
    use, answer, task = [json.loads(message.to_json()) for message in scene.messages[-3:]]
    block = use["message"]["content"][0]
    assert (block["name"], block["kind"], block["id"]) == ("Task", "agent", "spawn")
    assert block["input"] == {"description": "look around", "prompt": "look around\nand tell"}
    assert "thread child" in answer["message"]["content"][0]["content"]
    assert answer["tool_use_result"]["agentId"] == "child"
    assert (task["subtype"], task["task_id"], task["tool_use_id"]) == ("task_started", "child", "spawn")
    assert scene.family.take_adopted() == ["child"]
    assert scene.family.take_adopted() == []
    scene.take(scene.family.end(**GONE))
    rules(scene.messages)


def test_messages_of_an_agent_are_the_sessions_and_name_what_started_it(scene: FamilyScene, rules: Any) -> None:
    scene.begin("thread-1", "turn-main")
    scene.spawn()
    told = scene.begin("child", "turn-child")
    told += scene.completed("child", "turn-child", "userMessage", "ask", content=[{"type": "text", "text": "look"}])
    told += scene.feed("child", "item/agentMessage/delta", turnId="turn-child", itemId="m", delta="hi")
    told += scene.completed("child", "turn-child", "agentMessage", "m", text="hi")
    assert {wire["session_id"] for wire in told} == {"thread-1"}
    assert {wire["parent_tool_use_id"] for wire in told} == {"spawn"}
    assert "init" not in subtypes(told)
    assert "isReplay" not in told[0]
    assert scene.messages[-1].source.thread_id == "child"
    ended = scene.end("child", "turn-child", durationMs=7)
    assert subtypes(ended) == ["task_notification"]
    assert (ended[0]["status"], ended[0]["summary"]) == ("completed", "hi")
    assert ended[0]["usage"] == {"total_tokens": 0, "tool_uses": 0, "duration_ms": 7}
    assert ended[0]["parent_tool_use_id"] is None
    assert scene.family.active_turns() == [("thread-1", "turn-main")]
    scene.end("thread-1", "turn-main")
    rules(scene.messages)


def test_a_later_turn_of_an_agent_is_the_task_again(scene: FamilyScene) -> None:
    scene.begin("thread-1", "turn-main")
    scene.spawn()
    assert scene.begin("child", "one") == []
    assert subtypes(scene.end("child", "one")) == ["task_notification"]
    fields = {"tool": "sendInput", "receiverThreadIds": ["child"], "prompt": "more", "status": "completed"}
    use, answer = scene.completed("thread-1", "turn-main", "collabAgentToolCall", "send", **fields)
    assert use["message"]["content"][0]["name"] == "SendInput"
    assert use["message"]["content"][0]["input"] == {"agents": ["child"], "message": "more"}
    assert answer["message"]["content"][0]["content"] == "Done."
    assert subtypes(scene.begin("child", "two")) == ["task_started"]
    assert scene.family.take_adopted() == ["child"]


@pytest.mark.parametrize(
    ("status", "error", "outcome", "summary"),
    [
        ("failed", {"message": "too much", "codexErrorInfo": "serverOverloaded"}, "failed", "too much"),
        ("interrupted", None, "stopped", "so far"),
        ("strange", None, "failed", "The turn ended with a status that is not known: 'strange'."),
    ],
)
def test_how_an_agents_turn_ended_is_its_tasks_outcome(
    scene: FamilyScene, status: str, error: Any, outcome: str, summary: str
) -> None:
    scene.begin("thread-1", "turn-main")
    scene.spawn()
    scene.begin("child", "turn-child")
    scene.says("child", "turn-child", "so far")
    notice = scene.end("child", "turn-child", status, error=error)[-1]
    assert (notice["status"], notice["summary"]) == (outcome, summary)


def test_an_agent_that_cannot_be_started_is_an_error_and_no_task(scene: FamilyScene) -> None:
    scene.begin("thread-1", "turn-main")
    fields: Wire = {"tool": "spawnAgent", "prompt": "x", "receiverThreadIds": [], "status": "failed"}
    wires = scene.completed("thread-1", "turn-main", "collabAgentToolCall", "spawn", **fields)
    assert subtypes(wires) == ["assistant", "user"]
    assert wires[1]["message"]["content"][0]["is_error"] is True
    assert scene.family.take_adopted() == []


def test_an_agent_of_the_second_kind_is_started_by_an_activity(scene: FamilyScene, rules: Any) -> None:
    scene.begin("thread-1", "turn-main")
    about = {"agentThreadId": "child", "agentPath": "/root/one", "model": "small"}
    scene.started("thread-1", "turn-main", "subAgentActivity", "call", kind="started", **about)
    assert scene.family.take_adopted() == []
    wires = scene.completed("thread-1", "turn-main", "subAgentActivity", "call", kind="started", **about)
    assert subtypes(wires) == ["user", "task_started"]
    assert wires[0]["tool_use_result"]["agentPath"] == "/root/one"
    assert scene.family.take_adopted() == ["child"]
    child = scene.family.normalizer("child")
    assert child is not None
    assert child.facts.model == "small"
    message = scene.completed("thread-1", "turn-main", "subAgentActivity", "send", kind="interacted", **about)[0]
    assert message["message"]["content"][0]["name"] == "MessageAgent"
    stopped = scene.completed("thread-1", "turn-main", "subAgentActivity", "stop", kind="interrupted", **about)[0]
    assert stopped["message"]["content"][0]["name"] == "InterruptAgent"
    assert scene.completed("thread-1", "turn-main", "subAgentActivity", "done", kind="completed", **about) == []
    new = scene.completed("thread-1", "turn-main", "subAgentActivity", "new", kind="teleported", **about)[0]
    assert new["message"]["content"][0]["name"] == "SubAgent.teleported"
    scene.take(scene.family.end(**GONE))
    rules(scene.messages)


def test_an_agent_of_an_earlier_process_joins_when_it_is_addressed(scene: FamilyScene) -> None:
    scene.begin("thread-1", "turn-main")
    about = {"agentThreadId": "old", "agentPath": "/root/old"}
    wires = scene.completed("thread-1", "turn-main", "subAgentActivity", "send", kind="interacted", **about)
    assert subtypes(wires) == ["assistant", "user"]
    assert scene.family.take_adopted() == ["old"]
    assert subtypes(scene.begin("old", "turn-old")) == ["task_started"]
    assert scene.family.parent_tool_use_id("old") == "send"


def test_an_agent_of_an_agent_hangs_on_the_tool_use_that_started_it(scene: FamilyScene, rules: Any) -> None:
    scene.begin("thread-1", "turn-main")
    scene.spawn()
    scene.begin("child", "turn-child")
    scene.spawn("child", "turn-child", child="grandchild", use="spawn-2")
    task = json.loads(scene.messages[-1].to_json())
    assert (task["subtype"], task["parent_tool_use_id"], task["tool_use_id"]) == ("task_started", "spawn", "spawn-2")
    scene.begin("grandchild", "turn-grandchild")
    assert {wire["parent_tool_use_id"] for wire in scene.says("grandchild", "turn-grandchild", "hi")} == {"spawn-2"}
    assert scene.family.thread_ids == ("thread-1", "child", "grandchild")
    assert [turn for _, turn in scene.family.active_turns()] == ["turn-main", "turn-child", "turn-grandchild"]
    ended = scene.take(scene.family.end(**GONE))
    assert [wire.get("task_id") for wire in ended] == ["grandchild", "child", None]
    assert {wire["status"] for wire in ended[:2]} == {"stopped"}
    rules(scene.messages)


def test_a_thread_that_no_item_names_joins_by_the_root_of_its_turn(scene: FamilyScene, rules: Any) -> None:
    scene.begin("thread-1", "turn-main")
    turn = {"turn": {"id": "t", "rootTurnId": "turn-main"}}
    assert not scene.family.claims("stranger", "turn/started", {"turn": {"id": "t", "rootTurnId": "another"}})
    assert not scene.family.claims("thread-1", "turn/started", turn)
    assert not scene.family.claims("child", "item/started", {})
    assert scene.family.claims("child", "turn/started", turn)
    assert scene.family.take_adopted() == ["child"]
    wires = scene.begin("child", "t")
    assert subtypes(wires) == ["assistant", "user", "task_started"]
    assert scene.messages[-1].source.synthetic
    assert scene.says("child", "t", "hi")[0]["parent_tool_use_id"] == "agent:child"
    scene.take(scene.family.end(**GONE))
    rules(scene.messages)


def test_a_thread_waits_for_the_item_that_may_name_it(scene: FamilyScene) -> None:
    scene.begin("thread-1", "turn-main")
    scene.started("thread-1", "turn-main", "collabAgentToolCall", "spawn", tool="spawnAgent", receiverThreadIds=[])
    turn = {"turn": {"id": "t", "rootTurnId": "turn-main"}}
    assert not scene.family.claims("child", "turn/started", turn)
    scene.end("thread-1", "turn-main", "interrupted")
    assert scene.family.claims("child", "item/started", {})
    assert scene.take(scene.family.end(**GONE))[-1]["status"] == "stopped"


def test_an_event_of_a_strange_thread_is_nobodys(scene: FamilyScene) -> None:
    assert scene.feed("stranger", "turn/started", turn={"id": "x"}) == []
    assert scene.family.item("stranger", "x") is None
    assert scene.family.open_items("stranger") == []
    assert scene.family.parent_tool_use_id("stranger") is None


def test_open_items_are_found_by_their_thread(scene: FamilyScene) -> None:
    scene.begin("thread-1", "turn-main")
    scene.spawn()
    scene.begin("child", "turn-child")
    scene.started("child", "turn-child", "mcpToolCall", "mcp", server="s", tool="t", status="inProgress")
    assert scene.family.open_items("thread-1") == []
    assert [item["id"] for item in scene.family.open_items("child")] == ["mcp"]
    item = scene.family.item("child", "mcp")
    assert item is not None
    assert item["server"] == "s"


def test_an_agents_end_does_not_end_the_turn_of_its_parent(scene: FamilyScene, rules: Any) -> None:
    scene.begin("thread-1", "turn-main")
    scene.spawn()
    scene.begin("child", "turn-child")
    ended = scene.end("thread-1", "turn-main", "interrupted")
    assert subtypes(ended) == ["error_during_execution"]
    assert scene.family.active_turns() == [("child", "turn-child")]
    assert subtypes(scene.end("child", "turn-child")) == ["task_notification"]
    rules(scene.messages)


def test_a_turn_that_is_not_confirmed_ends_alone(scene: FamilyScene) -> None:
    scene.begin("thread-1", "turn-main")
    scene.spawn()
    scene.begin("child", "turn-child")
    ended = scene.take(scene.family.end(**GONE, turn_id="turn-main"))
    assert subtypes(ended) == ["error_during_execution"]
    assert scene.family.active_turns() == [("child", "turn-child")]


def test_what_an_agent_was_refused_is_listed_by_the_sessions_result(scene: FamilyScene) -> None:
    scene.begin("thread-1", "turn-main")
    scene.spawn()
    scene.begin("child", "turn-child")
    command = {"command": "rm -rf /", "status": "declined"}
    scene.completed("child", "turn-child", "commandExecution", "cmd", **command)
    call = {"server": "files", "tool": "delete"}
    scene.feed("child", "item/started", turnId="turn-child", item={"type": "mcpToolCall", "id": "call", **call})
    for thread_id in ("child", "stranger"):
        scene.family.refuse(thread_id, "call")
    scene.completed("child", "turn-child", "mcpToolCall", "call", **call, status="failed")
    scene.end("child", "turn-child")
    result = scene.end("thread-1", "turn-main")[-1]
    assert [denial["tool_use_id"] for denial in result["permission_denials"]] == ["cmd", "call"]


def test_tokens_of_agents_count_for_the_models_and_not_for_the_turn(scene: FamilyScene) -> None:
    scene.begin("thread-1", "turn-main")
    scene.spawn()
    scene.begin("child", "turn-child")
    scene.tokens("thread-1", "turn-main", 100)
    assert scene.tokens("child", "turn-child", 40)[0]["parent_tool_use_id"] == "spawn"
    result = scene.end("thread-1", "turn-main")[-1]
    assert result["usage"]["input_tokens"] == 50
    assert result["modelUsage"]["big"]["inputTokens"] == 70
    assert result["modelUsage"]["big"]["outputTokens"] == 20
    assert "total_cost_usd" not in result
    assert scene.family.usage.total.input_tokens == 50
    assert scene.family.usage.by_model["big"].input_tokens == 70


def test_a_price_list_gives_costs_when_it_knows_every_model() -> None:
    scene = FamilyScene(prices={"big": ModelPrice(input=1.0, cached_input=0.5, output=10.0)})
    scene.begin("thread-1", "turn-main")
    scene.tokens("thread-1", "turn-main", 100)
    result = scene.end("thread-1", "turn-main")[-1]
    cost = (50 * 1.0 + 50 * 0.5 + 10 * 10.0) / 1_000_000
    assert result["total_cost_usd"] == pytest.approx(cost)
    assert result["cost_source"] == "price_table"
    assert result["modelUsage"]["big"]["costUSD"] == pytest.approx(cost)
    assert scene.family.usage.cost_usd == pytest.approx(cost)
    assert scene.family.usage.cost_source == "price_table"


def test_a_model_without_a_price_leaves_the_cost_unknown() -> None:
    scene = FamilyScene(prices={"big": ModelPrice(1.0, 0.5, 10.0)})
    scene.begin("thread-1", "turn-main")
    about = {"agentThreadId": "child", "agentPath": "/root/one", "model": "small"}
    scene.completed("thread-1", "turn-main", "subAgentActivity", "call", kind="started", **about)
    scene.begin("child", "turn-child")
    scene.tokens("thread-1", "turn-main", 100)
    scene.tokens("child", "turn-child", 100)
    result = scene.end("thread-1", "turn-main")[-1]
    assert "total_cost_usd" not in result
    assert "costUSD" not in result["modelUsage"]["big"]
    assert scene.family.usage.cost_usd is None


def test_prices_that_cannot_be_looked_up_leave_the_cost_unknown(caplog: pytest.LogCaptureFixture) -> None:
    class Down(dict[str, ModelPrice]):
        def __contains__(self, key: object) -> bool:
            raise RuntimeError("the table is down")

    scene = FamilyScene(prices=Down(big=ModelPrice(1.0, 0.5, 10.0)))
    scene.begin("thread-1", "turn-main")
    scene.tokens("thread-1", "turn-main", 100)
    assert "total_cost_usd" not in scene.end("thread-1", "turn-main")[-1]
    assert "could not be looked up" in caplog.text


def test_uuids_of_a_familys_threads_differ() -> None:
    scene = FamilyScene(uuid_prefix="00000000-0000-4000-8000-")
    scene.begin("thread-1", "turn-main")
    scene.spawn()
    scene.begin("child", "turn-child")
    scene.says("child", "turn-child", "hi")
    uuids = [message.uuid for message in scene.messages]
    assert len(set(uuids)) == len(uuids)
    assert uuids[0] == "00000000-0000-4000-8000-000000000001"


def test_waiting_and_closing_are_tool_uses_of_their_own_names(scene: FamilyScene) -> None:
    scene.begin("thread-1", "turn-main")
    states = {"child": {"status": "completed", "message": "hi"}, "other": {"status": "running", "message": None}}
    wires = scene.completed(
        "thread-1", "turn-main", "collabAgentToolCall", "w", tool="wait", status="completed", agentsStates=states
    )
    assert wires[0]["message"]["content"][0]["name"] == "WaitAgent"
    assert wires[1]["message"]["content"][0]["content"] == "child: completed: hi\nother: running"
    assert wires[1]["tool_use_result"] == {"agents": states}
    wires = scene.completed("thread-1", "turn-main", "collabAgentToolCall", "c", tool="closeAgent", status="failed")
    assert wires[0]["message"]["content"][0]["name"] == "CloseAgent"
    assert wires[1]["message"]["content"][0]["content"] == "It failed."
    wires = scene.completed("thread-1", "turn-main", "collabAgentToolCall", "n", tool="newThing", status="completed")
    assert wires[0]["message"]["content"][0]["name"] == "newThing"
    assert scene.family.take_adopted() == []


def test_a_long_prompt_describes_an_agent_by_its_beginning(scene: FamilyScene) -> None:
    scene.begin("thread-1", "turn-main")
    fields = {"tool": "spawnAgent", "prompt": "x" * 200, "receiverThreadIds": ["c"], "status": "completed"}
    wires = scene.completed("thread-1", "turn-main", "collabAgentToolCall", "spawn", **fields, model="small")
    assert len(wires[0]["message"]["content"][0]["input"]["description"]) == 80
    assert wires[1]["tool_use_result"]["model"] == "small"


def test_json_answers_are_parsed_for_prompts_with_a_schema(scene: FamilyScene) -> None:
    for number, answer in enumerate(('{"n": 1}', "no JSON")):
        turn, prompt = f"turn-{number}", f"prompt-{number}"
        scene.family.main.expect_prompt(prompt, "how many", structured=True)
        scene.family.main.assign_prompt(prompt, turn)
        scene.begin("thread-1", turn, root=turn)
        scene.says("thread-1", turn, answer)
        result = scene.end("thread-1", turn)[-1]
        assert result.get("structured_output") == ({"n": 1} if number == 0 else None)
