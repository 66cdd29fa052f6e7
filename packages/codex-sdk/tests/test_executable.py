from __future__ import annotations

from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from agent_sdk_core import ExecutableNotFoundError, UnsupportedVersionError
from codex_sdk import executable
from codex_sdk.executable import (
    MINIMUM_VERSION,
    OLDEST_TESTED_VERSION,
    TESTED_VERSION,
    check_version,
    find_executable,
    parse_version,
)

VARIABLE = "AGENT_SDK_CODEX_PATH"


def make(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o755)
    return path


def found(spec: ModuleSpec | None) -> Callable[[str], ModuleSpec | None]:
    def find(name: str) -> ModuleSpec | None:
        assert name == "codex_cli_bin"
        return spec

    return find


def bundle(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    spec = ModuleSpec("codex_cli_bin", None, is_package=True)
    spec.submodule_search_locations = [str(folder) for folder in folders]
    monkeypatch.setattr(executable, "find_spec", found(spec))


@pytest.fixture(autouse=True)
def nothing_is_bundled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "find_spec", found(None))


def test_the_search_goes_from_the_nearest_to_the_farthest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    explicit, variable = make(tmp_path / "explicit"), make(tmp_path / "variable")
    bundled, found = make(tmp_path / "package" / "bin" / "codex"), make(tmp_path / "path" / "codex")
    bundle(monkeypatch, tmp_path / "package")
    env = {"PATH": str(tmp_path / "path")}
    assert find_executable(explicit, {**env, VARIABLE: str(variable)}) == explicit
    assert find_executable(None, {**env, VARIABLE: str(variable)}) == variable
    assert find_executable(None, env) == bundled
    assert find_executable(None, {**env, VARIABLE: ""}) == bundled
    bundled.unlink()
    assert find_executable(None, env) == found


def test_the_path_is_the_one_of_the_environment_that_codex_gets(tmp_path: Path) -> None:
    make(tmp_path / "codex")
    with pytest.raises(ExecutableNotFoundError, match=r'pip install "codex-sdk\[cli\]"'):
        find_executable(None, {"PATH": str(tmp_path / "elsewhere")})


def test_a_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    codex = make(tmp_path / "codex")
    assert find_executable("~/codex", {}) == codex


@pytest.mark.parametrize(("explicit", "origin"), [(True, "executable="), (False, VARIABLE)])
def test_a_named_executable_that_is_not_there_is_no_reason_to_take_another(
    tmp_path: Path, explicit: bool, origin: str
) -> None:
    make(tmp_path / "codex")
    missing = str(tmp_path / "missing")
    env = {"PATH": str(tmp_path)} | ({} if explicit else {VARIABLE: missing})
    with pytest.raises(ExecutableNotFoundError, match=f"missing.*{origin}") as caught:
        find_executable(missing if explicit else None, env)
    assert caught.value.backend == "codex"


def test_a_bundle_without_folders_is_no_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable, "find_spec", found(ModuleSpec("codex_cli_bin", None)))
    with pytest.raises(ExecutableNotFoundError):
        find_executable(None, {"PATH": ""})


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("0.163.0 (Linux; x86_64) agent-sdk", (0, 163, 0)),
        ("codex-cli 1.2.3-alpha.4", (1, 2, 3)),
        ("no version", None),
        ("", None),
    ],
)
def test_a_version_is_the_first_number_in_the_text(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(text) == version


def dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))


TESTED = f"{dotted(OLDEST_TESTED_VERSION)} to {dotted(TESTED_VERSION)}"


def test_an_old_version_is_refused_with_the_range_that_works() -> None:
    old = (MINIMUM_VERSION[0], MINIMUM_VERSION[1] - 1, 9)
    least = dotted(MINIMUM_VERSION)
    words = f"/x/codex is codex {dotted(old)}, .* needs {least} or newer; it is tested with {TESTED}"
    with pytest.raises(UnsupportedVersionError, match=words) as caught:
        check_version(old, Path("/x/codex"))
    assert caught.value.details == {"version": dotted(old), "minimum": least, "tested": TESTED}


@pytest.mark.parametrize("version", [OLDEST_TESTED_VERSION, TESTED_VERSION, (*TESTED_VERSION[:2], 99)])
def test_a_version_in_the_tested_range_has_no_warning(version: tuple[int, int, int]) -> None:
    assert check_version(version, Path("/x/codex")) is None


@pytest.mark.parametrize(
    ("version", "word"),
    [((TESTED_VERSION[0], TESTED_VERSION[1] + 1, 0), "newer"), (MINIMUM_VERSION, "older")],
)
def test_a_version_outside_the_tested_range_works_with_a_warning(version: tuple[int, int, int], word: str) -> None:
    warning = check_version(version, Path("/x/codex"))
    assert warning is not None
    assert warning.startswith(f"codex {dotted(version)} is {word} than what this SDK was tested with, {TESTED}")
    assert "check_protocol" in warning
