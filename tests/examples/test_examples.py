"""Every example runs as a user runs it, with the agents' model scripted; a port is no longer than its original."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

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

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
ORIGINALS: Final = tomllib.loads((EXAMPLES / "originals.toml").read_text(encoding="utf-8"))
BOTH: Final = ("claude", "codex")
CLAUDE: Final = ("claude",)
HELLO: Final = "Hello from the scripted model."


@dataclass(frozen=True)
class Run:
    """How an example is run, and what it has to print."""

    agents: tuple[str, ...]
    prints: tuple[str, ...] = (HELLO,)
    arguments: tuple[str, ...] = ()
    stdin: str = ""


RUNS: Final = {
    "claude_agent_sdk/filesystem_agents": Run(CLAUDE, ("test-agent was found", HELLO)),
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
    "claude_agent_sdk/streaming_mode_trio": Run(BOTH, (f"Agent: {HELLO}",)),
    "claude_agent_sdk/system_prompt": Run(BOTH, (f"another one: {HELLO}",)),
    "claude_agent_sdk/tool_permission_callback": Run(
        CLAUDE, ("The agent wants to use Bash: {'command': 'touch hello.py", "completed after", "1. Bash")
    ),
    "openai_codex/cli_mini_app": Run(BOTH, (HELLO, "status> completed", "usage> total:"), stdin="Hello!\n\n/exit\n"),
    "openai_codex/error_handling_and_retry": Run(BOTH, (f"Text: {HELLO}",)),
    "openai_codex/existing_thread": Run(BOTH, ("Created: ", HELLO)),
    "openai_codex/image_and_text": Run(BOTH, ("Status: completed", HELLO), ("{scene}",)),
    "openai_codex/local_image_and_text": Run(BOTH, ("Status: completed", HELLO)),
    "openai_codex/models_and_metadata": Run(BOTH, ("(default)",)),
    "openai_codex/quickstart_constructor": Run(BOTH, ("Status: completed", f"Text: {HELLO}")),
    "openai_codex/turn_controls": Run(BOTH, ("steered: completed", "interrupted: interrupted")),
    "openai_codex/turn_run": Run(BOTH, ("status: completed", f"text: {HELLO}", "usage:")),
    "openai_codex/turn_stream_events": Run(BOTH, ("ResultMessage", "messages: ")),
}


def script(model: ScriptedModel, agent: str) -> None:
    """Answer what the examples ask; whatever else they ask is answered by a greeting."""

    def command(cmd: str) -> Step:
        return call("Bash", command=cmd) if agent == "claude" else call("exec_command", cmd=cmd)

    def calculate(a: float, b: float) -> Step:
        if agent == "claude":
            return call("mcp__calc__add", a=a, b=b)
        return call("add", {"a": a, "b": b}, namespace="calc")

    for prompt, replies in {
        "15 + 27?": [[calculate(15, 27)], [text("It is 42.")]],
        "Name five programming languages": [[text("Python for scripts, Go for servers.")]],
        "Run echo": [[command("echo 'Hello from bash!'")], [text("It said hello.")]],
        "write a hello.py": [[command("touch hello.py")], [text("Done.")]],
        "Run sleep 15": [[command("sleep 15")], [text("Done.")]],
        "Count to 40": [[text("1, 2, ", delay(1), "3.")]],
        "Count to": [[text("1, 2, "), stall()]],
    }.items():
        _answer(model, prompt, replies)
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
        codex, claude = write_codex_home(home / "codex", model), write_claude_config(home / "claude")
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


def test_every_example_is_run() -> None:
    assert sorted(RUNS) == sorted(
        str(path.relative_to(EXAMPLES).with_suffix("")) for path in EXAMPLES.rglob("*.py") if path.name != "__init__.py"
    )


@pytest.mark.parametrize(
    ("package", "name", "lines"),
    [(package, name, lines) for package, told in ORIGINALS.items() for name, lines in told["lines"].items()],
)
def test_a_port_is_no_longer_than_its_original(package: str, name: str, lines: int) -> None:
    assert code_lines((EXAMPLES / package / f"{name}.py").read_text(encoding="utf-8")) <= lines


def code_lines(source: str) -> int:
    """Count the lines that hold code: no blank ones, no comments, no docstrings."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                docstrings |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    silent = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    rows = {
        row
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in silent
        for row in range(token.start[0], token.end[0] + 1)
    }
    return len(rows - docstrings)
