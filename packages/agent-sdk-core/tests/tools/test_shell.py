"""The built-in shell tool: what it runs, where, with what, and how it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest

from agent_sdk_core.tools.context import ToolContext
from agent_sdk_core.tools.results import ToolResult
from agent_sdk_core.tools.shell import shell

pytestmark = pytest.mark.anyio

MODULE = sys.modules["agent_sdk_core.tools.shell"]
"""That of the tool above; one that a test loads anew is another."""


async def allow(tool_name: str, tool_input: Mapping[str, object]) -> None:
    assert tool_name == "Bash"
    assert tool_input["command"]


async def ran(folder: Path, *arguments: str, context: ToolContext | None = None, **more: object) -> ToolResult:
    context = context or ToolContext(cwd=str(folder), decide=allow)
    with anyio.fail_after(60):
        return await shell.run({"arguments": list(arguments), **more}, context)


async def test_a_program_runs_in_the_workspace_and_what_it_prints_is_the_result(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    context = ToolContext(cwd=str(tmp_path), decide=allow)
    result = await ran(tmp_path, "sh", "-c", "pwd; echo two >&2", context=context, cwd="sub")
    assert result.content == (f"{tmp_path.resolve() / 'sub'}\n\n[stderr]\ntwo",)
    assert "".join(context.told) == f"{tmp_path.resolve() / 'sub'}\n"
    assert await ran(tmp_path, "true") == ToolResult(
        ("[no output]",), structured={"stdout": "", "exitCode": 0, "interrupted": False}
    )


async def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    assert (await ran(tmp_path, "echo", "$HOME", "*; rm x")).content == ("$HOME *; rm x",)


async def test_a_program_that_fails_is_an_error_with_its_output(tmp_path: Path) -> None:
    result = await ran(tmp_path, "sh", "-c", "echo why; exit 3")
    assert (result.is_error, result.content[0]) == (True, "why\n\n[ended with exit code 3]")
    absent = await ran(tmp_path, "no-such-program-here")
    assert absent.is_error
    assert "no-such-program-here" in str(absent.content[0])


@pytest.mark.parametrize("cwd", ["..", "/", "link", "absent"])
async def test_it_runs_nowhere_but_in_the_workspace(tmp_path: Path, cwd: str) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "link").symlink_to(tmp_path)
    result = await ran(workspace, "touch", "here.txt", cwd=cwd)
    assert result.is_error
    assert "the workspace" in str(result.content[0])
    assert not list(tmp_path.rglob("here.txt"))


async def test_outside_of_a_session_it_runs_nothing(tmp_path: Path) -> None:
    assert "no workspace" in str((await shell.run({"arguments": ["true"]})).content[0])
    result = await ran(tmp_path, "touch", "x", context=ToolContext(cwd=str(tmp_path)))
    assert result == ToolResult.failed("Nobody allowed it.")
    assert not (tmp_path / "x").exists()


async def test_it_hands_on_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret")
    monkeypatch.setenv("LC_TIME", "C")
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    result = await ran(tmp_path, sys.executable, "-c", program)
    seen = json.loads(str(result.content[0]))
    assert "MY_TOKEN" not in seen
    assert {"PATH", "LC_TIME"} <= set(seen)


async def test_time_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    up = anyio.CancelScope()

    def limit(seconds: float) -> anyio.CancelScope:
        limits.append(seconds)
        return up

    # Time is up once the program has spoken, however long the machine takes to start it.
    monkeypatch.setattr(MODULE, "anyio", SimpleNamespace(move_on_after=limit))
    context = ToolContext(cwd=str(tmp_path), decide=allow, report=lambda text: up.cancel())
    late = await ran(tmp_path, "sh", "-c", "echo begun; exec sleep 60", context=context, timeout=3)
    assert late.is_error
    assert late.content == ("begun\n\n[it took more than 3 s and was ended]",)
    assert limits == [3]


async def test_a_program_that_ends_too_late_is_ended(tmp_path: Path) -> None:
    late = await ran(tmp_path, "sleep", "60", timeout=0.1)
    assert late == ToolResult(
        ("[it took more than 0.1 s and was ended]",),
        is_error=True,
        structured={"stdout": "", "exitCode": None, "interrupted": True},
    )


async def test_output_has_an_end(tmp_path: Path) -> None:
    long = await ran(tmp_path, "sh", "-c", "yes 1234567 | head -n 10000; echo end")
    text = str(long.content[0])
    assert text.startswith("[16004 characters left out]\n")
    assert text.endswith("end")
