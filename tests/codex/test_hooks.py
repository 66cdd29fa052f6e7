# pyright: reportPrivateUsage=false
from __future__ import annotations

import json
import os
import re
import signal
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from tests.codex.driving import Codex, backend_of, mcp

from agent_sdk_core import (
    AgentError,
    Block,
    ChangeInput,
    Deny,
    Hook,
    HookEvent,
    HookName,
    Hooks,
    InvalidRequestError,
    PolicyDeniedError,
    PolicyGuard,
    PreToolUseEvent,
    SubagentStopEvent,
    SystemMessage,
    UnsupportedOptionError,
    tool,
)
from agent_sdk_testing import Gate, ModelRequest, Step, call, custom, text
from agent_sdk_testing.contract.watching import Asker, Ran, run
from codex_sdk.hooks.announcing import EVENTS, announced

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

PATCH = "*** Begin Patch\n*** Add File: made.txt\n+hello\n*** End Patch\n"


class Seen:
    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.events: list[Any] = []

    async def __call__(self, event: HookEvent) -> Any:
        self.events.append(event)
        return self.answer


def hook_messages(ran: Ran) -> list[Mapping[str, Any]]:
    return [
        message.model_extra or {}
        for message in ran.all(SystemMessage)
        if message.subtype in ("hook_response", "hook_started")
    ]


@tool
async def own(word: str) -> str:
    """Say a word."""
    return f"said {word}"


CALLS: dict[str, tuple[str, Callable[[Codex], Step], dict[str, Any]]] = {
    "command": ("Bash", lambda codex: call("exec_command", {"cmd": "echo a > made.txt"}), {}),
    "new file": ("Write", lambda codex: custom("apply_patch", PATCH), {}),
    "patch": ("Edit", lambda codex: custom("apply_patch", PATCH.replace("Add", "Update").replace("+h", "@@\n+h")), {}),
    "own tool": ("mcp__tools__own", lambda codex: call("own", {"word": "x"}, namespace="tools"), {"tools": [own]}),
    "mcp tool": ("mcp__bench__greet", lambda codex: mcp("greet"), {"mcp": True}),
    "image": ("Read", lambda codex: call("view_image", {"path": "/x.png"}), {}),
    "sub-agent": ("Agent", lambda codex: call("spawn_agent", {"message": "Go."}, namespace="multi_agent_v1"), {}),
}


@pytest.mark.parametrize("what", CALLS)
async def test_a_hook_blocks_every_kind_of_call(codex: Codex, what: str) -> None:
    name, step, options = CALLS[what]
    options = dict(options)
    if options.pop("mcp", False):
        options["mcp_servers"] = codex.mcp_servers
    hook = Seen(Block("Not here."))
    codex.model.reply(step(codex)).reply(text("Went on."))
    async with codex.session(hooks=Hooks(pre_tool_use=hook), permission_mode="bypass", **options) as session:
        ran = await run(session, "Go.")
    assert [event.tool_name for event in hook.events] == [name]
    assert "Not here." in codex.model.requests[-1].tool_outputs[-1].text
    assert not codex.exists("made.txt")
    assert [result.is_error for result in ran.results] == [True]
    assert [said["outcome"] for said in hook_messages(ran)] == ["blocked"]


async def test_a_command_of_code_is_seen(codex: Codex) -> None:
    codex.settings(slug="gpt-6.1-sol")
    hook = Seen(Block("Not here."))
    script = "const r = await tools.exec_command({cmd: 'echo a > made.txt'}); text(JSON.stringify(r));"
    codex.model.reply(custom("exec", script)).reply(text("Went on."))
    async with codex.session(hooks=Hooks(pre_tool_use=hook), permission_mode="bypass") as session:
        await run(session, "Go.")
    assert [(event.tool_name, event.input) for event in hook.events] == [("Bash", {"command": "echo a > made.txt"})]
    assert not codex.exists("made.txt")


async def test_the_text_of_a_patch_can_be_changed_and_nothing_else_of_it(codex: Codex) -> None:
    events: list[PreToolUseEvent] = []

    async def change(event: PreToolUseEvent) -> ChangeInput:
        events.append(event)
        changed = {**event.input, "diff": str(event.input["diff"]).replace("made", "changed")}
        return ChangeInput(changed if len(events) == 1 else {**event.input, "file_path": "/elsewhere"})

    for _ in range(2):
        codex.model.reply(custom("apply_patch", PATCH)).reply(text("Went on."))
    async with codex.session(hooks=Hooks(pre_tool_use=Hook(change, "Edit|Write")), permission_mode="bypass") as session:
        await run(session, "Go.")
        assert codex.read("changed.txt") == "hello\n"
        (codex.workspace / "changed.txt").unlink()
        await run(session, "Again.")
    assert events[0].input["file_path"] == str(codex.workspace / "made.txt")
    assert events[0].input["content"] == "hello\n"
    assert "'diff' alone" in codex.model.requests[-1].tool_outputs[-1].text
    assert not codex.exists("made.txt")
    assert not codex.exists("changed.txt")


async def test_a_compaction_is_blocked_and_told_as_a_refusal(codex: Codex) -> None:
    codex.model.otherwise(text("Fine."))
    before, after = Seen(Block("Keep it.")), Seen()
    async with codex.session(hooks=Hooks(pre_compact=before, post_compact=after)) as session:
        await run(session, "Hello.")
        with pytest.raises(PolicyDeniedError, match="Keep it"):
            await session.compact()
        assert len(codex.model.requests) == 1
        before.answer = None
        await session.compact()
    assert [event.trigger for event in (*before.events, *after.events)] == ["manual"] * 3


async def test_sub_agents_are_told_as_they_start_and_end(codex: Codex) -> None:
    start, before = Seen(), Seen()
    ended = anyio.Event()

    async def stop(event: SubagentStopEvent) -> None:
        stops.append(event)
        ended.set()

    stops: list[SubagentStopEvent] = []
    codex.model.reply(call("spawn_agent", {"message": "The child's task."}, namespace="multi_agent_v1"))
    codex.model.otherwise(text("Fine."))
    hooks = Hooks(subagent_start=start, subagent_stop=stop, pre_tool_use=before)
    async with codex.session(hooks=hooks, permission_mode="bypass") as session:
        await run(session, "Go.")
        await ended.wait()
    assert [(event.agent_type, event.agent_id) for event in start.events] == [("default", stops[0].agent_id)]
    assert stops[0].last_message == "Fine."
    assert stops[0].session_id == session.session_id


async def test_a_policy_asks_about_a_shell_that_would_be_told_what_to_run_later(codex: Codex) -> None:
    codex.model.reply(call("exec_command", cmd="sh", tty=True, yield_time_ms=300))

    def typed(request: ModelRequest) -> Step:
        found = re.search(r"session ID (\d+)", request.tool_outputs[0].text)
        return call("write_stdin", session_id=int(found[1]) if found else 0, chars="touch refused.txt\n")

    codex.model.reply(typed).otherwise(text("Fine."))
    asker = Asker([Deny()])
    policy = PolicyGuard(deny=["Bash(touch *)"])
    async with codex.session(policy=policy, can_use_tool=asker, permission_mode="bypass") as session:
        await run(session, "Go.")
    assert [(request.tool_name, request.rule) for request in asker.requests] == [("Bash", "Bash(touch *)")]
    assert not codex.exists("refused.txt")


async def test_a_policy_binds_what_a_sub_agent_runs(codex: Codex) -> None:
    ended = anyio.Event()

    async def stop(event: SubagentStopEvent) -> None:
        ended.set()

    codex.model.reply(call("spawn_agent", {"message": "The child's task."}, namespace="multi_agent_v1"))
    child = codex.model.when("The child's task.")
    for name in ("refused", "left"):
        child.reply(call("exec_command", {"cmd": f"touch {name}.txt"}))
    child.reply(text("Child done."))
    codex.model.otherwise(text("Fine."))
    policy = PolicyGuard(deny=["Bash(touch refused*)"])
    async with codex.session(policy=policy, hooks=Hooks(subagent_stop=stop), permission_mode="bypass") as session:
        await run(session, "Go.")
        await ended.wait()
    assert (codex.exists("refused.txt"), codex.exists("left.txt")) == (False, True)


@pytest.mark.parametrize("rule", ["WebSearch", "WebFetch(domain:evil.example)"])
async def test_a_search_of_the_provider_is_not_offered_where_a_policy_refuses_it(codex: Codex, rule: str) -> None:
    codex.settings(web_search="live")
    codex.model.otherwise(text("Fine."))
    for policy in (None, PolicyGuard(deny=[rule])):
        async with codex.session(policy=policy) as session:
            await run(session, "Go.")
    offered = [{tool["type"] for tool in request.json["tools"]} for request in codex.model.requests]
    assert ["web_search" in types for types in offered] == [True, False]


async def test_a_rule_that_would_bind_nothing_is_no_session(codex: Codex) -> None:
    policy = PolicyGuard(deny=["WriteStdin"])
    with pytest.raises(UnsupportedOptionError, match="WriteStdin"):
        async with codex.session(policy=policy):
            pass
    async with codex.session(policy=policy, policy_scope="asked_only"):
        pass


async def test_a_hook_that_codex_cannot_run_stops_the_turn_and_is_told(
    codex: Codex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    codex.model.otherwise(text("Never ", Gate(), "read."))
    async with codex.session(hooks=Hooks(pre_tool_use=Seen())) as session:
        ran = await run(session, "Go.")
    assert ran.result.outcome == "interrupted"
    assert {said["outcome"] for said in hook_messages(ran)} == {"failed"}
    assert "Codex" in str(hook_messages(ran)[0]["output"])


async def test_a_shell_that_writes_something_for_each_command_stops_the_turn(codex: Codex) -> None:
    noisy = codex.folder / "noise.sh"
    noisy.write_text("echo noise\n")
    codex.model.otherwise(text("Never ", Gate(), "read."))
    async with (
        codex.backend(env={**codex.env, "BASH_ENV": str(noisy)}) as backend,
        await codex.open(backend, hooks=Hooks(pre_tool_use=Seen())) as session,
    ):
        ran = await run(session, "Go.")
    assert ran.result.outcome == "interrupted"
    assert "did not call the session's hooks" in str(hook_messages(ran)[0]["output"])


async def test_the_socket_is_the_users_own_and_gone_with_the_backend(codex: Codex) -> None:
    codex.model.otherwise(text("Fine."))
    hook = Seen()
    async with codex.session(hooks=Hooks(prompt_submit=hook)) as session:
        await run(session, "Go.")
        channel: Any = backend_of(session)._hook_channel()  # nobody else knows the place
        path: Path = await channel.path()
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.parent.exists()
    assert len(hook.events) == 1


async def test_codex_trusts_each_of_our_hooks_by_the_hash_that_we_tell(codex: Codex) -> None:
    names: tuple[HookName, ...] = tuple(EVENTS)
    config = announced({}, Hooks(**{name: Hook(Seen(), timeout=2.5) for name in names}), Path("/some where/s"))
    async with codex.backend(config_overrides=config) as backend:
        listed: Any = await cast("Any", backend).request("hooks/list", {"cwds": [str(codex.workspace)]})
    found = {hook.event_name: hook.trust_status for entry in listed.data for hook in entry.hooks}
    assert found == dict.fromkeys(found, "trusted")
    assert len(found) == len(names) + 1


async def test_hooks_of_the_user_go_on_beside_ours_and_are_not_trusted_by_it(codex: Codex) -> None:
    marker = codex.folder / "marker"
    theirs = {"hooks": [{"type": "command", "command": f"touch '{marker}'"}]}
    (codex.home / "hooks.json").write_text(json.dumps({"hooks": {"PreToolUse": [theirs]}}))
    codex.model.reply(call("exec_command", {"cmd": "echo a > made.txt"})).reply(text("Went on."))
    hook = Seen()
    async with codex.session(hooks=Hooks(pre_tool_use=hook), permission_mode="bypass") as session:
        await run(session, "Go.")
    assert len(hook.events) == 1
    assert not marker.exists()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"features": {"hooks": False}}, "switches hooks off"),
        ({"features.hooks": False}, "switches hooks off"),
        ({"hooks.PreToolUse": []}, "as a table"),
    ],
)
async def test_a_configuration_that_takes_hooks_away_is_refused(codex: Codex, settings: Any, why: str) -> None:
    with pytest.raises(UnsupportedOptionError, match=why):
        async with codex.session(hooks=Hooks(pre_tool_use=Seen()), settings=settings):
            pass
    with pytest.raises(UnsupportedOptionError, match=why):
        async with codex.session(hooks=Hooks(pre_tool_use=Seen()), native={"config": settings}):
            pass


async def test_a_hook_has_to_be_async(codex: Codex) -> None:
    with pytest.raises(InvalidRequestError, match="async def"):
        Hooks(pre_tool_use=lambda event: None)  # pyright: ignore[reportArgumentType]  # what is refused


async def test_hooks_bind_in_an_app_server_that_was_started_again(codex: Codex) -> None:
    hook = Seen(Block("Not here."))
    for _ in range(2):
        codex.model.reply(call("exec_command", {"cmd": "echo a > made.txt"})).reply(text("Went on."))
    async with codex.session(hooks=Hooks(pre_tool_use=hook), permission_mode="bypass") as session:
        await run(session, "Go.")
        os.kill(codex.pid(session), signal.SIGKILL)
        while session.state != "disconnected" and len(codex.started) < 2:  # whichever is told first
            await anyio.sleep(0.01)
        await run(session, "Again.")
    assert len(hook.events) == 2
    assert not codex.exists("made.txt")


async def test_a_policy_sees_what_codex_runs_unasked_and_asks_a_person(codex: Codex) -> None:
    asker = Asker()
    policy = PolicyGuard(deny=["Edit(secret/**)", "mcp__bench__greet"], ask=["Bash(echo *)"])
    options: dict[str, Any] = {"policy": policy, "can_use_tool": asker, "permission_mode": "bypass"}
    codex.model.reply(custom("apply_patch", PATCH.replace("made", "secret/made")))
    codex.model.reply(mcp("greet")).reply(call("exec_command", {"cmd": "echo a > made.txt"})).reply(text("Went on."))
    async with codex.session(mcp_servers=codex.mcp_servers, **options) as session:
        ran = await run(session, "Go.")
    assert [request.tool_name for request in asker.requests] == ["Bash"]
    assert codex.read("made.txt") == "a\n"
    assert not codex.exists("secret/made.txt")
    assert [result.is_error for result in ran.results] == [True, True, False]
    assert len(ran.result.permission_denials) == 2


async def test_nobody_to_ask_is_no_and_a_scope_of_what_is_asked_takes_no_program(codex: Codex) -> None:
    codex.model.reply(call("exec_command", {"cmd": "echo a > made.txt"})).reply(text("Went on."))
    async with codex.session(policy=PolicyGuard(ask=["Bash"]), permission_mode="bypass") as session:
        await run(session, "Go.")
        assert not codex.exists("made.txt")
    codex.model.reply(call("exec_command", {"cmd": "echo a > made.txt"})).reply(text("Went on."))
    options: dict[str, Any] = {"policy_scope": "asked_only", "permission_mode": "bypass"}
    async with codex.session(policy=PolicyGuard(deny=["Bash"]), **options) as session:
        await run(session, "Go.")
        assert codex.exists("made.txt")


async def test_a_start_that_fails_leaves_no_folder(codex: Codex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(codex.folder))
    backend = codex.backend(executable=codex.folder / "nowhere")
    with pytest.raises(AgentError):
        await codex.open(backend, hooks=Hooks(pre_tool_use=Seen()))
    assert list(codex.folder.glob("agent-sdk-hooks-*"))
    await backend.aclose()
    assert not list(codex.folder.glob("agent-sdk-hooks-*"))
