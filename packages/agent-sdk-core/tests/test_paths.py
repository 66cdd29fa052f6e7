from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_sdk_core import InvalidRequestError
from agent_sdk_core.paths import existing_file, existing_folder


def folder(value: str | os.PathLike[str]) -> Path:
    return existing_folder("cwd", value, backend="codex")


def file(value: str | os.PathLike[str]) -> Path:
    return existing_file("image", value, backend="claude")


def test_what_is_there_becomes_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder(tmp_path) == folder(str(tmp_path)) == folder(".") == folder("~") == tmp_path
    assert file("a.png") == file(Path("~/a.png")) == tmp_path / "a.png"


def test_a_link_stays_what_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert folder(tmp_path / "link") == tmp_path / "link"


@pytest.mark.parametrize(
    ("check", "name", "words", "backend"),
    [
        (folder, "missing", r"SessionOptions\.cwd: .*missing does not exist\. Name an existing folder", "codex"),
        (folder, "file", r"SessionOptions\.cwd: .*file is not a folder", "codex"),
        (file, "missing", r"The prompt's image .*missing is not a file", "claude"),
        (file, "", r"The prompt's image .* is not a file", "claude"),
    ],
)
def test_what_is_not_is_one_sentence(
    tmp_path: Path, check: Callable[[Path], Path], name: str, words: str, backend: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidRequestError, match=words) as caught:
        check(tmp_path / name)
    assert caught.value.backend == backend


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def refuse(path: Path, mode: int) -> bool:
        asked.append(mode)
        return False

    monkeypatch.setattr(os, "access", refuse)  # Root may read everything.
    with pytest.raises(InvalidRequestError, match=r"cannot be read\. Check its permissions"):
        folder(tmp_path)
    assert asked == [os.R_OK | os.X_OK]
