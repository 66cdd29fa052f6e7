"""The scripted model as the real claude binary sees it, driven over stdio without any SDK.

A process takes half a second to start, so a test asks one of them as much as belongs together.
"""

from __future__ import annotations

import contextlib
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
    write_claude_config,
)

Frame = dict[str, Any]

_DEADLINE = 60.0
_SONNET = "claude-sonnet-4-5"
"""A model that claude writes its reminders to in the user's name; to newer ones it speaks as the system."""


class Claude:
    """A minimal client of `claude -p` with stream-json on both sides; it allows every tool."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._stdin = process.stdin
        self._stdout = process.stdout

    def send(self, frame: Frame) -> None:
        self._stdin.write(json.dumps(frame).encode() + b"\n")
        self._stdin.flush()

    def receive(self) -> Frame:
        line = self._stdout.readline()
        assert line, "claude ended, or was ended at the deadline"
        frame: Frame = json.loads(line)
        if frame["type"] == "control_request":
            response = {"subtype": "success", "request_id": frame["request_id"], "response": {"behavior": "allow"}}
            self.send({"type": "control_response", "response": response})
        return frame

    def receive_until(self, kind: str) -> list[Frame]:
        frames = [self.receive()]
        while frames[-1]["type"] != kind:
            frames.append(self.receive())
        return frames

    def prompt(self, content: str, **fields: Any) -> None:
        message = {"role": "user", "content": content}
        self.send({"type": "user", "message": message, "parent_tool_use_id": None, **fields})

    def turn(self, prompt: str = "hi") -> Turn:
        self.prompt(prompt)
        return Turn(self.receive_until("result"))

    def control(self, subtype: str, **fields: Any) -> Frame:
        self.send({"type": "control_request", "request_id": subtype, "request": {"subtype": subtype, **fields}})
        return self.receive_until("control_response")[-1]["response"]


class Turn:
    """The frames of one turn."""

    def __init__(self, frames: list[Frame]) -> None:
        self.result = frames[-1]
        self._frames = frames

    def deltas(self, kind: str = "text") -> list[str]:
        events = [frame["event"] for frame in self._frames if frame["type"] == "stream_event"]
        changes = [event["delta"] for event in events if event["type"] == "content_block_delta"]
        return [change[kind] for change in changes if kind in change]

    @property
    def blocks(self) -> list[Frame]:
        return [
            block for frame in self._frames if frame["type"] == "assistant" for block in frame["message"]["content"]
        ]

    @property
    def failure(self) -> tuple[bool, Any, Any]:
        """Whether the turn failed, the HTTP status of it, and what kind of failure the last message tells."""
        errors = [frame.get("error") for frame in self._frames if frame["type"] == "assistant"]
        return self.result["is_error"], self.result.get("api_error_status"), errors[-1]


Launch = Callable[..., contextlib.AbstractContextManager[Claude]]


@pytest.fixture
def launch(
    scripted_model: ScriptedModel, claude_executable: Path, claude_config: Path, agent_workspace: Path
) -> Launch:
    """Starts the real binary with further arguments, and with further variables in its environment."""

    @contextlib.contextmanager
    def start(
        *arguments: str, model: ScriptedModel = scripted_model, variables: dict[str, str] | None = None
    ) -> Generator[Claude]:
        pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
        with subprocess.Popen(
            [
                *(claude_executable, "-p", "--input-format", "stream-json", "--output-format", "stream-json"),
                *("--verbose", "--include-partial-messages", "--permission-prompt-tool", "stdio", *arguments),
            ],
            stdin=pipe,
            stdout=pipe,
            stderr=quiet,
            env=clean_env(claude_config_dir=claude_config, model=model) | (variables or {}),
            cwd=agent_workspace,
        ) as process:
            deadline = threading.Timer(_DEADLINE, process.kill)
            deadline.start()
            try:
                yield Claude(process)
            finally:
                # The binary ends by itself when its input does.
                process.stdin.close() if process.stdin else None
                process.stdout.read() if process.stdout else None
                process.wait()
                deadline.cancel()

    return start


def test_what_a_model_says_arrives_with_its_counts(scripted_model: ScriptedModel, launch: Launch) -> None:
    usage = Tokens(input=1200, output=77, cached=1000, cache_write=50, reasoning=33)
    scripted_model.reply(reasoning("Let ", "me look."), text("Hel", "lo"), usage=usage)
    scripted_model.reply(text("First.", phase="commentary"), text("Last.", phase="final_answer"))
    scripted_model.reply(
        item("redacted_thinking", data="x"),
        item("server_tool_use", id="srvtoolu_1", name="web_search", input={"query": "anyio"}),
        item("web_search_tool_result", tool_use_id="srvtoolu_1", content=[]),
        text("Found."),
    )
    with launch("--model", _SONNET) as claude:
        turn = claude.turn("say hello")
        assert (turn.deltas("thinking"), turn.deltas()) == (["Let ", "me look."], ["Hel", "lo"])
        assert turn.blocks == [
            {"type": "thinking", "thinking": "Let me look.", "signature": "signature_1_1"},
            {"type": "text", "text": "Hello"},
        ]
        assert turn.result["result"] == "Hello"
        counts = turn.result["usage"]
        assert (counts["input_tokens"], counts["output_tokens"]) == (150, 77)
        assert (counts["cache_read_input_tokens"], counts["cache_creation_input_tokens"]) == (1000, 50)
        assert counts["output_tokens_details"] == {"thinking_tokens": 33}
        assert [block["text"] for block in claude.turn().blocks] == ["First.", "Last."]
        search = claude.turn().blocks
    assert [block["type"] for block in search] == [
        "redacted_thinking",
        "server_tool_use",
        "web_search_tool_result",
        "text",
    ]
    assert search[1]["input"] == {"query": "anyio"}
    request = scripted_model.requests[0]
    assert (request.model, request.last_user_text) == (_SONNET, "say hello")
    assert "input_schema" in request.tool("Bash")
    assert request.headers["x-api-key"] == "[redacted]"
    assert "x-anthropic-billing-header" not in request.instructions
    assert scripted_model.other_requests == ()


@pytest.mark.parametrize("model", [_SONNET, "claude-opus-5-5"])
def test_tools_run_and_their_outputs_go_back(
    model: str, scripted_model: ScriptedModel, launch: Launch, agent_workspace: Path
) -> None:
    (agent_workspace / "a.txt").write_text("content of a")
    (agent_workspace / "b.txt").write_text("content of b")
    scripted_model.reply(call("Bash", command="echo out")).reply(text("It ran."))
    reads = [call("Read", file_path=str(agent_workspace / name)) for name in ("a.txt", "b.txt")]
    scripted_model.reply(*reads).reply(text("Both."))
    scripted_model.reply(call("Bash", '{"command": ')).reply(text("Odd."))
    big = call("Write", file_path=str(agent_workspace / "big.txt"), content="x" * 1_000_000)
    scripted_model.reply(big).reply(text("Written."))
    with launch("--model", model) as claude:
        assert claude.turn("run").blocks[0]["id"] == "toolu_1_1"
        claude.turn("read")
        claude.turn("odd")
        claude.turn("write")
    (ran,) = scripted_model.requests[1].tool_outputs
    assert (ran.call_id, ran.text) == ("toolu_1_1", "out")
    assert scripted_model.requests[1].last_user_text == "run"
    outputs = {output.call_id: output.text for output in scripted_model.requests[-1].tool_outputs}
    assert "content of a" in outputs["toolu_3_1"]
    assert "content of b" in outputs["toolu_3_2"]
    assert "InputValidationError" in outputs["toolu_5_1"]
    assert (agent_workspace / "big.txt").stat().st_size == 1_000_000


@pytest.mark.parametrize("model", [_SONNET, "claude-opus-5-5"])
def test_the_newest_user_message_is_the_humans(
    model: str, scripted_model: ScriptedModel, launch: Launch, claude_config: Path, agent_workspace: Path
) -> None:
    stop = "test -e stopped || { touch stopped; echo go on >&2; exit 2; }"
    add = "echo from the hook"
    hooks = {
        "Stop": [{"hooks": [{"type": "command", "command": stop}]}],
        "UserPromptSubmit": [{"hooks": [{"type": "command", "command": add}]}],
    }
    write_claude_config(claude_config, settings={"hooks": hooks})
    gate = Gate()
    scripted_model.reply(call("Bash", command="while ! test -e queued; do sleep 0.01; done"))
    scripted_model.reply(text("Stopping.")).reply(text("Went on."))
    scripted_model.reply(text("par", gate, "tial")).reply(text("Next."))
    scripted_model.reply(text("Half"), incomplete()).reply(text("The rest."))
    with launch("--model", model) as claude:
        claude.prompt("first")
        claude.receive_until("assistant")
        claude.prompt("second\n\nwith a paragraph", uuid="22222222-2222-4222-8222-222222222222")
        claude.receive_until("command_lifecycle")
        (agent_workspace / "queued").touch()
        claude.receive_until("result")
        claude.prompt("third")
        gate.reached_sync()
        claude.control("interrupt")
        claude.receive_until("result")
        assert scripted_model.requests[3].finished_sync() == "client_gone"
        claude.turn("fourth")
        claude.turn("fifth")
    assert [request.last_user_text for request in scripted_model.requests] == [
        "first",
        *["second\n\nwith a paragraph"] * 2,
        "third",
        "fourth",
        *["fifth"] * 2,
    ]
    assert "go on" in scripted_model.requests[2].text


def test_what_claude_asks_on_the_side_takes_no_reply(scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.unknown_models.add("bogus")
    scripted_model.when("the bug", aside=True).reply(text('{"title": "A bug"}'))
    with launch("--model", _SONNET) as claude:
        assert claude.control("set_model", model="bogus")["error_code"] == "not_found"
        assert claude.control("set_model", model="claude-haiku-4-5")["response"] == {"model": "claude-haiku-4-5"}
        title = claude.control("generate_session_title", description="fix the bug", persist=False)
        assert title["response"] == {"title": "A bug"}
        assert claude.control("get_context_usage")["response"]["categories"]
        scripted_model.reply(call("WebSearch", query="anyio")).reply(text("Nothing found."))
        claude.turn("search")
        scripted_model.reply(text("<summary>All of it.</summary>"))
        claude.turn("/compact")
        scripted_model.when("look into it").reply(text("The child is done."))
        look = {"description": "look", "prompt": "look into it", "run_in_background": False}
        scripted_model.reply(call("Agent", look)).reply(text("All done."))
        assert claude.turn("delegate").result["result"] == "All done."
    prompts = ["search", "search", "search", "delegate", "look into it", "delegate"]
    assert [request.last_user_text for request in scripted_model.requests] == prompts
    assert "x-claude-code-agent-id" in scripted_model.requests[4].headers
    assert "The child is done." in scripted_model.requests[5].tool_outputs[0].text
    paths = {request.path for request in scripted_model.other_requests}
    assert paths == {"/v1/messages", "/v1/messages/count_tokens"}


def test_an_error_ends_the_turn(scripted_model: ScriptedModel, launch: Launch) -> None:
    failures: list[tuple[Step, int | None, str]] = [
        (http_error(400), 400, "unknown"),
        (http_error(401), 401, "authentication_failed"),
        (http_error(404), 404, "model_not_found"),
        (http_error(422), 422, "unknown"),
        (http_error(429), 429, "rate_limit"),
        (http_error(500), 500, "server_error"),
        (http_error(529), 529, "server_error"),
        (failed("overloaded_error", "busy"), 529, "unknown"),
        (malformed(), None, "unknown"),
        (disconnect(), None, "server_error"),
        (disconnect(clean=True), None, "unknown"),
    ]
    with launch("--model", _SONNET) as claude:
        for step, status, kind in failures:
            scripted_model.reply(step)
            assert claude.turn().failure == (True, status, kind), step
        scripted_model.unknown_models.add(_SONNET)
        assert claude.turn().failure == (True, 404, "model_not_found")
        scripted_model.unknown_models.clear()
        scripted_model.reply(text("Well again."))
        assert claude.turn().deltas() == ["Well again."]
    # Each is one request to the script, whatever claude made of it.
    assert len(scripted_model.requests) == len(failures) + 2


def test_errors_are_retried_as_often_as_is_allowed(scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.reply(http_error(529), headers={"retry-after": "0"}).reply(text("par"), disconnect())
    scripted_model.reply(text("Whole."))
    with launch("--model", _SONNET, variables={"CLAUDE_CODE_MAX_RETRIES": "2"}) as claude:
        turn = claude.turn()
    assert (turn.result["is_error"], turn.result["result"]) == (False, "Whole.")
    assert len(scripted_model.requests) == 3


def test_a_request_that_nothing_answers_fails_the_turn_with_the_reason(model: ScriptedModel, launch: Launch) -> None:
    with launch(model=model) as claude:
        turn = claude.turn("unheard of")
    assert "no scripted reply is left for request 1" in turn.result["result"]
    (unexpected,) = model.unexpected
    assert "unheard of" in str(unexpected)


def test_a_claude_that_is_killed_is_a_client_that_went_away(scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.reply(text("par"), stall())
    with launch("--model", _SONNET) as claude:
        claude.prompt("hi")
        while claude.receive().get("event", {}).get("type") != "content_block_delta":
            pass
        assert scripted_model.requests[0].outcome == "running"
        claude.process.kill()
    assert scripted_model.requests[0].finished_sync() == "client_gone"


def test_no_delta_of_a_long_stream_is_lost(scripted_model: ScriptedModel, launch: Launch) -> None:
    scripted_model.reply(deltas(2_000, "abcde"))
    with launch("--model", _SONNET) as claude:
        turn = claude.turn()
    assert turn.deltas() == ["abcde"] * 2_000
    assert turn.result["result"] == "abcde" * 2_000


def test_all_that_claude_asks_comes_here(
    scripted_model: ScriptedModel, claude_executable: Path, claude_env: dict[str, str], agent_workspace: Path
) -> None:
    with ScriptedModel() as elsewhere:
        # Whatever is not exempt would go through the proxy.
        env = claude_env | dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY"), elsewhere.url) | {"NO_PROXY": "127.0.0.1"}
        scripted_model.reply(text("Hello."))
        command = [claude_executable, "-p", "hi", "--output-format", "json"]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=True, env=env, cwd=agent_workspace
        )
        assert json.loads(done.stdout)["result"] == "Hello."
        assert (elsewhere.requests, elsewhere.other_requests, elsewhere.unexpected) == ((), (), ())
    assert len(scripted_model.requests) == 1
