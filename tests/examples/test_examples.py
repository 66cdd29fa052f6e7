"""Every example runs as a user runs it, with the agents' model scripted; a port is no longer than its original."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
from tests.examples.table import EXAMPLES, ORIGINALS, PAGES, RECIPES, ROOT, length, page_of_recipes, page_with_table

from agent_sdk_testing import (
    ScriptedModel,
    Step,
    call,
    clean_env,
    delay,
    scratch_folder,
    stall,
    text,
    write_claude_config,
    write_codex_home,
)

BOTH: Final = ("claude", "codex")
CLAUDE: Final = ("claude",)
CODEX: Final = ("codex",)
HELLO: Final = "Hello from the scripted model."


@dataclass(frozen=True)
class Run:
    """How an example is run, and what it has to print."""

    agents: tuple[str, ...]
    prints: tuple[str, ...] = (HELLO,)
    arguments: tuple[str, ...] = ()
    stdin: str = ""


RUNS: Final = {
    "claude_agent_sdk/agents": Run(CLAUDE, (HELLO, "($0.")),
    "claude_agent_sdk/plugin_example": Run(CLAUDE, ("Commands: ['demo-plugin:greet']",)),
    "claude_agent_sdk/tools_option": Run(CLAUDE, ("three: 3 tools", "none: 0 tools", "all: ")),
    "claude_agent_sdk/filesystem_agents": Run(CLAUDE, ("test-agent was found", HELLO)),
    "claude_agent_sdk/hooks": Run(
        BOTH,
        (
            "PreToolUse: Run the command: ./foo.sh --help\nHook: blocked\nAgent: It is not run.",
            "PostToolUse: Run the command: ls /nonexistent_directory\nHook: context",
            "Decisions: Write 'test' to important_config.txt\nHook: blocked",
            "Decisions: Write 'test' to regular_file.txt\nAgent: It is written.",
            "Stop: Run the command: echo 'CRITICAL ERROR'\nHook: stopped",
        ),
        ("all",),
    ),
    "claude_agent_sdk/include_partial_messages": Run(CLAUDE, ('"type":"stream_event"', '"type":"result"')),
    "claude_agent_sdk/max_budget_usd": Run(CLAUDE, ("Budget None: completed", "Budget 0.0001: limit")),
    "claude_agent_sdk/mcp_calculator": Run(BOTH, ("Tool result: 15.0 + 27.0 = 42.0", "Agent: It is 42.")),
    "claude_agent_sdk/quick_start": Run(CLAUDE, (HELLO, "Cost: $")),
    "claude_agent_sdk/setting_sources": Run(
        CLAUDE,
        (
            "default: /greet is not there",
            "disable_all: /greet is not there",
            "user_only: /greet is not there",
            "project_and_user: /greet is there",
        ),
        ("all",),
    ),
    "claude_agent_sdk/stderr_callback_example": Run(CLAUDE, (HELLO, "lines on stderr")),
    "claude_agent_sdk/streaming_mode": Run(
        BOTH,
        (
            "Interrupted: interrupted",
            "Languages: ['Go', 'Python']",
            "Tool use: Bash echo 'Hello from bash!'",
            "Tool result: Hello from bash!",
            "Too slow: the turn was interrupted.",
        ),
        ("all",),
    ),
    "claude_agent_sdk/streaming_mode_ipython": Run(BOTH, ("Interrupted: interrupted", "messages; ['completed']")),
    "claude_agent_sdk/streaming_mode_trio": Run(BOTH, (f"Agent: {HELLO}",)),
    "claude_agent_sdk/system_prompt": Run(BOTH, (f"another one: {HELLO}",)),
    "claude_agent_sdk/tool_permission_callback": Run(
        CLAUDE, ("The agent wants to use Bash: {'command': 'touch hello.py", "completed after", "1. Bash")
    ),
    "openai_codex/async_parity": Run(BOTH, (f"Text: {HELLO}",)),
    "openai_codex/cli_mini_app": Run(BOTH, (HELLO, "status> completed", "usage> total:"), stdin="Hello!\n\n/exit\n"),
    "openai_codex/error_handling_and_retry": Run(BOTH, (f"Text: {HELLO}",)),
    "openai_codex/existing_thread": Run(BOTH, ("Created: ", HELLO)),
    "openai_codex/goal_turns": Run(CODEX, ("complete It is measured.",)),
    "openai_codex/image_and_text": Run(BOTH, ("Status: completed", HELLO), ("{scene}",)),
    "openai_codex/local_image_and_text": Run(BOTH, ("Status: completed", HELLO)),
    "openai_codex/login_and_account": Run(CODEX, ("Open http", "done: True", "account: ")),
    "openai_codex/model_select_and_turn_params": Run(CODEX, ("model: ", f"text: {HELLO}", "plan: summary='Slowly.'")),
    "openai_codex/turn_params_kitchen_sink": Run(
        CODEX, ("Status: completed", "Plan: Plan(summary='Slowly.', actions=['One', 'All'])")
    ),
    "openai_codex/models_and_metadata": Run(BOTH, ("(default)",)),
    "openai_codex/quickstart_constructor": Run(BOTH, ("Status: completed", f"Text: {HELLO}")),
    "openai_codex/thread_lifecycle_and_controls": Run(
        BOTH, ("listed while archived: False", "listed: True", "resumed: completed", "forked: completed", "compacted: ")
    ),
    "openai_codex/turn_controls": Run(BOTH, ("steered: completed", "interrupted: interrupted")),
    "openai_codex/turn_run": Run(BOTH, ("status: completed", f"text: {HELLO}", "usage:")),
    "openai_codex/turn_stream_events": Run(BOTH, ("ResultMessage", "messages: ")),
    "recipes/batch": Run(
        BOTH,
        ('{"folder": ".", "answer": {"answer": true, "reason": "It has one."}}',),
        ("Is there a changelog?", ".", "."),
    ),
    "recipes/bot": Run(BOTH, (f"a: {HELLO}", f"b: {HELLO}"), stdin="a: Hello!\nb: Hi!\na: More?\n\n"),
    "recipes/chat_repl": Run(
        BOTH, ("Bash {'command': ", "  1. ", "Done.", "Go on later with "), stdin="Please write a hello.py\n1\n"
    ),
    "recipes/notebook": Run(BOTH, (HELLO, "Usage")),
    "recipes/ci_job": Run(BOTH, (f"completed: {HELLO}",), ("Make", "the", "tests", "pass.")),
}


def script(model: ScriptedModel, agent: str) -> None:
    """Answer what the examples ask; whatever else they ask is answered by a greeting."""

    def command(cmd: str) -> Step:
        return call("Bash", command=cmd) if agent == "claude" else call("exec_command", cmd=cmd)

    def asked_command(cmd: str) -> Step:
        if agent == "claude":
            return call("Bash", command=cmd)
        return call(
            "exec_command", cmd=cmd, sandbox_permissions="require_escalated", justification="It has to be written."
        )

    def data(**fields: object) -> Step:
        return call("StructuredOutput", dict[str, Any](fields)) if agent == "claude" else text(json.dumps(fields))

    def calculate(a: float, b: float) -> Step:
        if agent == "claude":
            return call("mcp__calc__add", a=a, b=b)
        return call("add", {"a": a, "b": b}, namespace="calc")

    for prompt, replies in {
        "15 + 27?": [[calculate(15, 27)], [text("It is 42.")]],
        "Name five programming languages": [[text("Python for scripts, Go for servers.")]],
        "./foo.sh --help": [[command("./foo.sh --help")], [text("It is not run.")]],
        "ls /nonexistent": [[command("ls /nonexistent_directory")], [text("There is none.")]],
        "important_config": [[command("echo test > important_config.txt")], [text("It is not written.")]],
        "regular_file": [[command("echo test > regular_file.txt")], [text("It is written.")]],
        "CRITICAL ERROR": [[command("echo 'CRITICAL ERROR'")]],
        "Run echo": [[command("echo 'Hello from bash!'")], [text("It said hello.")]],
        "write a hello.py": [[asked_command("touch hello.py")], [text("Done.")]],
        "Plan how to roll out": [[data(summary="Slowly.", actions=["One", "All"])]],
        "Is there a changelog?": [[data(answer=True, reason="It has one.")]],
        "Run sleep 15": [[command("sleep 15")], [text("Done.")]],
        "Count to 40": [[text("1, 2, ", delay(1), "3.")]],
        "Count to": [[text("1, 2, "), stall()]],
    }.items():
        _answer(model, prompt, replies)
    goal = model.when(lambda request: "Measure more" in str(request.json))
    goal.reply(call("update_goal", status="complete")).reply(text("It is measured."))
    model.otherwise(text(HELLO))


def _answer(model: ScriptedModel, prompt: str, replies: Sequence[Sequence[Step]]) -> None:
    rule = model.when(prompt)
    for steps in replies:
        rule.reply(*steps)


@pytest.fixture
def user_env(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The environment of somebody who configured an agent, with a scripted model behind it."""
    agent: str = request.param
    with ScriptedModel() as model, scratch_folder(prefix="examples-") as home:
        script(model, agent)
        codex, claude = (
            write_codex_home(home / "codex", model, features={"goals": True}),
            write_claude_config(home / "claude"),
        )
        env = clean_env(codex_home=codex, claude_config_dir=claude, model=model)
        yield env | {"AGENT_SDK_BACKEND": agent, "AGENT_SDK_CONFIG": "/dev/null", "PYTHONUNBUFFERED": "1"}
        model.check()


@pytest.mark.parametrize(
    ("name", "user_env"),
    [(name, agent) for name, run in RUNS.items() for agent in run.agents],
    indirect=["user_env"],
)
def test_an_example_does_what_it_says(name: str, user_env: dict[str, str]) -> None:
    run = RUNS[name]
    scene = (EXAMPLES / "openai_codex" / "scene.png").as_uri()
    arguments = [argument.format(scene=scene) for argument in run.arguments]
    with scratch_folder(prefix="examples-work-") as folder:
        ran = subprocess.run(
            [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *arguments],
            cwd=folder,
            env=user_env,
            input=run.stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    missing = [line for line in run.prints if line not in ran.stdout]
    assert not missing, f"{missing} in\n{ran.stdout}\n{ran.stderr}"


@pytest.mark.parametrize("user_env", BOTH, indirect=True)
def test_the_web_application_streams_and_answers(user_env: dict[str, str]) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    serve = [sys.executable, "-m", "uvicorn", "--fd", str(listening.fileno()), "--app-dir", str(EXAMPLES / "recipes")]
    with scratch_folder(prefix="examples-work-") as folder:
        web = subprocess.Popen([*serve, "fastapi_sse:app"], cwd=folder, env=user_env, pass_fds=[listening.fileno()])
        try:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/chats"
            chat = f"{url}/{_ask('POST', url)['id']}"
            events = _events(f"{chat}/messages", "Please write a hello.py")
            waiting = next(event for event in events if event.get("subtype") == "request_opened")
            _ask("POST", f"{chat}/answers/{waiting['request_id']}", waiting["request"]["options"][0]["answer"])
            assert list(events)[-1]["result"] == "Done."
            _ask("DELETE", chat)
        finally:
            web.kill()
            web.wait()
            listening.close()


def _ask(method: str, url: str, body: object = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read())


def _events(url: str, prompt: str) -> Iterator[dict[str, Any]]:
    data = json.dumps({"text": prompt}).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as stream:
        for line in stream:
            name, _, value = line.decode().strip().partition(": ")
            if name == "data":
                yield json.loads(value)


def test_every_example_is_run() -> None:
    assert sorted([*RUNS, "recipes/fastapi_sse"]) == sorted(
        str(path.relative_to(EXAMPLES).with_suffix("")) for path in EXAMPLES.rglob("*.py") if path.name != "__init__.py"
    )


@pytest.mark.parametrize(
    ("package", "name", "lines"),
    [(package, name, lines) for package, told in ORIGINALS.items() for name, lines in told["lines"].items()],
)
def test_a_port_is_no_longer_than_its_original(package: str, name: str, lines: int) -> None:
    assert length(package, name) <= lines


@pytest.mark.parametrize("package", PAGES)
def test_the_guide_lists_the_examples_as_they_are(package: str) -> None:
    assert PAGES[package].read_text(encoding="utf-8") == page_with_table(package), "python -m tests.examples.table"


def test_the_recipes_show_the_programs_as_they_are() -> None:
    page = RECIPES.read_text(encoding="utf-8")
    assert page == page_of_recipes(), "python -m tests.examples.table"
    assert all(f"<!-- {path.relative_to(ROOT)} -->" in page for path in (EXAMPLES / "recipes").glob("*.py"))


def test_a_port_that_shows_a_result_tells_why_there_is_none() -> None:
    shown = re.compile(r"print\(.*(?<![.\w])(?<!error or )(?:result|message)\.result\b.*\)")
    ports = [path for path in EXAMPLES.rglob("*.py") if path.parent.name != "recipes"]
    silent = [path.name for path in ports if shown.search(path.read_text(encoding="utf-8"))]
    assert sorted(silent) == ["error_handling_and_retry.py", "turn_run.py"]  # They have raised or shown it before.


def test_the_batch_says_how_it_is_called() -> None:
    command = [sys.executable, EXAMPLES / "recipes/batch.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=clean_env())
    assert (done.returncode, done.stdout) == (1, "")
    assert "python batch.py" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_port_has_an_original() -> None:
    told = {f"{package}/{name}" for package, original in ORIGINALS.items() for name in original["lines"]}
    assert told == {name for name in RUNS if name.partition("/")[0] in ORIGINALS}
