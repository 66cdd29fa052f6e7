"""Tests within the extension host, with an exit code; and the package itself, the same bytes each time."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import hashlib
import json
import os
import queue
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.vscode.conftest import ROOT, VSIX
from tests.vscode.packaging import package

IN_HOST = Path(__file__).parent / "in_host"
SOURCES = ROOT / "editors" / "vscode"


@pytest.mark.parametrize("fails", [False, True], ids=["passes", "fails"])
def test_what_runs_in_the_extension_host_ends_with_an_exit_code(
    make_editor: Any, chromium: Browser, house: Path, fails: bool
) -> None:
    more = {"AGENT_SDK_TEST_FAILS": "1"} if fails else {}
    (house / "project" / ".vscode").mkdir()
    (house / "project" / ".vscode" / "settings.json").write_text(json.dumps({"agentSdk.python": "/evil"}))
    editor = make_editor(arguments=("--enable-smoke-test-driver",), more=more)
    said: list[str] = []
    ended: queue.Queue[int] = queue.Queue()
    page = chromium.new_page()

    def log(kind: str, words: object) -> None:
        said.append(f"{kind}: {words}")

    def leave(code: int, logs: object = None) -> None:
        del logs
        ended.put(int(code))

    page.expose_function("codeAutomationLog", log)
    page.expose_function("codeAutomationExit", leave)
    runner = f"vscode-remote://127.0.0.1:{editor.port}{IN_HOST / 'index.js'}"
    own = f"vscode-remote://127.0.0.1:{editor.port}{IN_HOST}"
    payload = [["extensionDevelopmentPath", own], ["extensionTestsPath", runner], ["skipWelcome", "true"]]
    page.goto(editor.address(house / "project", payload), timeout=90_000)
    for _ in range(1200):
        if not ended.empty():
            break
        page.wait_for_timeout(100)
    code = ended.get_nowait() if not ended.empty() else None
    page.close()
    assert code == int(fails), "\n".join(said)[-4000:]
    assert any("activation:" in line for line in said), said


def test_the_package_holds_what_is_needed_and_is_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Elsewhere, in another time zone, of files of another time and rights: what is in the repository alone counts.
    elsewhere = tmp_path / "elsewhere" / "editors" / "vscode"
    shutil.copytree(
        SOURCES, elsewhere, ignore=shutil.ignore_patterns("node_modules", "dist"), copy_function=shutil.copy
    )
    (elsewhere / "node_modules").symlink_to(SOURCES / "node_modules")
    page = Path("packages/agent-chat/src/agent_chat/web/dist")
    shutil.copytree(ROOT / page, tmp_path / "elsewhere" / page, copy_function=shutil.copy)
    for number, file in enumerate(each for each in sorted(elsewhere.iterdir()) if each.is_file()):
        os.utime(file, (1_600_000_000 + number, 1_600_000_000 + number))
        file.chmod(0o600)
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    again = tmp_path / "again.vsix"
    package(elsewhere, again)
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(VSIX.read_bytes()).digest()
    with zipfile.ZipFile(VSIX) as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("extension/package.json"))
        page = json.loads(archive.read("extension/dist/page/page.json"))
    for name in ("dist/extension.js", "dist/boot.js", "media/theme.css", "readme.md", "LICENSE.txt"):
        assert f"extension/{name}" in names
    assert {f"extension/dist/page/{page[kind]}" for kind in ("script", "style")} <= set(names)
    assert not [name for name in names if "node_modules" in name or name.endswith((".ts", ".map"))]
    assert "dependencies" not in manifest
    assert "onStartupFinished" not in manifest["activationEvents"]
    assert "*" not in manifest["activationEvents"]


def test_the_lock_names_no_address() -> None:
    lock = json.loads((SOURCES / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    manifest = json.loads((SOURCES / "package.json").read_text())
    assert all(version[0].isdigit() for version in manifest["devDependencies"].values()), "exact pins"
