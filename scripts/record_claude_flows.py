"""Records flows of the real claude binary with a scripted model: what went over its pipes, for tests that damage it.

Writes `packages/claude-sdk/tests/flows/<name>.wire.jsonl`, lines of `{"dir": "in" | "out", "msg": frame}`; prompts and
answers are among them. Ids and paths of the run become names; times, and what only describes the machine, are left out.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import anyio

from agent_sdk_core import Deny, MessageStream, PermissionRequest, SDKMessage, SessionOptions, StreamEvent
from agent_sdk_testing import (
    ModelRequest,
    ScriptedModel,
    Tokens,
    call,
    clean_env,
    disconnect,
    find_claude,
    http_error,
    reasoning,
    scratch_folder,
    stall,
    text,
    write_claude_config,
)
from claude_sdk import ClaudeBackend, ClaudeSession

FLOWS: Final = Path(__file__).resolve().parents[1] / "packages" / "claude-sdk" / "tests" / "flows"
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MACHINE: Final = frozenset(
    {"timestamp", "slash_commands", "skills", "plugins", "agents", "memory_paths", "terminal_slash_commands"}
)
"""Keys that are left out of frames."""

Play = Callable[[ScriptedModel, ClaudeSession], Awaitable[None]]
SCENARIOS: Final[dict[str, tuple[Play, dict[str, Any]]]] = {}


def scenario(**options: Any) -> Callable[[Play], Play]:
    """Register a scenario under its function's name; by default nothing is asked and everything allowed."""

    def register(play: Play) -> Play:
        SCENARIOS[play.__name__] = play, {"permission_mode": "bypass", **options}
        return play

    return register


async def _say(session: ClaudeSession, prompt: str) -> None:
    async with session.query(prompt) as turn:
        await turn.wait()


async def _until(stream: MessageStream, wanted: Callable[[SDKMessage], bool]) -> None:
    async for message in stream:
        if wanted(message):
            return


def _by_child(request: ModelRequest) -> bool:
    return "x-claude-code-agent-id" in request.headers


def _command(command: str, **options: Any) -> Any:
    return call("Bash", {"command": command, "description": "A command.", **options})


def _agent(**options: Any) -> Any:
    return call("Agent", {"description": "A task", "prompt": "Look.", "subagent_type": "general-purpose", **options})


@scenario()
async def plain_text(model: ScriptedModel, session: ClaudeSession) -> None:
    model.reply(text("Hel", "lo ", "wörld"), usage=Tokens(input=100, cached=30, output=20)).reply(text("Again."))
    await _say(session, "hi")
    await _say(session, "and again")


@scenario()
async def thinking(model: ScriptedModel, session: ClaudeSession) -> None:
    model.reply(reasoning("a plan"), text("Looking."), _command("echo seen")).reply(text("The ", "answer."))
    await _say(session, "think")


@scenario()
async def tools(model: ScriptedModel, session: ClaudeSession) -> None:
    model.reply(text("Two at once."), _command("echo one"), _command("echo two; exit 3"))
    model.reply(call("Write", file_path=f"{session.info.cwd}/a.txt", content="a\n")).reply(text("Done."))
    await _say(session, "work")


@scenario()
async def child(model: ScriptedModel, session: ClaudeSession) -> None:
    model.when(_by_child).reply(_command("echo found")).reply(text("I found it."))
    model.reply(_agent(run_in_background=False)).reply(text("All done."))
    await _say(session, "delegate")


@scenario()
async def background(model: ScriptedModel, session: ClaudeSession) -> None:
    model.reply(_command("echo later", run_in_background=True)).reply(text("It runs."), text("Go on."))
    model.reply(text("It ended.")).reply(text("It ended."))
    await _say(session, "start it")
    await session.wait_idle()


@scenario()
async def interrupted_text(model: ScriptedModel, session: ClaudeSession) -> None:
    model.reply(text("first ", "half"), stall()).reply(text("Back."))
    stream = session.messages()
    await session.send("go")
    await _until(stream, lambda message: isinstance(message, StreamEvent) and "half" in message.text)
    await session.interrupt()
    await _say(session, "again")


@scenario()
async def interrupted_command(model: ScriptedModel, session: ClaudeSession) -> None:
    model.reply(text("Waiting."), _command("sleep 30"))
    stream = session.messages()
    await session.send("go")
    await _until(stream, lambda message: message.type == "assistant" and '"tool_use"' in message.to_json())
    await session.interrupt()


@scenario()
async def steered(model: ScriptedModel, session: ClaudeSession) -> None:
    model.reply(text("On it."), _command("sleep 0.3; echo ready")).reply(text("Both."))
    stream = session.messages()
    await session.send("go")
    await _until(stream, lambda message: message.type == "assistant" and '"tool_use"' in message.to_json())
    await session.send("and this", priority="steer")
    await session.wait_idle()


@scenario()
async def retried(model: ScriptedModel, session: ClaudeSession) -> None:
    model.reply(http_error(529, "Busy.")).reply(text("half an "), disconnect()).reply(text("A whole answer."))
    await _say(session, "try")


@scenario()
async def refused_by_the_provider(model: ScriptedModel, session: ClaudeSession) -> None:
    model.reply(http_error(400, "No such thing."))
    await _say(session, "try")


async def _refuse(request: PermissionRequest) -> Deny:
    return Deny(f"not today: {request.tool_name}")


@scenario(permission_mode="default", can_use_tool=_refuse)
async def denied(model: ScriptedModel, session: ClaudeSession) -> None:
    model.reply(text("May I?"), _command("echo no > refused.txt")).reply(text("Then not."))
    await _say(session, "write")


@scenario()
async def compacted(model: ScriptedModel, session: ClaudeSession) -> None:
    model.reply(text("One.")).reply(text("A summary.")).reply(text("Two."))
    await _say(session, "first")
    await session.compact()
    await _say(session, "second")


@scenario(max_turns=1)
async def out_of_turns(model: ScriptedModel, session: ClaudeSession) -> None:
    model.reply(text("Once."), _command("echo once"))
    await _say(session, "go on")


@scenario(include_partial_messages=False)
async def whole_messages(model: ScriptedModel, session: ClaudeSession) -> None:
    model.reply(text("First."), _command("echo one")).reply(text("Second."))
    await _say(session, "no deltas")


async def record(name: str) -> list[dict[str, Any]]:
    """Play a scenario, and return what went over the pipes."""
    play, options = SCENARIOS[name]
    log: list[dict[str, Any]] = []

    def tap(direction: str, frame: Mapping[str, Any]) -> None:
        log.append({"dir": direction, "msg": dict(frame)})

    with scratch_folder(prefix="flow-") as folder, ScriptedModel() as model:
        (folder / "workspace").mkdir()
        config = write_claude_config(folder / "config")
        env = clean_env(claude_config_dir=config, model=model, CLAUDE_CODE_MAX_RETRIES="3")
        backend = ClaudeBackend(executable=find_claude(), env=env, wire_log=tap)
        session_options = SessionOptions.model_validate({"cwd": folder / "workspace", **options})
        with anyio.fail_after(60):
            async with backend, await backend.create_session(session_options) as session:
                await play(model, session)
        paths = {str(folder / "workspace"): "/workspace", str(folder / "config"): "/config", str(folder): "/folder"}
    return _stable([entry for entry in log if not str(entry["msg"]["type"]).startswith("control_")], paths)


def _stable(log: list[dict[str, Any]], paths: Mapping[str, str]) -> list[dict[str, Any]]:
    ids: dict[str, str] = {}

    def spelled(value: object) -> object:
        if isinstance(value, dict):
            members = cast("dict[str, object]", value).items()
            return {str(spelled(key)): spelled(member) for key, member in members if key not in _MACHINE}
        if isinstance(value, list):
            return [spelled(member) for member in cast("list[object]", value)]
        if not isinstance(value, str):
            return value
        for path, called in paths.items():
            value = value.replace(path, called)
        return _UUID.sub(lambda match: ids.setdefault(match[0], f"00000000-0000-4000-8000-{len(ids):012d}"), value)

    return [cast("dict[str, Any]", spelled(entry)) for entry in log]


def main() -> None:
    """Record the scenarios that are named, or all."""
    for name in sys.argv[1:] or SCENARIOS:
        entries = anyio.run(record, name)
        lines = "".join(f"{json.dumps(entry, ensure_ascii=False)}\n" for entry in entries)
        (FLOWS / f"{name}.wire.jsonl").write_text(lines)
        print(f"{name}: {len(entries)} frames, {len(lines)} bytes")


if __name__ == "__main__":
    main()
