from __future__ import annotations

import io
import json
from typing import Any

import anyio
import pytest
from rich.console import Console

from agent_chat.terminal.output import DirectOutput
from agent_chat.terminal.screens import JsonView, PlainView, TerminalView, terminal_console
from agent_chat.transcript.blocks import Answered, Notice

PATCH = [{"oldStart": 9, "newStart": 9, "lines": [" keep", "-Hello, wrld!", "+Hello, world!"]}]


def conversation(wire: Any) -> list[Any]:
    return [
        wire.system("init", cwd="/project", model="model-1", permissionMode="default", version="1.0"),
        wire.prompt("Fix the typo\nin the greeting"),
        wire.delta("r", "Let me ", thinking=True),
        wire.delta("r", "look.", thinking=True),
        wire.thinking("r", "Let me look."),
        wire.delta("a", "I run **the check**: [bold]not markup[/bold] :smile:\n\n```sh\nsh check.sh"),
        wire.delta("a", "\n```\n\n1. a <b>\n2. [safe](http://evil)\n"),
        wire.text(
            "a",
            "I run **the check**: [bold]not markup[/bold] :smile:\n\n```sh\nsh check.sh\n```\n\n1. a <b>\n2. [safe](http://evil)\n",
        ),
        wire.use("t1", "Bash", {"command": "sh check.sh\n\x1b[2Jnext"}),
        wire.progress("t1", "line 1\n"),
        wire.done("t1", "".join(f"line {number}\x1b[31m\n" for number in range(1, 17)), exitCode=0, durationMs=1230),
        wire.use("t2", "Edit", {"file_path": "/project/greeting.txt", "old_string": "wrld", "new_string": "world"}),
        wire.done("t2", "ok", structuredPatch=PATCH),
        wire.use("t3", "Bash", {"command": "sh publish.sh"}),
        wire.system("request_opened", request_id="q", kind="permission", request={"tool_use_id": "t3"}),
        wire.system("request_resolved", request_id="q", kind="permission", outcome="denied", by="callback"),
        wire.done("t3", "declined", error=True),
        wire.use("t4", "TodoWrite", {"todos": [{"content": "one", "status": "completed"}, {"content": "two"}]}),
        wire.done("t4", "ok"),
        wire.use("t5", "Bash", {"command": "false"}),
        wire.done("t5", "", error=True, exitCode=1),
        wire.use("t6", "ExitPlanMode", {"plan": "# Plan\ndo it"}),
        wire.done("t6", "approved"),
        wire.system("api_retry", attempt=1, max_retries=5, error="disconnected"),
        wire.text("c", "# Done\nline one\nline two", aborted=True),
        wire.system("usage", usage={}, context_tokens=13_600, context_window=272_000),
        wire.result(usage={"input_tokens": 900, "output_tokens": 80}),
    ]


TERMINAL = """\
codex 1.0 · model-1 · default mode · /project

▸ Fix the typo
  in the greeting

  Let me look.

I run the check: [bold]not markup[/bold] :smile:

  sh check.sh

 1 a <b>
 2 safe (http://evil)

● $ sh check.sh
    next
  │ line 1
  │ line 2
  │ line 3
  │ line 4
  │ … 4 more lines
  │ line 9
  │ line 10
  │ line 11
  │ line 12
  │ line 13
  │ line 14
  │ line 15
  │ line 16
  └ exit code 0 in 1.2 s

● Edit  greeting.txt  +1 -1
   9   keep
  10 - Hello, wrld!
  10 + Hello, world!

● $ sh publish.sh
  └ declined, did not run

● Plan
  ☑ one
  ☐ two

● $ false
  └ exit code 1

● Proposed plan
  Plan

  do it

! The model did not answer; trying again (1 of 5) · disconnected

Done

line one
line two
(cut off here)

✓ Done  1.5 s · 900 tokens in · 80 out · context 5% of 272k
"""

PLAIN = """\
thinking:
  Let me look.

I run **the check**: [bold]not markup[/bold] :smile:

```sh
sh check.sh
```

1. a <b>
2. [safe](http://evil)

$ sh check.sh
  next
  line 1
  line 2
  line 3
  line 4
  line 5
  line 6
  line 7
  line 8
  line 9
  line 10
  line 11
  line 12
  line 13
  line 14
  line 15
  line 16
  [exit code 0 in 1.2 s]

Edit  greeting.txt
  @@ -9,2 +9,2 @@
   keep
  -Hello, wrld!
  +Hello, world!

$ sh publish.sh
  [declined, did not run]

Plan
  [x] one
  [ ] two

$ false
  [exit code 1]

Proposed plan
  # Plan
  do it

warning: The model did not answer; trying again (1 of 5) · disconnected

# Done
line one
line two
(cut off here)

[completed · 1.5 s · 900 tokens in · 80 out · context 5% of 272k]
"""


def screen(console: Console) -> str:
    return "".join(f"{line.rstrip()}\n" for line in console.export_text().splitlines())


def recording() -> Console:
    return Console(
        file=io.StringIO(),
        record=True,
        width=80,
        height=24,
        force_terminal=True,
        markup=False,
        emoji=False,
        highlight=False,
    )


def test_a_conversation_on_a_terminal(wire: Any) -> None:
    console = recording()
    view = TerminalView(console)
    for message in conversation(wire):
        view.show(message)
    assert screen(console) == TERMINAL


def test_a_conversation_in_a_pipe_has_no_control_codes_and_nothing_twice(wire: Any) -> None:
    out, err = io.StringIO(), io.StringIO()
    view = PlainView(DirectOutput(out), err)
    for message in conversation(wire):
        view.show(message)
    view.close()
    assert out.getvalue() == PLAIN
    assert err.getvalue() == ""


def test_text_reaches_a_pipe_line_by_line_as_it_arrives(wire: Any) -> None:
    out = io.StringIO()
    view = PlainView(DirectOutput(out), io.StringIO())
    view.show(wire.delta("m", "one\ntw"))
    assert out.getvalue() == "one\n"
    view.show(wire.delta("m", "o\n\nthree\n"))
    assert out.getvalue() == "one\ntwo\n\nthree\n"
    view.show(wire.text("m", "one\ntwo\n\nthree\n"))
    assert out.getvalue() == "one\ntwo\n\nthree\n"


def test_colours_mark_a_diff_unless_they_are_not_wanted(wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def written() -> str:
        file = io.StringIO()
        console = Console(file=file, force_terminal=True, width=80, color_system="standard")
        view = TerminalView(console)
        view.show(wire.use("t2", "Edit", {"file_path": "f", "old_string": "a", "new_string": "b"}))
        view.show(wire.done("t2", "ok", structuredPatch=PATCH))
        return file.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[31m- Hello, wrld!\x1b[0m" in written()
    assert "\x1b[32m+ Hello, world!\x1b[0m" in written()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in written()


def live(view: TerminalView, console: Console) -> list[str]:
    view.draw()
    plain = Console(file=io.StringIO(), width=console.width, height=console.height, record=True)
    assert view.live_area is not None
    plain.print(view.live_area)
    return [line.rstrip() for line in plain.export_text().splitlines()]


def test_the_live_area_shows_growing_text_and_running_tools(wire: Any) -> None:
    console = recording()
    clock = [10.0]
    view = TerminalView(console, now=lambda: clock[0])
    view.begin()
    assert live(view, console) == ["", "⠋ starting 0 s · Ctrl-C interrupts"]
    clock[0] = 12.31
    view.show(wire.delta("m", "half a para"))
    view.show(wire.use("t", "Bash", {"command": "make"}))
    view.show(wire.progress("t", "compiling\n"))
    assert live(view, console) == [
        "",
        "half a para",
        "",
        "● $ make",
        "  │ compiling",
        "",
        "⠸ working 2 s · Ctrl-C interrupts",
    ]
    view.show(wire.system("request_opened", request_id="q", kind="permission", request={"tool_use_id": "t"}))
    assert "  └ waiting for your answer" in live(view, console)
    view.close()
    assert view.live_area is None


def test_the_live_area_never_outgrows_the_screen(wire: Any) -> None:
    console = recording()
    view = TerminalView(console)
    view.begin()
    view.show(wire.delta("m", "```\n" + "".join(f"{number}\n" for number in range(100))))
    lines = live(view, console)
    assert len(lines) == 22
    assert lines[-3].strip() == "99"
    view.close()


def test_while_a_question_is_asked_the_terminal_rests(wire: Any) -> None:
    console = recording()
    view = TerminalView(console)
    view.begin()
    view.draw()
    with view.hold(), view.hold():
        view.draw()
        view.show(wire.text("m", "meanwhile"))
        view.notice("note")
        assert "meanwhile" not in screen(console)
    assert "meanwhile\n\n· note\n" in console.export_text()


def test_an_answer_stands_right_below_its_question() -> None:
    console, out = recording(), io.StringIO()
    for view in (TerminalView(console), PlainView(DirectOutput(out), io.StringIO())):
        view.put(Notice("question"))
        view.put(Answered("yes", allowed=True))
    assert screen(console) == "· question\n✓ yes\n"
    assert out.getvalue() == "(question)\n  [yes]\n"


def test_json_is_one_message_a_line_and_nothing_else(wire: Any) -> None:
    out, err = io.StringIO(), io.StringIO()
    view = JsonView(DirectOutput(out), err)
    messages = conversation(wire)
    for message in messages:
        view.show(message)
    view.put(Notice("left out"))
    view.reviewed("t1")
    with view.hold():
        view.notice("to stderr")
    view.close()
    lines = out.getvalue().splitlines()
    assert [json.loads(line) for line in lines] == [message.to_wire() for message in messages]
    assert err.getvalue() == "agent-sdk: to stderr\n"


def test_notices_that_nobody_can_read_are_let_go() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    PlainView(DirectOutput(io.StringIO()), Closed()).notice("lost", "warning")


def test_a_broken_pipe_is_reported_to_the_caller(wire: Any) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    view = TerminalView(terminal_console(Broken()))
    with pytest.raises(BrokenPipeError):
        view.show(wire.text("m", "x"))
    view.close()


@pytest.mark.anyio
async def test_views_animate_until_they_are_cancelled(wire: Any) -> None:
    class Watched(io.StringIO):
        drawn = anyio.Event()

        def write(self, text: str) -> int:
            if "working" in text:
                self.drawn.set()
            return super().write(text)

    file = Watched()
    terminal = TerminalView(Console(file=file, force_terminal=True, width=80, height=24))
    terminal.show(wire.delta("m", "x"))
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(terminal.animate)
            await file.drawn.wait()
            group.cancel_scope.cancel()
        await PlainView(DirectOutput(io.StringIO()), io.StringIO()).animate()
        await JsonView(DirectOutput(io.StringIO()), io.StringIO()).animate()
    terminal.close()
