from __future__ import annotations

from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from agent_sdk_core import ExecutableNotFoundError, UnsupportedVersionError
from claude_sdk import executable
from claude_sdk.executable import (
    MINIMUM_VERSION,
    OLDEST_TESTED_VERSION,
    TESTED_VERSION,
    check_version,
    find_executable,
    parse_version,
)

VARIABLE = "AGENT_SDK_CLAUDE_PATH"


def make(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o755)
    return path


def found(spec: ModuleSpec | None) -> Callable[[str], ModuleSpec | None]:
    def find(name: str) -> ModuleSpec | None:
        assert name == "claude_agent_sdk"
        return spec

    return find


def bundle(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    spec = ModuleSpec("claude_agent_sdk", None, is_package=True)
    spec.submodule_search_locations = [str(folder) for folder in folders]
    monkeypatch.setattr(executable, "find_spec", found(spec))


@pytest.fixture(autouse=True)
def nothing_is_bundled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "find_spec", found(None))


def test_the_search_goes_from_the_nearest_to_the_farthest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    explicit, variable = make(tmp_path / "explicit"), make(tmp_path / "variable")
    bundled, found = make(tmp_path / "package" / "_bundled" / "claude"), make(tmp_path / "path" / "claude")
    home = make(tmp_path / "home" / ".local" / "bin" / "claude")
    bundle(monkeypatch, tmp_path / "empty", tmp_path / "package")
    env = {"PATH": str(tmp_path / "path"), "HOME": str(tmp_path / "home")}
    assert find_executable(explicit, {**env, VARIABLE: str(variable)}) == explicit
    assert find_executable(None, {**env, VARIABLE: str(variable)}) == variable
    assert find_executable(None, env) == bundled
    assert find_executable(None, {**env, VARIABLE: ""}) == bundled
    bundled.unlink()
    assert find_executable(None, env) == found
    found.unlink()
    assert find_executable(None, env) == home


def test_the_path_is_the_one_of_the_environment_that_claude_gets(tmp_path: Path) -> None:
    make(tmp_path / "claude")
    with pytest.raises(ExecutableNotFoundError, match=r'pip install "claude-sdk\[cli\]"'):
        find_executable(None, {"PATH": str(tmp_path / "elsewhere"), "HOME": str(tmp_path / "elsewhere")})


def test_a_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    claude = make(tmp_path / "claude")
    assert find_executable("~/claude", {}) == claude


def test_a_path_is_absolute_for_each_process_starts_in_a_folder_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    claude = make(tmp_path / "bin" / "claude")
    monkeypatch.chdir(tmp_path)
    assert find_executable("bin/claude", {}) == claude
    assert find_executable(None, {VARIABLE: "./bin/claude"}) == claude
    assert find_executable(None, {"PATH": "bin"}) == claude


@pytest.mark.parametrize(("explicit", "origin"), [(True, "executable="), (False, VARIABLE)])
def test_a_named_executable_that_is_not_there_is_no_reason_to_take_another(
    tmp_path: Path, explicit: bool, origin: str
) -> None:
    make(tmp_path / "claude")
    missing = str(tmp_path / "missing")
    env = {"PATH": str(tmp_path)} | ({} if explicit else {VARIABLE: missing})
    with pytest.raises(ExecutableNotFoundError, match=f"missing.*{origin}") as caught:
        find_executable(missing if explicit else None, env)
    assert caught.value.backend == "claude"


def test_a_bundle_without_folders_is_no_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "find_spec", found(ModuleSpec("claude_agent_sdk", None)))
    with pytest.raises(ExecutableNotFoundError):
        find_executable(None, {"PATH": ""})


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.1.329", (2, 1, 329)),
        ("2.1.330 (Claude Code)", (2, 1, 330)),
        ("3.0.0-beta.1", (3, 0, 0)),
        ("no version", None),
        ("", None),
    ],
)
def test_a_version_is_the_first_number_in_the_text(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(text) == version


def dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))


@pytest.fixture
def range_of_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions that are apart, whatever those are that we test with."""
    for name, version in (("MINIMUM", (2, 1, 300)), ("OLDEST_TESTED", (2, 1, 320)), ("TESTED", (2, 1, 329))):
        monkeypatch.setattr(executable, f"{name}_VERSION", version)


def test_the_versions_are_in_order() -> None:
    assert sorted([MINIMUM_VERSION, OLDEST_TESTED_VERSION, TESTED_VERSION]) == [
        MINIMUM_VERSION, OLDEST_TESTED_VERSION, TESTED_VERSION
    ]  # fmt: skip


@pytest.mark.usefixtures("range_of_versions")
def test_an_old_version_is_refused_with_the_range_that_works() -> None:
    words = "/x/claude is claude 2.1.299, .* needs 2.1.300 or newer; it is tested with 2.1.320 to 2.1.329"
    with pytest.raises(UnsupportedVersionError, match=words) as caught:
        check_version((2, 1, 299), Path("/x/claude"))
    assert caught.value.details == {"version": "2.1.299", "minimum": "2.1.300", "tested": "2.1.320 to 2.1.329"}


@pytest.mark.usefixtures("range_of_versions")
@pytest.mark.parametrize("version", [(2, 1, 320), (2, 1, 325), (2, 1, 329)])
def test_a_version_in_the_tested_range_has_no_warning(version: tuple[int, int, int]) -> None:
    assert check_version(version, Path("/x/claude")) is None


@pytest.mark.usefixtures("range_of_versions")
@pytest.mark.parametrize(
    ("version", "word"),
    [
        ((2, 1, 330), "newer"),
        ((2, 2, 0), "newer"),
        ((3, 0, 0), "newer"),
        ((2, 1, 300), "older"),
        ((2, 1, 319), "older"),
    ],
)
def test_a_version_outside_the_tested_range_works_with_a_warning(version: tuple[int, int, int], word: str) -> None:
    warning = check_version(version, Path("/x/claude"))
    assert warning is not None
    words = f"claude {dotted(version)} is {word} than what this SDK was tested with, 2.1.320 to 2.1.329"
    assert warning.startswith(words)


def test_one_tested_version_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "OLDEST_TESTED_VERSION", TESTED_VERSION)
    warning = check_version((TESTED_VERSION[0] + 1, 0, 0), Path("/x/claude"))
    assert f"tested with, {dotted(TESTED_VERSION)}:" in str(warning)
