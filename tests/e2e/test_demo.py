"""The demo in the page: the command as it is started, approvals answered by hand, and the terminal's demo beside it."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect
from tests.e2e.conftest import Tab, Window

from agent_chat.demo import script
from agent_chat.demo.agents import AGENTS

COMMAND = [sys.executable, "-m", "agent_chat"]
STEPS = {"check.sh": "Allow once", "greeting.txt": "Allow once", "publish.sh": "Deny"}
"""What is asked about, one after the other, and how it is answered: as the script of the terminal does it."""
ANSWERED = ["Allowed: sh check.sh", "Allowed: greeting.txt", "Denied: sh publish.sh"]


@contextmanager
def served(env: dict[str, str], folder: Path) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Serve the demo, and return its process with its link."""
    arguments = ["serve", "--demo", "--json", "--no-open"]
    with (
        (folder / "stderr").open("w") as errors,
        subprocess.Popen(
            [*COMMAND, *arguments],
            env=env,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()


def played(env: dict[str, str], folder: Path, agent: str) -> tuple[list[list[str]], list[str], list[str]]:
    """Play the demo in the terminal; return what each request shows, what is said and done, and the last figures."""
    done = subprocess.run(
        [*COMMAND, "demo", "--backend", agent],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    requests: list[list[str]] = []
    said: list[str] = []
    is_asking = False
    for line in map(str.strip, done.stdout.partition("What it sent")[0].splitlines()):
        if line.startswith("[completed"):
            return requests, said, line.strip("[]").split(" · ")[2:]
        if line.startswith("? "):
            is_asking = True
            requests.append([line[2:]])
        elif is_asking and line.startswith("["):
            is_asking = False
        elif is_asking and not line.startswith(("in:", "@@")):
            requests[-1].append(re.sub(r"^(?:\$ |[-+](?=\w)|reason: |lifts: )", "", line))
        elif not is_asking and line and not line.startswith(("[exit", "(A scripted", "thinking:")):
            said.append(re.sub(r"^(?:\$|-) |[*`]", "", line))
    raise AssertionError(done.stdout)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def missing(lines: list[str], text: str) -> list[str]:
    """Return the lines that do not stand in a text, one after the other."""
    left: list[str] = []
    at, within = 0, squeezed(text)
    for line in map(squeezed, lines):
        found = within.find(line, at)
        if found < 0:
            left.append(line)
        else:
            at = found + len(line)
    return left


def unfolded(log: Locator) -> str:
    """Return all that a conversation shows when everything is opened."""
    folded = log.locator("button.fold[aria-expanded=false]")
    while folded.count():
        folded.first.click()
    return "\n".join(log.locator(".item").all_text_contents())


def left_with(text: str) -> list[str]:
    """Return the processes with something that are still there; what was killed may take a moment to be gone."""
    deadline = time.monotonic() + 60
    while (left := processes_with(text)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def processes_with(text: str) -> list[str]:
    """Return the processes that name something in their command or their environment."""
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if text.encode() in told:
            found.append(folder.name)
    return found


def play(page: Page, agent: str) -> tuple[Tab, list[str]]:
    """Go through the demo as a person does, and return what each request showed."""
    tab, shown = Tab(page), list[str]()
    tab.button("New chat").click()
    page.get_by_role("combobox", name="Agent").select_option(agent)
    expect(tab.message).to_have_value(script.PROMPT)
    tab.button("Send").click()
    for step, answer in STEPS.items():
        asked = page.get_by_role("alertdialog", name=step)
        expect(asked.get_by_role("button", name=answer, exact=True)).to_be_enabled()
        shown.append(asked.inner_text())
        tab.answer(answer, about=step)
    tab.ended()
    return tab, shown


def test_the_demo_in_the_page_shows_what_the_terminal_shows_and_leaves_nothing(
    open_window: Callable[..., Window], tmp_path: Path
) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AGENT_SDK_CONFIG": os.devnull}
    with ThreadPoolExecutor() as pool, served(env, tmp_path) as (process, link):
        terminal = {agent.name: pool.submit(played, env, tmp_path, agent.name) for agent in AGENTS}
        page: Page = open_window(None).tab(link).page
        about: dict[str, Any] = page.evaluate("async () => await (await fetch('api')).json()")
        project = Path(about["cwd"])
        assert sorted(about["backends"]) == sorted(terminal)
        for agent in about["backends"]:
            tab, shown = play(page, agent)
            requests, said, figures = terminal[agent].result()
            assert [missing(lines, text) for lines, text in zip(requests, shown, strict=True)] == [[], [], []]
            assert (len(said), len(figures)) > (15, 2)
            said.remove("[declined, did not run]")  # The page has a sign for it, see below.
            assert missing([script.PROMPT, *said, *figures], unfolded(tab.log)) == []
            assert [each.strip() for each in tab.log.locator(".answered").all_text_contents()] == ANSWERED
            states = (
                tab.log.get_by_role("article")
                .locator(".state")
                .evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")
            )
            assert states == ["done", "done", "declined"]
            assert script.Proof.read(project) == script.Proof(check=True, edit=True, publish=False)
            tab.shot(f"demo-{agent}")
        os.killpg(process.pid, signal.SIGINT)  # As Ctrl-C does.
        rest, _ = process.communicate(timeout=60)
        told = (tmp_path / "stderr").read_text()
        assert (process.returncode, rest) == (0, ""), told
        assert "Traceback" not in told
        expect(page.get_by_text("The connection is lost.")).to_be_visible()
    assert not project.parent.exists()
    assert left_with(str(project.parent)) == []
