from __future__ import annotations

import os
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from agent_sdk_core.errors import AgentError, ExecutableNotFoundError, SpawnError, UnsupportedVersionError
from agent_sdk_core.transport.process import executable
from agent_sdk_core.transport.process.executable import ExecutableSearch, VersionRange, parse_version

VARIABLE = "AGENT_SDK_MINI_PATH"
SEARCH = ExecutableSearch(
    name="mini",
    variable=VARIABLE,
    bundled=("mini_bin", "bin/mini"),
    advice="Install it with `pip install mini`.",
    installed=".local/bin/mini",
)
VERSIONS = VersionRange(
    SEARCH,
    minimum=(1, 2, 0),
    tested=((1, 4, 1), (1, 5, 0), (1, 5, 2)),
    advice="what it lacks fails.",
    untold=(1, 0, 0),
)


def make(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o755)
    return path


def found(spec: ModuleSpec | None) -> Callable[[str], ModuleSpec | None]:
    def find(name: str) -> ModuleSpec | None:
        assert name == "mini_bin"
        return spec

    return find


@pytest.fixture(autouse=True)
def nothing_is_bundled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "find_spec", found(None))


def test_the_search_goes_from_the_nearest_to_the_farthest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    explicit, variable = make(tmp_path / "explicit"), make(tmp_path / "variable")
    bundled, on_path = make(tmp_path / "package" / "bin" / "mini"), make(tmp_path / "path" / "mini")
    home = make(tmp_path / "home" / ".local" / "bin" / "mini")
    spec = ModuleSpec("mini_bin", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path / "empty"), str(tmp_path / "package")]
    monkeypatch.setattr(executable, "find_spec", found(spec))
    env = {"PATH": str(tmp_path / "path"), "HOME": str(tmp_path / "home")}
    assert SEARCH.find(explicit, {**env, VARIABLE: str(variable)}) == explicit
    assert SEARCH.find(None, {**env, VARIABLE: str(variable)}) == variable
    assert SEARCH.find(None, env) == bundled
    assert SEARCH.find(None, {**env, VARIABLE: ""}) == bundled
    bundled.unlink()
    assert SEARCH.find(None, env) == on_path
    on_path.unlink()
    assert SEARCH.find(None, env) == home
    home.unlink()
    with pytest.raises(ExecutableNotFoundError, match=r"was not found\. Install it with") as caught:
        SEARCH.find(None, env)
    assert caught.value.backend == "mini"


def test_a_bundle_without_folders_is_no_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "find_spec", found(ModuleSpec("mini_bin", None)))
    with pytest.raises(ExecutableNotFoundError):
        SEARCH.find(None, {"PATH": ""})


def test_the_path_is_absolute_whoever_named_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mini = make(tmp_path / "bin" / "mini")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert SEARCH.find("bin/mini", {}) == mini
    assert SEARCH.find("~/bin/mini", {}) == mini
    assert SEARCH.find(None, {VARIABLE: "./bin/../bin/mini"}) == mini
    assert SEARCH.find(None, {"PATH": "bin"}) == mini
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "bin").symlink_to(tmp_path / "bin")
    assert SEARCH.find(None, {"PATH": "", "HOME": "."}).is_absolute()


@pytest.mark.parametrize(("explicit", "origin"), [(True, "executable="), (False, VARIABLE)])
@pytest.mark.parametrize(
    ("kind", "words", "error"),
    [
        ("missing", "there is nothing", ExecutableNotFoundError),
        ("folder", "it is a folder", ExecutableNotFoundError),
        ("dangling", "it is a link to nowhere, which is not there", ExecutableNotFoundError),
        ("plain", "may not be executed", SpawnError),
        ("~nobody-at-all/mini", "there is nothing", ExecutableNotFoundError),
    ],
)
def test_a_named_executable_that_is_of_no_use_is_no_reason_to_take_another(
    tmp_path: Path, kind: str, words: str, error: type[AgentError], explicit: bool, origin: str
) -> None:
    make(tmp_path / "mini")
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "plain").touch(0o644)
    named = kind if kind.startswith("~") else str(tmp_path / kind)
    env = {"PATH": str(tmp_path)} | ({} if explicit else {VARIABLE: named})
    with pytest.raises(error, match=f"{kind}.*{origin}.*{words}") as caught:
        SEARCH.find(named if explicit else None, env)
    assert type(caught.value) is error
    assert caught.value.backend == "mini"


def test_what_cannot_be_looked_at_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(SpawnError, match=f"cannot be looked for: Permission denied .{tmp_path}/mini"):
        SEARCH.find(tmp_path / "mini", {})


def test_a_folder_of_ours_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> str:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(os, "getcwd", gone)
    with pytest.raises(SpawnError, match="cannot be looked for: No such file or directory"):
        SEARCH.find("mini", {})


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("0.163.0 (Linux; x86_64) agent-sdk", (0, 163, 0)),
        ("2.1.330 (Claude Code)", (2, 1, 330)),
        ("codex-cli 1.2.3-alpha.4", (1, 2, 3)),
        ("no version", None),
        ("", None),
    ],
)
def test_a_version_is_the_first_number_in_the_text(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(("version", "words"), [((1, 1, 9), "mini 1.1.9"), ((1, 0, 0), "does not tell its version")])
def test_an_old_version_is_refused_with_the_range_that_works(version: tuple[int, int, int], words: str) -> None:
    tested = "1.4.1, 1.5.0 and 1.5.2"
    sentence = f"/x/mini is .*{words.removeprefix('is ')}, .* needs 1.2.0 or newer; it is tested with {tested}. Ins"
    with pytest.raises(UnsupportedVersionError, match=sentence) as caught:
        VERSIONS.check(version, Path("/x/mini"))
    assert caught.value.details == {
        "version": ".".join(map(str, version)),
        "minimum": "1.2.0",
        "tested": "1.4.1, 1.5.0 and 1.5.2",
    }


@pytest.mark.parametrize(
    ("version", "age"),
    [
        ((1, 2, 0), "older than"),
        ((1, 4, 0), "older than"),
        ((1, 4, 1), None),
        ((1, 4, 9), "not among"),
        ((1, 5, 0), None),
        ((1, 5, 1), "not among"),
        ((1, 5, 2), None),
        ((1, 5, 3), "newer than"),
        ((1, 6, 0), "newer than"),
        ((2, 0, 0), "newer than"),
    ],
)
def test_a_version_that_was_not_tested_works_with_a_warning(version: tuple[int, int, int], age: str | None) -> None:
    warning = VERSIONS.check(version, Path("/x/mini"))
    shown = ".".join(map(str, version))
    assert warning == (
        age and f"mini {shown} is {age} what this SDK was tested with, 1.4.1, 1.5.0 and 1.5.2: what it lacks fails."
    )


def test_a_single_tested_version_is_told_alone() -> None:
    assert VersionRange(SEARCH, (1, 0, 0), ((1, 1, 1),), "").in_words() == "1.1.1"
