"""The chat looks like a part of the editor, in a light and a dark theme; the pictures of its README are made here."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.vscode.conftest import Window

from agent_sdk_testing import ScriptedModel, edit_file, run_command, text

OpenWindow = Callable[..., Window]
GREET = '''"""Greets whoever is named."""

import sys


def greet(name: str) -> str:
    return f"Hello, wrld! And hello, {name}!"


if __name__ == "__main__":
    print(greet(sys.argv[1]))
'''


@pytest.fixture
def greeter() -> Generator[Path]:
    """A project whose path does not fill a picture."""
    with TemporaryDirectory(prefix="vsc-") as folder:
        project = Path(folder).resolve() / "greeter"
        project.mkdir()
        (project / "greet.py").write_text(GREET)
        yield project


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_looks_like_a_part_of_the_editor(
    make_editor: Any, open_window: OpenWindow, model: ScriptedModel, greeter: Path, theme: str
) -> None:
    name = {"light": "Light Modern", "dark": "Dark Modern"}[theme]
    size = {"width": 1180, "height": 900}
    window = open_window(
        make_editor(settings={"workbench.colorTheme": name}), greeter, color_scheme=theme, viewport=size
    )
    window.message.wait_for()
    window.shot(f"new-{theme}")
    model.reply(
        text("I fix the **typo** in `greet.py`:\n\n```python\ndef greet(name):\n    return f'hello {name}'\n```\n"),
        edit_file(greeter / "greet.py", "wrld", "world"),
    )
    model.reply(run_command("sh publish.sh", escalate=True))
    window.choose_agent("claude")
    window.say("Fix the typo, then publish")
    expect(window.asking).to_contain_text("Hello, world!")
    expect(window.page.locator(".monaco-diff-editor .view-line", has_text="world").first).to_be_visible()
    window.shot(f"change-{theme}")
    window.button("Allow once").click()
    expect(window.asking).to_contain_text("publish.sh")
    body = window.chat.locator("body")
    background = body.evaluate("body => getComputedStyle(body).backgroundColor")
    brightness = sum(int(part) for part in background[4:-1].split(",")[:3]) / 3
    assert (brightness > 128) == (theme == "light"), background
    window.shot(f"asking-{theme}")
    window.button("Deny").click()
