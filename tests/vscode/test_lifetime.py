"""The life of server and window: end without orphans, another port, no Python, no trust, two windows."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import json
import os
import signal
import stat
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import expect
from tests.vscode.conftest import SERVER, Window, server_of

from agent_chat import __version__
from agent_sdk_testing import ScriptedModel, run_command, text

OpenWindow = Callable[..., Window]


TAKES_ITS_PORT = """#!{python}
import os, socket, sys

port = int(sys.argv[sys.argv.index("--port") + 1]) if "--port" in sys.argv else 0
if port:
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", port))
    taken.listen(1)
    taken.set_inheritable(True)
os.execv({python!r}, [{python!r}, "-m", "agent_chat", *sys.argv[1:]])
"""
"""agent-sdk, in whose way somebody has taken the port that it is asked to use."""


def test_a_port_that_is_taken_meanwhile_gives_way_to_another(
    make_editor: Any, open_window: OpenWindow, house: Path, model: ScriptedModel
) -> None:
    command = house / "agent-sdk"
    command.write_text(TAKES_ITS_PORT.format(python=sys.executable))
    command.chmod(0o755)
    model.reply(text("The first.")).reply(text("The second."))
    window = open_window(make_editor(python=None, settings={"agentSdk.command": str(command)}))
    window.choose_agent("claude")
    window.say("One")
    expect(window.log.get_by_text("The first.")).to_be_visible()
    expect(window.status).to_contain_text("ready")
    os.kill(server_of(window), signal.SIGKILL)
    expect(window.toast.first).to_contain_text("was started again")
    expect(window.log.get_by_text("The first.")).to_be_visible()
    (line,) = window.editor.processes(SERVER).values()
    assert "--port 0 " in line
    window.say("Two")
    expect(window.log.get_by_text("The second.")).to_be_visible()


def test_nothing_is_left_when_the_extension_host_ends(window: Window, model: ScriptedModel) -> None:
    model.reply(run_command("echo hello > made.txt", escalate=True))
    window.choose_agent("claude")
    window.say("Go")
    expect(window.asking).to_be_visible()
    server = server_of(window)
    assert window.editor.processes("claude")
    (host,) = (pid for pid in window.editor.processes("type=extensionHost") if pid != server)
    os.kill(host, signal.SIGKILL)
    window.page.goto("about:blank")  # Before VS Code starts another one; it could also have ended by itself at this.
    assert window.editor.wait_gone(SERVER) == {}
    assert window.editor.wait_gone(str(window.editor.home.parent / "claude")) == {}


def test_a_window_that_is_closed_takes_its_server_along(window: Window) -> None:
    server_of(window)
    window.page.goto("about:blank")
    assert window.editor.wait_gone(SERVER) == {}


def test_without_a_python_it_says_what_to_do(make_editor: Any, open_window: OpenWindow) -> None:
    window = open_window(make_editor(python=None))
    expect(window.chat.get_by_role("heading", name="agent-sdk was not found")).to_be_visible()
    for name in ("Install agent-sdk", "Choose a Python environment", "Try again"):
        expect(window.button(name)).to_be_visible()
    window.shot("no-python")
    assert window.editor.processes(SERVER) == {}


def write_wheel(folder: Path) -> None:
    """Write a wheel of agent-sdk that stands for this workspace's environment, so that nothing is fetched."""
    folder.mkdir()
    name = f"agent_sdk-{__version__}"
    path = f"import site; site.addsitedir({sysconfig.get_paths()['purelib']!r})\n"
    about = f"Metadata-Version: 2.1\nName: agent-sdk\nVersion: {__version__}\nProvides-Extra: all\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {"workspace.pth": path, f"{name}.dist-info/METADATA": about, f"{name}.dist-info/WHEEL": tags}
    record = "".join(f"{file},,\n" for file in (*files, f"{name}.dist-info/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        for file, words in {**files, f"{name}.dist-info/RECORD": record}.items():
            wheel.writestr(file, words)


def test_one_click_installs_it_into_an_environment_of_its_own(
    make_editor: Any, open_window: OpenWindow, house: Path, model: ScriptedModel
) -> None:
    write_wheel(house / "wheels")
    model.reply(text("Installed."))
    path = f"{sys.base_prefix}/bin:/usr/bin:/bin"
    more = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(house / "wheels"), "PATH": path}
    window = open_window(make_editor(python=None, more=more))
    window.button("Install agent-sdk").click()
    expect(window.message).to_be_visible(timeout=120_000)
    (line,) = window.editor.processes(SERVER).values()
    assert "agent-sdk.agent-sdk/env/bin/python -P -m agent_chat" in line
    window.choose_agent("claude")
    window.say("Hi")
    expect(window.log.get_by_text("Installed.")).to_be_visible()


def test_a_hostile_workspace_chooses_no_interpreter_and_no_executable(
    make_editor: Any, open_window: OpenWindow, house: Path, model: ScriptedModel
) -> None:
    project = house / "project"
    evil = project / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {project}/owned\nexit 1\n")
    evil.chmod(evil.stat().st_mode | stat.S_IXUSR)
    (project / "agent_chat.py").write_text(f"open({str(project / 'owned')!r}, 'w')\n")
    names = ("python", "command", "claudePath", "codexPath", "store")
    hostile = {f"agentSdk.{name}": str(evil) for name in names}
    hostile |= {"agentSdk.permissionMode": "bypass", "agentSdk.sandbox": "danger-full-access"}
    hostile |= {"python.defaultInterpreterPath": str(evil)}
    (project / ".vscode").mkdir()
    (project / ".vscode" / "settings.json").write_text(json.dumps(hostile))
    model.reply(run_command("echo hello > made.txt", escalate=True)).reply(text("Thanks"))
    window = open_window(make_editor())
    window.message.wait_for()
    window.choose_agent("claude")
    window.say("Go")
    expect(window.asking).to_contain_text("echo hello > made.txt")
    window.button("Deny").click()
    expect(window.log.get_by_text("Thanks")).to_be_visible()
    assert not (project / "owned").exists()
    assert not (project / "made.txt").exists()


def test_an_untrusted_workspace_is_only_read_until_it_is_trusted(
    make_editor: Any, open_window: OpenWindow, model: ScriptedModel
) -> None:
    model.reply(text("Now I may."))
    settings = {"security.workspace.trust.startupPrompt": "never", "security.workspace.trust.banner": "never"}
    window = open_window(make_editor(trusts=False, settings=settings))
    expect(window.chat.get_by_role("status").filter(has_text="to show chats, and nothing else")).to_be_visible()
    expect(window.message).to_be_disabled()
    (line,) = window.editor.processes(SERVER).values()
    assert "--read-only" in line
    assert str(window.folder) not in line
    window.shot("untrusted")
    window.command("Workspaces: Manage Workspace Trust")
    window.page.get_by_role("button", name="Trust", exact=True).first.click()
    window.shot("trusting")
    expect(window.message).to_be_enabled()
    window.choose_agent("claude")
    window.say("Hi")
    expect(window.log.get_by_text("Now I may.")).to_be_visible()


def test_two_windows_have_a_server_each_and_share_the_chats(
    window: Window, open_window: OpenWindow, model: ScriptedModel
) -> None:
    model.reply(text("From the first window."))
    window.choose_agent("claude")
    window.say("Which window is it?")
    expect(window.log.get_by_text("From the first window.")).to_be_visible()
    other_folder = window.folder.parent / "other"
    other_folder.mkdir()
    other = open_window(window.editor, other_folder)
    other.message.wait_for()
    assert len(window.editor.processes(SERVER)) == 2
    expect(other.chat.locator(".sidebar li a")).to_have_count(1)  # Then the page is whole.
    other.chat.get_by_role("button", name="Chats").click()
    other.chat.get_by_role("link", name="Which window is it?").click()
    expect(other.log.get_by_text("From the first window.")).to_be_visible()
    expect(other.message).to_be_disabled()
    other.page.goto("about:blank")
    model.reply(text("And it goes on."))
    window.say("Still there?")
    expect(window.log.get_by_text("And it goes on.")).to_be_visible()
