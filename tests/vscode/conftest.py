"""Windows of a real VS Code with the extension in it, over the real agents with a scripted model."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from tests.e2e.browser import ARGUMENTS, find_chromium
from tests.vscode import installing
from tests.vscode.editor import Editor

from agent_chat.demo.agents import AGENTS
from agent_sdk_testing import ScriptedModel, scratch_folder

ROOT = Path(__file__).parents[2]
VSIX = ROOT / "dist" / "agent-sdk.vsix"
SHOTS = Path(os.environ.get("AGENT_SDK_SCREENSHOTS", ".cache/screenshots")).resolve()
PAGE = 'iframe.webview[src*="extensionId=agent-sdk.agent-sdk"]'
_OURS = frozenset({"HOME", "TMPDIR", "PATH", "LANG"})

expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not installing.is_installed():
        pytest.fail("VS Code's server is missing: `python -m tests.vscode.installing` fetches it.", pytrace=False)
    if not VSIX.is_file():
        pytest.fail("The extension is not built: `python scripts/build_vscode.py`.", pytrace=False)
    if (path := find_chromium()) is None:
        pytest.fail("Chromium is missing: `python -m tests.e2e.browser` says how to get it.", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(ARGUMENTS))
        yield browser
        browser.close()


class Window:
    """A window of the editor, with what a user does in it."""

    def __init__(self, page: Page, editor: Editor, folder: Path) -> None:
        self.page = page
        self.editor = editor
        self.folder = folder

    def go(self) -> None:
        """Open the window, or load it anew."""
        self.page.goto(self.editor.address(self.folder), timeout=90_000)
        self.page.locator(".monaco-workbench .activitybar").wait_for(timeout=90_000)

    def reload(self) -> None:
        """Load the window anew by its command, and wait for the page in it as for that of a window that is opened."""
        with self.page.expect_navigation(timeout=90_000):
            self.command("Developer: Reload Window")
        self.message.wait_for(timeout=90_000)

    def open(self) -> None:
        """Open the view."""
        self.page.locator('.activitybar a[aria-label^="Agents"]').click()

    @property
    def chat(self) -> FrameLocator:
        """The page that is in sight: in the view, or in the tab."""
        return self.page.frame_locator(f"{PAGE} >> visible=true").frame_locator("#active-frame")

    @property
    def message(self) -> Locator:
        return self.chat.get_by_role("textbox", name="Message")

    @property
    def log(self) -> Locator:
        return self.chat.get_by_role("log", name="Conversation")

    @property
    def asking(self) -> Locator:
        return self.chat.get_by_role("alertdialog")

    @property
    def toast(self) -> Locator:
        return self.page.locator(".notification-toast")

    @property
    def status(self) -> Locator:
        return self.page.locator('[id="agent-sdk.agent-sdk.agentSdk.status"]')

    def button(self, name: str) -> Locator:
        return self.chat.get_by_role("button", name=name, exact=True)

    def say(self, text: str) -> None:
        self.message.fill(text)
        self.button("Send").click()

    def choose_agent(self, name: str) -> None:
        self.chat.get_by_role("combobox", name="Agent").first.select_option(name)

    def command(self, title: str) -> None:
        """Run a command by its title, from the palette."""
        self.page.keyboard.press("F1")
        box = self.page.locator(".quick-input-widget input").first
        box.fill(f">{title}")
        self.page.locator(f'.quick-input-list .monaco-list-row[aria-label*="{title}"]').first.click()

    def open_file(self, name: str) -> None:
        """Open a file of the folder in an editor."""
        self.page.locator('.activitybar a[aria-label^="Explorer"]').click()
        self.page.get_by_role("treeitem", name=name).dblclick()
        self.page.locator(f'.tab[data-resource-name="{name}"]').wait_for()

    def pick(self, label: str) -> None:
        """Choose an entry of the list that is open."""
        self.page.locator(f'.quick-input-list .monaco-list-row[aria-label^="{label}"]').first.click()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def shot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"vscode-{name}.png")

    def begin(self) -> None:
        """Be as a window is that was just opened: nothing open but the view with a new chat, and the files."""
        for path in self.folder.iterdir():
            if path.name not in (".git", *FILES):
                path.unlink()
        write_files(self.folder)
        for title in ("View: Close All Editors", "Notifications: Clear All Notifications", "Agents: New Chat"):
            self.command(title)
        expect(self.chat.get_by_role("heading", name="New chat")).to_be_visible()
        expect(self.message).to_be_editable()
        self.message.fill("")


SERVER = "serve --embed"
FILES = {"a.txt": "one\ntwo\n", "broken.json": '{\n  "a": 1\n  "b": 2\n}\n'}
MakeEditor = Callable[..., Editor]


def server_of(window: Window) -> int:
    """Return the process of the window's server."""
    (found,) = window.editor.processes(SERVER)
    return found


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    del call
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


def write_files(folder: Path) -> None:
    for name, words in FILES.items():
        (folder / name).write_text(words)


@contextmanager
def made_house() -> Generator[Path]:
    """A folder for a home and a project; its name is short, for sockets lie in it."""
    with scratch_folder(prefix="vsc-") as folder:
        project = folder / "project"
        project.mkdir()
        write_files(project)
        yield folder
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(folder) not in left


def environment_of(house: Path, model: ScriptedModel) -> dict[str, str]:
    """Return the environment of an editor whose agents ask the scripted model."""
    env: dict[str, str] = {}
    for agent in AGENTS:
        env |= {
            name: value
            for name, value in agent.environment(house / agent.name, model).items()
            if name not in _OURS and not name.startswith(("PYTHON", "UV", "VIRTUAL_ENV", "PIP"))
        }
    return env


@contextmanager
def shared_window(chromium: Browser) -> Generator[tuple[Window, ScriptedModel]]:
    """One window for several tests, on a folder in a git repository, and the model of its agents."""
    with made_house() as house, ScriptedModel() as model, ExitStack() as stack:
        git(house / "project", "init", "-q")
        settings = {"agentSdk.python": sys.executable}
        editor = Editor(house / "home", VSIX, env=environment_of(house, model), settings=settings)
        stack.callback(editor.stop)
        editor.start()
        context = chromium.new_context(viewport={"width": 1280, "height": 860})
        stack.callback(context.close)
        window = Window(context.new_page(), editor, house / "project")
        window.go()
        window.open()
        window.message.wait_for()
        yield window, model


def git(folder: Path, *arguments: str) -> None:
    """Run git as somebody."""
    identity = ("-c", "user.name=n", "-c", "user.email=e@e", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


class Desk:
    """The window that tests share, made when it is needed, and anew after a test that failed in it."""

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self._stack = ExitStack()
        self._shared: tuple[Window, ScriptedModel] | None = None

    def get(self) -> tuple[Window, ScriptedModel]:
        if self._shared is None:
            self._shared = self._stack.enter_context(shared_window(self._chromium))
        return self._shared

    def clear(self) -> None:
        self._shared = None
        self._stack.close()


@pytest.fixture(scope="session")
def desk(chromium: Browser) -> Iterator[Desk]:
    desk = Desk(chromium)
    yield desk
    desk.clear()


@pytest.fixture
def shared(desk: Desk, request: pytest.FixtureRequest) -> Iterator[tuple[Window, ScriptedModel]]:
    """The shared window, as one that was just opened, and the model of its agents."""
    window, model = desk.get()
    try:
        window.begin()
    except PlaywrightError:
        desk.clear()
        raise
    yield window, model
    if request.node.stash.get(FAILED, False):
        desk.clear()
    else:
        assert model.replies_left == 0, "the next test would get them"


@pytest.fixture
def house() -> Iterator[Path]:
    with made_house() as house:
        yield house


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as model:
        yield model


@pytest.fixture
def make_editor(house: Path, model: ScriptedModel) -> Iterator[MakeEditor]:
    """Start an editor; its extension finds the agents of this workspace, which ask the scripted model."""
    env = environment_of(house, model)
    with ExitStack() as stack:

        def make(
            *,
            python: str | None = sys.executable,
            settings: dict[str, Any] | None = None,
            more: dict[str, str] | None = None,
            **given: Any,
        ) -> Editor:
            chosen = {"agentSdk.python": python} if python else {}
            environment = {**env, **(more or {})}
            editor = Editor(house / "home", VSIX, env=environment, settings={**chosen, **(settings or {})}, **given)
            stack.callback(editor.stop)
            editor.start()
            return editor

        yield make


@pytest.fixture
def open_window(chromium: Browser, house: Path) -> Generator[Callable[..., Window]]:
    """Open windows; what VS Code itself says on the console fails no test."""
    contexts: list[Any] = []

    def open_one(editor: Editor, folder: Path | None = None, *, view: bool = True, **options: Any) -> Window:
        given = cast("dict[str, Any]", {"viewport": {"width": 1280, "height": 860}, **options})
        context = chromium.new_context(**given)
        contexts.append(context)
        window = Window(context.new_page(), editor, folder or house / "project")
        window.go()
        if view:
            window.open()
        return window

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def window(make_editor: MakeEditor, open_window: Callable[..., Window]) -> Window:
    """A window with the view open, and the page in it."""
    opened = open_window(make_editor())
    opened.message.wait_for()
    return opened
