"""Scenarios of what the model does: commands, patches, approvals, questions, lookups, the application's tools."""

from __future__ import annotations

import base64
from typing import Any, Final

import anyio

from agent_sdk_core.asking.permissions import DEFER, Allow, Deny, PermissionRequest
from agent_sdk_core.asking.questions import Answers, QuestionRequest
from agent_sdk_core.messages.system import RequestResolved, TaskNotification
from agent_sdk_core.tools.registry import ToolRegistry
from agent_sdk_core.tools.tool import tool
from agent_sdk_testing import Gate, call, custom, item, text
from codex_sdk.tools import tool_specs
from flows.speech import PIXEL
from flows.stage import Stage, scenario

ASKING: Final[dict[str, Any]] = {"native": {"approvalPolicy": "untrusted", "sandbox": "danger-full-access"}}
"""Options of a session that asks about everything."""


def patch(*lines: str) -> Any:
    """Return a call of apply_patch."""
    return custom("apply_patch", "\n".join(["*** Begin Patch", *lines, "*** End Patch", ""]))


def answered_by_turns(*answers: Allow | Deny) -> Any:
    """Return a callback that gives these answers in order."""
    left = list(answers)

    async def answer(request: PermissionRequest) -> Allow | Deny:
        del request
        return left.pop(0)

    return answer


@scenario()
async def command(stage: Stage) -> None:
    stage.model.reply(call("exec_command", cmd="echo one; sleep 0.3"))
    stage.model.reply(call("exec_command", cmd="echo bad >&2; sleep 0.3; exit 3"))
    stage.model.reply(text("done"))
    await stage.say("run")


@scenario()
async def command_kinds(stage: Stage) -> None:
    (stage.workspace / "a.txt").write_text("x marks\n")
    for line in ("cat a.txt; sleep 0.3", "ls; sleep 0.3", "grep -n x a.txt", "echo 'it'\"'\"'s'; sleep 0.3"):
        stage.model.reply(call("exec_command", cmd=line))
    stage.model.reply(text("done"))
    await stage.say("look")


@scenario()
async def background_terminal(stage: Stage) -> None:
    stage.model.reply(call("exec_command", cmd="echo started; read line < go; echo ended", yield_time_ms=500))
    stage.model.reply(text("left it running"))
    await anyio.run_process(["mkfifo", str(stage.workspace / "go")])
    await stage.say("serve")
    async with await anyio.open_file(stage.workspace / "go", "w") as fifo:
        await fifo.write("go\n")
    await stage.seen(lambda message: isinstance(message, TaskNotification))


@scenario()
async def interrupted_command(stage: Stage) -> None:
    begun = stage.workspace / "begun"
    await anyio.run_process(["mkfifo", str(begun)])
    stage.model.reply(call("exec_command", cmd="echo > begun; sleep 60", yield_time_ms=30_000))
    stage.model.reply(text("next"))
    async with stage.session.query("run") as turn:
        await anyio.Path(begun).read_text()
        await turn.interrupt()
    await stage.say("more")


@scenario()
async def patches(stage: Stage) -> None:
    (stage.workspace / "old.txt").write_text("".join(f"{number}\n" for number in range(30)))
    (stage.workspace / "gone.txt").write_text("bye\n")
    (stage.workspace / "moving.txt").write_text("same\nchanged\n")
    stage.model.reply(patch("*** Add File: new.txt", "+one", "+two"))
    stage.model.reply(
        patch("*** Update File: old.txt", "@@", " 1", "-2", "+two", " 3", "@@", " 20", "-21", "+twenty-one")
    )
    stage.model.reply(patch("*** Delete File: gone.txt"))
    stage.model.reply(patch("*** Update File: moving.txt", "*** Move to: moved.txt", "@@", " same", "-changed", "+new"))
    stage.model.reply(patch("*** Add File: a.txt", "+a", "*** Add File: b.txt", "+b"))
    stage.model.reply(patch("*** Update File: none.txt", "@@", "-a", "+b"))
    stage.model.reply(text("done"))
    await stage.say("edit")


@scenario(**ASKING, can_use_tool=answered_by_turns(Allow(), Allow("session"), Deny(), Deny(interrupt=True)))
async def command_approvals(stage: Stage) -> None:
    for name in "abcd":
        stage.model.reply(call("exec_command", cmd=f"echo {name}; sleep 0.3"))
    await stage.say("touch")


@scenario(**ASKING, can_use_tool=answered_by_turns(Allow(), Deny(), Deny(interrupt=True)))
async def patch_approvals(stage: Stage) -> None:
    for name in "abc":
        stage.model.reply(patch(f"*** Add File: {name}.txt", f"+{name}"))
    await stage.say("write")


@scenario(**ASKING, can_use_tool=DEFER)
async def two_approvals_answered_in_reverse(stage: Stage) -> None:
    gate = Gate()
    commands = [call("exec_command", cmd=f"echo {name}; sleep 0.3") for name in "ab"]
    stage.model.reply(commands[0], gate, commands[1])
    stage.model.reply(text("done"))
    async with stage.session.query("touch both") as turn:
        first = await stage.asked(1)
        gate.open()
        second = await stage.asked(2)
        await stage.session.answer(second.request_id, Allow())
        await stage.answered(str(second.request["tool_use_id"]))
        await stage.session.answer(first.request_id, Deny())
        await turn.wait()


@scenario(**ASKING, can_use_tool=DEFER)
async def approval_withdrawn_by_an_interrupt(stage: Stage) -> None:
    stage.model.reply(call("exec_command", cmd="echo a; sleep 0.3"))
    async with stage.session.query("touch") as turn:
        await stage.asked(1)
        await turn.interrupt()
    await stage.seen(lambda message: isinstance(message, RequestResolved))


async def _first_choices(request: QuestionRequest) -> Answers:
    return Answers({question.id: (question.choices[0].label,) for question in request.questions})


@scenario(permission_mode="plan", on_question=_first_choices)
async def question(stage: Stage) -> None:
    options = [{"label": "Red (Recommended)", "description": "warm"}, {"label": "Blue", "description": "cold"}]
    asked = {"id": "colour", "header": "Colour", "question": "Which colour?", "options": options}
    stage.model.reply(call("request_user_input", questions=[asked]))
    stage.model.reply(text("red it is"))
    await stage.say("ask me")


@tool
async def add(first: int, second: int) -> int:
    """Add two numbers."""
    if first < 0:
        raise ValueError("only from zero")
    return first + second


_TOOLS: Final = ToolRegistry("sums", [add])


@scenario(permission_mode="bypass", tools=_TOOLS, native={"dynamicTools": tool_specs(_TOOLS)})
async def tools_of_the_application(stage: Stage) -> None:
    for numbers in ({"first": 1, "second": 2}, {"first": -1, "second": 2}, {"first": "one"}):
        stage.model.reply(call("add", numbers, namespace="sums"))
    stage.model.reply(text("3"))
    await stage.say("add")


@scenario()
async def web_search(stage: Stage) -> None:
    action = {"type": "search", "query": "weather"}
    page = {"type": "open_page", "url": "https://example.org"}
    stage.model.reply(
        item("web_search_call", id="ws_1", status="completed", action=action),
        item("web_search_call", id="ws_2", status="completed", action=page),
        text("sunny"),
    )
    await stage.say("look it up")


@scenario()
async def image_viewed(stage: Stage) -> None:
    (stage.workspace / "pixel.png").write_bytes(base64.b64decode(PIXEL.partition(",")[2]))
    stage.model.reply(call("view_image", path=str(stage.workspace / "pixel.png")))
    stage.model.reply(text("a pixel"))
    await stage.say("look")


@scenario(home={"slug": "gpt-6.1-sol"})
async def code_mode(stage: Stage) -> None:
    script = """const a = tools.exec_command({cmd: 'echo a; read line < go'});
      for (const until = Date.now() + 500; Date.now() < until;) {}
      const b = tools.exec_command({cmd: 'echo b; echo go > go; sleep 1'});
      text(JSON.stringify((await Promise.all([a, b])).map(done => done.exit_code)))"""
    await anyio.run_process(["mkfifo", str(stage.workspace / "go")])
    stage.model.reply(custom("exec", script))
    stage.model.reply(text("ok"))
    await stage.say("run both")
