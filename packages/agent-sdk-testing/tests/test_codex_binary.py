"""The scripted model as the real codex binary sees it, driven over stdio without any SDK."""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_testing import (
    Gate,
    ScriptedModel,
    Step,
    Tokens,
    call,
    clean_env,
    custom,
    deltas,
    disconnect,
    failed,
    http_error,
    incomplete,
    item,
    malformed,
    reasoning,
    stall,
    text,
    write_codex_home,
)

Frame = dict[str, Any]

_DEADLINE = 60.0
_PATCH = "*** Begin Patch\n*** Update File: poem.txt\n@@\n-old\n+new\n*** End Patch\n"


class AppServer:
    """A minimal client of `codex app-server`, one turn at a time."""

    def __init__(self, process: subprocess.Popen[bytes], workspace: Path) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._ids = itertools.count(1)
        self._seen: list[Frame] = []
        self._thread: Frame = {"cwd": str(workspace)}
        self.answers: dict[str, Frame] = {}

    def send(self, frame: Frame) -> None:
        self._stdin.write(json.dumps(frame).encode() + b"\n")
        self._stdin.flush()

    def receive(self) -> Frame:
        """Return the next frame; a request of the server gets its result from `answers`."""
        line = self._stdout.readline()
        assert line, "codex ended, or was ended at the deadline"
        frame: Frame = json.loads(line)
        if "id" in frame and "method" in frame:
            self.send({"id": frame["id"], "result": self.answers[frame["method"]]})
        return frame

    def request(self, method: str, params: Frame) -> Frame:
        request_id = next(self._ids)
        self.send({"id": request_id, "method": method, "params": params})
        while (frame := self.receive()).get("id") != request_id or "method" in frame:
            self._seen.append(frame)
        return frame["result"]

    def start_turn(self, prompt: str = "hi", **thread: Any) -> str:
        """Start a turn and return its id."""
        if "threadId" not in self._thread:
            self._thread = {"threadId": self.request("thread/start", self._thread | thread)["thread"]["id"]}
        params = self._thread | {"input": [{"type": "text", "text": prompt}]}
        return self.request("turn/start", params)["turn"]["id"]

    def interrupt(self, turn_id: str) -> None:
        self.request("turn/interrupt", self._thread | {"turnId": turn_id})

    def finish_turn(self) -> Turn:
        """Return the notifications up to the end of the turn."""
        frames, self._seen = self._seen, []
        while not frames or not self._is_end(frames[-1]):
            frames.append(self.receive())
        return Turn(frames)

    def _is_end(self, frame: Frame) -> bool:
        # The turns of sub-agents end too.
        return frame.get("method") == "turn/completed" and frame["params"]["threadId"] == self._thread["threadId"]

    def turn(self, prompt: str = "hi", **thread: Any) -> Turn:
        self.start_turn(prompt, **thread)
        return self.finish_turn()


class Turn:
    """The notifications of one turn."""

    def __init__(self, frames: list[Frame]) -> None:
        self._frames = frames
        self.end: Frame = frames[-1]["params"]["turn"]

    def all(self, method: str) -> list[Frame]:
        return [frame["params"] for frame in self._frames if frame.get("method") == method]

    def deltas(self, method: str = "item/agentMessage/delta") -> list[str]:
        return [params["delta"] for params in self.all(method)]

    def completed(self, kind: str) -> list[Frame]:
        return [params["item"] for params in self.all("item/completed") if params["item"]["type"] == kind]

    @property
    def errors(self) -> list[tuple[bool, Any]]:
        return [(params["willRetry"], params["error"]["codexErrorInfo"]) for params in self.all("error")]


Launch = Callable[..., contextlib.AbstractContextManager[AppServer]]


@pytest.fixture
def launch(scripted_model: ScriptedModel, codex_executable: Path, codex_home: Path, agent_workspace: Path) -> Launch:
    """Starts the real binary; arguments are those of `write_codex_home`."""

    @contextlib.contextmanager
    def start(**settings: Any) -> Generator[AppServer]:
        write_codex_home(codex_home, scripted_model, **settings)
        pipe, quiet, env = subprocess.PIPE, subprocess.DEVNULL, clean_env(codex_home=codex_home)
        with subprocess.Popen(
            [codex_executable, "app-server"], stdin=pipe, stdout=pipe, stderr=quiet, env=env
        ) as process:
            deadline = threading.Timer(_DEADLINE, process.kill)
            deadline.start()
            try:
                server = AppServer(process, agent_workspace)
                client = {"name": "agent_sdk_testing", "title": "Tests", "version": "1"}
                server.request("initialize", {"clientInfo": client, "capabilities": {"experimentalApi": True}})
                server.send({"method": "initialized"})
                yield server
            finally:
                # The binary ends by itself when its input does.
                process.stdin.close() if process.stdin else None
                process.wait()
                deadline.cancel()

    return start


def test_text_arrives_in_its_chunks_with_its_counts(scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.reply(
        text("Hel", "lo"), usage=Tokens(input=1200, output=77, cached=1000, cache_write=50, reasoning=33)
    )
    with launch() as server:
        turn = server.turn("say hello")
    assert turn.deltas() == ["Hel", "lo"]
    assert turn.end["status"] == "completed"
    assert turn.all("thread/tokenUsage/updated")[-1]["tokenUsage"]["last"] == {
        "totalTokens": 1277,
        "inputTokens": 1200,
        "cachedInputTokens": 1000,
        "cacheWriteInputTokens": 50,
        "outputTokens": 77,
        "reasoningOutputTokens": 33,
    }
    (request,) = scripted_model.requests
    assert (request.model, request.last_user_text) == ("gpt-5.5", "say hello")
    assert request.tool("exec_command")["type"] == "function"
    assert request.tool("apply_patch")["type"] == "custom"
    assert "authorization" not in request.headers
    assert scripted_model.other_requests == ()


def test_reasoning_arrives_as_summary_parts_and_raw(scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.reply(reasoning("Let ", "me look.", raw=["raw ", "thought"]), reasoning("Then."), text("Done"))
    with launch(show_raw_agent_reasoning=True) as server:
        turn = server.turn()
    assert turn.deltas("item/reasoning/summaryTextDelta") == ["Let ", "me look.", "Then."]
    assert turn.deltas("item/reasoning/textDelta") == ["raw ", "thought"]
    (done,) = turn.completed("reasoning")
    assert (done["summary"], done["content"]) == (["Let me look.", "Then."], ["raw thought"])


def test_a_message_has_its_phase(scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.reply(text("First.", phase="commentary"), text("Last.", phase="final_answer"))
    with launch() as server:
        turn = server.turn()
    messages = turn.completed("agentMessage")
    assert [(entry["phase"], entry["text"]) for entry in messages] == [
        ("commentary", "First."),
        ("final_answer", "Last."),
    ]


def test_a_command_runs_and_its_output_goes_back_to_the_model(scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.reply(call("exec_command", cmd="echo out; exit 3")).reply(text("It failed."))
    with launch() as server:
        turn = server.turn()
    (command,) = turn.completed("commandExecution")
    assert (command["id"], command["exitCode"], command["status"]) == ("call_1_1", 3, "failed")
    (output,) = scripted_model.requests[1].tool_outputs
    assert output.call_id == "call_1_1"
    assert "exited with code 3" in output.text
    assert "out" in output.text


def test_a_patch_edits_a_file(scripted_model: ScriptedModel, launch: Launch, agent_workspace: Path) -> None:
    (agent_workspace / "poem.txt").write_text("old\n")
    scripted_model.reply(custom("apply_patch", _PATCH)).reply(text("Edited."))
    with launch() as server:
        turn = server.turn(sandbox="workspace-write")
    assert turn.completed("fileChange")[0]["status"] == "completed"
    assert (agent_workspace / "poem.txt").read_text() == "new\n"


def test_a_command_can_ask_for_more_than_the_sandbox_allows(
    scripted_model: ScriptedModel, launch: Launch, agent_workspace: Path
) -> None:
    escalated = call("exec_command", cmd="touch made", sandbox_permissions="require_escalated", justification="needed")
    scripted_model.reply(escalated).reply(text("Made."))
    with launch() as server:
        server.answers = {"item/commandExecution/requestApproval": {"decision": "accept"}}
        turn = server.turn(sandbox="workspace-write", approvalPolicy="on-request")
    assert [asked["reason"] for asked in turn.all("item/commandExecution/requestApproval")] == ["needed"]
    assert (agent_workspace / "made").exists()


def test_calls_in_one_response_are_made_in_parallel(scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.reply(call("exec_command", cmd="echo a"), call("exec_command", cmd="echo b")).reply(text("Both."))
    with launch() as server:
        turn = server.turn()
    assert {command["id"] for command in turn.completed("commandExecution")} == {"call_1_1", "call_1_2"}
    assert [output.call_id for output in scripted_model.requests[1].tool_outputs] == ["call_1_1", "call_1_2"]


def test_an_item_in_the_words_of_the_protocol(scripted_model: ScriptedModel, launch: Launch) -> None:
    search = item("web_search_call", status="completed", action={"type": "search", "query": "anyio"})
    scripted_model.reply(search, text("Found."))
    with launch() as server:
        turn = server.turn()
    assert [entry["query"] for entry in turn.completed("webSearch")] == ["anyio"]


def test_the_turn_waits_at_a_gate(scripted_model: ScriptedModel, launch: Launch) -> None:
    gate = Gate()
    scripted_model.reply(text("before", gate, "after"))
    with launch() as server:
        server.start_turn()
        gate.reached_sync()
        while (frame := server.receive()).get("method") != "item/agentMessage/delta":
            pass
        assert frame["params"]["delta"] == "before"
        assert scripted_model.requests[0].outcome == "running"
        gate.open()
        assert server.finish_turn().deltas() == ["after"]


def test_an_interrupt_is_seen_as_a_client_that_went_away(scripted_model: ScriptedModel, launch: Launch) -> None:
    gate = Gate()
    scripted_model.reply(text("before", gate, "after")).reply(text("next"))
    with launch() as server:
        turn_id = server.start_turn()
        gate.reached_sync()
        server.interrupt(turn_id)
        assert server.finish_turn().end["status"] == "interrupted"
        assert scripted_model.requests[0].finished_sync() == "client_gone"
        assert server.turn("again").deltas() == ["next"]
    assert scripted_model.requests[1].last_user_text == "again"


def test_headers_of_a_reply_tell_about_the_account_and_the_model(scripted_model: ScriptedModel, launch: Launch) -> None:
    headers = {"x-codex-primary-used-percent": "42", "x-codex-primary-window-minutes": "300", "openai-model": "other"}
    scripted_model.reply(text("x"), headers=headers)
    with launch() as server:
        turn = server.turn()
    assert turn.all("account/rateLimits/updated")[-1]["rateLimits"]["primary"]["usedPercent"] == 42
    assert [params["toModel"] for params in turn.all("model/rerouted")] == ["other"]


def test_a_later_model_calls_its_tools_from_javascript(scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.reply(custom("exec", 'text(await tools.exec_command({cmd: "echo hi"}))')).reply(text("Ran."))
    with launch(slug="gpt-6.1-sol") as server:
        turn = server.turn()
    assert [command["exitCode"] for command in turn.completed("commandExecution")] == [0]
    assert "functions.exec" in scripted_model.requests[0].tools
    assert "hi" in scripted_model.requests[1].tool_outputs[0].text


def test_a_subagent_is_answered_by_a_rule_for_its_prompt(scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.when("look into it").reply(text("child"))
    scripted_model.reply(call("spawn_agent", namespace="multi_agent_v1", message="look into it")).reply(text("parent"))
    with launch(slug="any-other") as server:
        turn = server.turn()
        scripted_model.wait_for_requests_sync(3)
    assert [entry["tool"] for entry in turn.completed("collabAgentToolCall")] == ["spawnAgent"]
    assert "look into it" in {request.last_user_text for request in scripted_model.requests}


@pytest.mark.parametrize(
    ("cut", "provider"),
    [
        (disconnect(), {}),
        (disconnect(clean=True), {}),
        (stall(), {"stream_idle_timeout_ms": 300}),
        (failed("unheard_of"), {}),
    ],
    ids=["disconnect", "clean", "stall", "failed"],
)
def test_a_stream_that_breaks_off_is_tried_again(
    cut: Step, provider: dict[str, int], scripted_model: ScriptedModel, launch: Launch
) -> None:
    scripted_model.reply(text("par"), cut).reply(text("whole"))
    with launch(provider={"stream_max_retries": 1, **provider}) as server:
        turn = server.turn()
    assert turn.deltas() == ["par", "whole"]
    assert turn.errors == [(True, {"responseStreamDisconnected": {"httpStatusCode": None}})]
    assert turn.end["status"] == "completed"


@pytest.mark.parametrize(
    ("step", "info"),
    [
        (http_error(400), "other"),
        (http_error(401), {"httpConnectionFailed": {"httpStatusCode": 401}}),
        (http_error(429), {"responseTooManyFailedAttempts": {"httpStatusCode": 429}}),
        (http_error(429, kind="usage_limit_reached", resets_at=1_900_000_000), "usageLimitExceeded"),
        (http_error(500), "internalServerError"),
        (failed("context_length_exceeded"), "contextWindowExceeded"),
        (failed("server_is_overloaded"), "serverOverloaded"),
        (incomplete(), "other"),
        (disconnect(), "other"),
    ],
    ids=["400", "401", "429", "usage", "500", "context", "overloaded", "incomplete", "disconnect"],
)
def test_an_error_ends_the_turn(step: Step, info: Any, scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.reply(step)
    with launch() as server:
        turn = server.turn()
    assert turn.end["status"] == "failed"
    assert turn.errors == [(False, info)]


def test_a_malformed_event_is_passed_over(scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.reply(text("a"), malformed(), text("b"))
    with launch() as server:
        turn = server.turn()
    assert turn.deltas() == ["a", "b"]
    assert turn.end["status"] == "completed"


def test_a_request_that_nothing_answers_fails_the_turn_with_the_reason(model: ScriptedModel, launch: Launch) -> None:
    with launch(provider={"base_url": f"{model.url}/v1"}) as server:
        turn = server.turn("unheard of")
    assert "no scripted reply is left for request 1" in turn.end["error"]["message"]
    assert "unheard of" in str(model.unexpected[0])


def test_a_rule_answers_by_what_the_request_holds(scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.when("fix").reply(text("fixed"))
    scripted_model.otherwise(lambda request: text(f"You said {request.last_user_text}"))
    with launch() as server:
        assert server.turn("fix it").deltas() == ["fixed"]
        assert server.turn("hello").deltas() == ["You said hello"]


def test_no_delta_of_a_long_stream_is_lost(scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.reply(deltas(2_000, "abcde"))
    with launch() as server:
        turn = server.turn()
    assert turn.deltas() == ["abcde"] * 2_000
    assert turn.completed("agentMessage")[0]["text"] == "abcde" * 2_000
