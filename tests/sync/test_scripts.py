"""Scripts on the synchronous face, as processes of their own: Ctrl-C, and an end without a close."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent_sdk_testing import Gate, ScriptedModel, call, text

START = """
import sys
from agent_sdk_core.sync import SessionOptions, create_backend, query

NAME, EXECUTABLE, FOLDER = sys.argv[1:]
options = SessionOptions(cwd=FOLDER, permission_mode="default")
backend = create_backend(NAME, executable=EXECUTABLE)

def say(*words):
    print(*words, flush=True)
"""
ASKING = {
    "codex": call("exec_command", cmd="touch x", sandbox_permissions="require_escalated", justification="It must."),
    "claude": call("Bash", command="touch x"),
}
"""What makes an agent ask for permission."""

SECONDS = 60
pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")


def left_of(session: int) -> list[str]:
    """The processes of a session of the system, all but those that have ended."""
    found: list[str] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, fields = stat.read_text().rpartition(")")
            state, _, _, of = fields.split()[:4]
            if int(of) == session and state not in "ZX":
                found.append((stat.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.fixture(params=sorted(ASKING))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@contextmanager
def started(source: str, name: str, request: pytest.FixtureRequest) -> Generator[subprocess.Popen[str]]:
    """A script that runs; afterwards it has ended, and so has all that it started."""
    folder = request.getfixturevalue("agent_workspace")
    (folder / "script.py").write_text(START + source)
    script = subprocess.Popen(
        [
            *(sys.executable, "-W", "error", str(folder / "script.py"), name),
            *(str(request.getfixturevalue(f"{name}_executable")), str(folder)),
        ],
        env=request.getfixturevalue(f"{name}_env"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield script
    finally:
        script.kill()
        script.wait(SECONDS)
        left = left_of(script.pid)
        assert left == []


def ended(script: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return how a script ended and what it said; by itself, and soon."""
    began = time.monotonic()
    out, err = script.communicate(timeout=SECONDS)
    assert time.monotonic() - began < SECONDS
    deadline = time.monotonic() + SECONDS
    while left_of(script.pid) and time.monotonic() < deadline:
        time.sleep(0.02)  # The system, not the script, ends what is orphaned.
    return script.returncode, out, err


def test_a_script_runs_a_prompt(name: str, request: pytest.FixtureRequest, scripted_model: ScriptedModel) -> None:
    scripted_model.reply(text("Hello!"))
    source = """
with backend, backend.create_session(options) as session:
    say(session.run("Hi").result)
"""
    with started(source, name, request) as script:
        assert ended(script) == (0, "Hello!\n", "")


RUN = 'session.run("Hi")'
ITERATE = 'for message in session.query("Hi"): pass'
TEXTS = 'for piece in session.query("Hi").texts(): pass'


@pytest.mark.parametrize("wait", [RUN, ITERATE, TEXTS], ids=["run", "iterate", "texts"])
def test_ctrl_c_interrupts_the_call_that_waits_and_its_turn(
    name: str, wait: str, request: pytest.FixtureRequest, scripted_model: ScriptedModel
) -> None:
    gate = Gate()
    scripted_model.reply(text("Hel", gate, "lo"))
    scripted_model.reply(text("Again."))
    source = f"""
with backend, backend.create_session(options) as session:
    messages = session.messages()
    try:
        {wait}
    except KeyboardInterrupt:
        say("interrupted", session.state)
    say(next(message for message in messages if message.type == "result").outcome)
    say(session.run("Again").result)
"""
    with started(source, name, request) as script:
        gate.reached_sync(SECONDS)
        script.send_signal(signal.SIGINT)
        assert ended(script) == (0, "interrupted idle\ninterrupted\nAgain.\n", "")


def test_ctrl_c_ends_a_script_and_its_agent(
    name: str, request: pytest.FixtureRequest, scripted_model: ScriptedModel
) -> None:
    gate = Gate()
    scripted_model.reply(text("Hel", gate, "lo"))
    source = """
with backend, backend.create_session(options) as session:
    session.run("Hi")
"""
    with started(source, name, request) as script:
        gate.reached_sync(SECONDS)
        script.send_signal(signal.SIGINT)
        code, out, err = ended(script)
        assert (code, out) == (-signal.SIGINT, "")
        assert err.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.parametrize("how", ["falls off", "raises", "exits"])
def test_a_script_that_closes_nothing_ends_with_its_agent(
    name: str, how: str, request: pytest.FixtureRequest, scripted_model: ScriptedModel
) -> None:
    gate = Gate()
    scripted_model.reply(text("Hel", gate, "lo"))
    last = {"falls off": "", "raises": "raise LookupError('lost')", "exits": "sys.exit(3)"}[how]
    source = f"""
session = backend.create_session(options)
for piece in session.query("Hi").texts():
    say(piece)
    break
{last}
"""
    with started(source, name, request) as script:
        code, out, err = ended(script)
        assert (code, out) == ({"falls off": 0, "raises": 1, "exits": 3}[how], "Hel\n")
        assert err.rstrip().endswith("LookupError: lost") if how == "raises" else err == ""


FORKED = """
import os, signal, sys
from agent_sdk_core import InvalidRequestError
from agent_sdk_core.sync import AgentBackend
from agent_sdk_testing import MemoryBackend, text

def backend():
    made = MemoryBackend()
    made.model.otherwise(lambda request: text(f"You said: {request.last_user_text}"))
    return AgentBackend(made)

with backend() as ours, ours.create_session() as session:
    turn = session.query("Begin.")
    begun = turn.wait().result  # The thread of the loop has nothing to do while this process is forked.
    child = os.fork()
    if not child:
        signal.alarm(SECONDS)
        for use in (lambda: session.run("Hi"), lambda: next(turn), ours.create_session, ours.list_models):
            try:
                use()
            except InvalidRequestError as error:
                assert "forked from it: create a new one here" in error.message
            else:
                raise AssertionError
        with backend() as theirs, theirs.create_session() as another:
            print(another.run("In the child.").result, flush=True)
        sys.exit(7)  # through the ends of both blocks
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(begun, session.run("Then.").result)
"""


def test_a_forked_process_is_told_to_open_its_own_and_disturbs_nothing() -> None:
    source = FORKED.replace("SECONDS", str(SECONDS))
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", source],
        capture_output=True,
        check=False,
        text=True,
        timeout=2 * SECONDS,
    )
    said = "You said: In the child.\n7\nYou said: Begin. You said: Then.\n"
    assert (done.stdout, done.stderr, done.returncode) == (said, "", 0)


def test_a_callback_that_waits_for_a_person_does_not_keep_a_script_from_its_end(
    name: str, request: pytest.FixtureRequest, scripted_model: ScriptedModel
) -> None:
    scripted_model.reply(ASKING[name])
    source = """
import threading
asked = threading.Event()

def can_use_tool(request):
    asked.set()
    threading.Event().wait()

session = backend.create_session(options.model_copy(update={"can_use_tool": can_use_tool}))
session.send("Hi")
say("leaving", asked.wait())
"""
    with started(source, name, request) as script:
        assert ended(script) == (0, "leaving True\n", "")
