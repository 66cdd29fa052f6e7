from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_sdk_core.config import files
from agent_sdk_core.config.files import ConfigFile, Document, read, user_file, workspace_root
from agent_sdk_core.errors import InvalidRequestError


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def to_file(content: bytes) -> Path:
        path = tmp_path / "config.toml"
        path.write_bytes(content)
        return path

    return to_file


def test_a_file_is_read_with_its_place(write: Callable[[bytes], Path]) -> None:
    path = write(b'model = "m"\n')
    assert read("user", path) == Document(ConfigFile("user", path, exists=True), {"model": "m"}, 'model = "m"\n')


def test_a_file_that_is_not_there_holds_nothing_unless_it_has_to_be_there(tmp_path: Path) -> None:
    for path in (tmp_path / "no.toml", tmp_path / "no" / "no.toml"):
        document = read("user", path)
        assert (document.data, document.file.exists) == ({}, False)
        with pytest.raises(InvalidRequestError, match=r"no\.toml: there is no such file; create it, or name another"):
            read("user", path, required=True)
    (tmp_path / "file").touch()
    assert not read("user", tmp_path / "file" / "config.toml").file.exists


def test_the_empty_device_is_an_empty_file() -> None:
    assert read("user", Path(os.devnull), required=True).data == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"model = \n", r"the file is not valid TOML: Invalid value \(at line 1, column 9\)\."),
        (b'a = 1\nmodel = "m', r"the file is not valid TOML: .*\(at end of document\)\."),
        (b"a = 1\na = 2", r"the file is not valid TOML: Cannot overwrite a value \(at .*\)\."),
        (b"a = 1\nmodel = '\xff'", r", line 2: the file is not text in UTF-8\."),
        (b"a = " + b"9" * 5000, r"the file is not valid TOML: .*"),
        (b"a = " + b"[" * 5000, r"the file is not valid TOML: .*"),
        (b"#" * (1 << 20) + b"\n", r"the file is larger than 1 MiB, which no configuration is\."),
    ],
)
def test_what_cannot_be_read_is_one_sentence_with_the_file(
    write: Callable[[bytes], Path], content: bytes, sentence: str
) -> None:
    path = write(content)
    with pytest.raises(InvalidRequestError, match=f"^{path}(: )?{sentence}$") as caught:
        read("workspace", path)
    assert caught.value.code == "invalid_configuration"
    assert caught.value.details["file"] == str(path)


@given(content=st.binary(max_size=60))
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    with suppress(InvalidRequestError):
        assert read("workspace", path).file.exists


def test_a_folder_in_its_place_is_said_so(tmp_path: Path) -> None:
    for kind in ("user", "workspace"):
        with pytest.raises(InvalidRequestError, match=f"{tmp_path}: this is a folder"):
            read(kind, tmp_path)


def test_a_file_that_may_not_be_read_is_said_so(
    write: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise PermissionError(13, "Permission denied")

    path = write(b"")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InvalidRequestError, match=r"the file cannot be read: Permission denied\."):
        read("user", path)


def test_a_path_that_cannot_be_one_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"cannot be read: .*null"):
        read("user", tmp_path / "a\0b")


def test_a_workspace_file_that_never_ends_is_not_opened(tmp_path: Path) -> None:
    pipe = tmp_path / ".agent-sdk.toml"
    os.mkfifo(pipe)
    with pytest.raises(InvalidRequestError, match="cannot be read: it is not a regular file"):
        read("workspace", pipe)
    pipe.unlink()
    pipe.symlink_to("/dev/zero")
    with pytest.raises(InvalidRequestError, match="cannot be read: it is not a regular file"):
        read("workspace", pipe)


def test_a_byte_order_mark_and_other_line_ends_do_not_matter(write: Callable[[bytes], Path]) -> None:
    document = read("user", write(b'\xef\xbb\xbfa = 1\r\n\r\nmodel = "m"\r\n'))
    assert document.data == {"a": 1, "model": "m"}
    assert document.source(("model",)).line == 3


TEXT = '''\
# model = "in a comment"
backend = """
model = "in a text"
"""
"model" = "m"   # 5
list = [
    "model",
]
sandbox = { mode = "read-only" }

[backends.codex]
executable = "x"
env.A = "model"
[[many]]
[backends."a b"]
model = "n"
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("backend",), 2),
        (("model",), 5),
        (("list",), 6),
        (("sandbox",), 9),
        (("sandbox", "mode"), 9),
        (("sandbox", "network"), 9),
        (("backends",), 11),
        (("backends", "codex"), 11),
        (("backends", "codex", "executable"), 12),
        (("backends", "codex", "env", "A"), 13),
        (("many",), 14),
        (("backends", "a b", "model"), 16),
        (("nothing",), None),
    ],
)
def test_a_setting_is_found_on_its_line(path: tuple[str, ...], line: int | None) -> None:
    file = ConfigFile("user", Path("/c.toml"), exists=True)
    source = Document(file, tomllib.loads(TEXT), TEXT).source(path)
    assert (source.line, source.path, source.kind) == (line, Path("/c.toml"), "user")


def test_the_users_file_is_the_named_one_or_the_platforms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    platforms, required = user_file({})
    assert platforms.parts[-2:] == ("agent-sdk", "config.toml")
    assert platforms.is_relative_to(tmp_path)
    assert not required
    assert user_file({"AGENT_SDK_CONFIG": ""}) == (platforms, False)
    assert user_file({"AGENT_SDK_CONFIG": "~/mine.toml"}) == (tmp_path / "mine.toml", True)
    assert user_file({"AGENT_SDK_CONFIG": "/env.toml"}, "here.toml") == (tmp_path / "here.toml", True)


def test_the_workspace_is_the_repository_else_the_folder_itself(tmp_path: Path) -> None:
    inner = tmp_path / "repo" / "src" / "pkg"
    inner.mkdir(parents=True)
    assert workspace_root(inner) == inner
    (tmp_path / "repo" / ".git").touch()  # a worktree's is a file
    assert workspace_root(inner) == tmp_path / "repo"
    assert workspace_root(tmp_path / "repo") == tmp_path / "repo"
    (inner / ".git").mkdir()
    assert workspace_root(inner) == inner


def test_a_ceiling_of_git_ends_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "repo" / "tmp" / "there"
    folder.mkdir(parents=True)
    (tmp_path / "repo" / ".git").mkdir()
    assert workspace_root(folder) == tmp_path / "repo"
    for ceiling in (folder.parent, tmp_path / "repo"):
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", f"/nowhere:{ceiling}")
        assert workspace_root(folder) == folder
    assert workspace_root(tmp_path / "repo") == tmp_path / "repo"


def test_the_workspace_of_no_folder_is_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert workspace_root() == tmp_path


def test_links_are_resolved_before_the_workspace_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "mine" / ".git").mkdir(parents=True)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "mine" / "link").symlink_to(tmp_path / "theirs")
    assert workspace_root(tmp_path / "mine" / "link") == tmp_path / "theirs"


def test_neither_home_nor_what_is_above_it_is_found_from_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "above" / "home"
    (home / "a" / "b").mkdir(parents=True)
    for folder in (tmp_path / "above", home):
        (folder / ".git").mkdir()
    monkeypatch.setenv("HOME", str(home))
    assert workspace_root(home / "a" / "b") == home / "a" / "b"
    assert workspace_root(home) == home
    assert workspace_root("~") == home


def test_a_folder_that_everybody_may_write_to_is_not_found_from_below(tmp_path: Path) -> None:
    inner = tmp_path / "shared" / "mine"
    inner.mkdir(parents=True)
    (tmp_path / "shared" / ".git").mkdir()
    assert workspace_root(inner) == tmp_path / "shared"
    (tmp_path / "shared").chmod(0o1777)
    assert workspace_root(inner) == inner
    assert workspace_root(tmp_path / "shared") == tmp_path / "shared"


def test_the_root_of_the_file_system_is_a_workspace_only_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_the_root(path: object) -> bool:
        return str(path) == "/.git"

    monkeypatch.setattr(os.path, "lexists", at_the_root)
    assert workspace_root("/nowhere/at/all") == Path("/nowhere/at/all")
    assert workspace_root("/") == Path("/")


def test_the_root_of_the_file_system_need_not_be_a_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "lexists", lambda _: False)  # type: ignore[misc]  # a lambda has no types
    assert workspace_root("/") == Path("/")


def test_a_folder_that_may_not_be_looked_into_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)

    def refuse(path: Path) -> Any:
        raise PermissionError

    monkeypatch.setattr(Path, "stat", refuse)
    monkeypatch.setattr(os.path, "lexists", lambda _: False)  # type: ignore[misc]  # a lambda has no types
    assert workspace_root(inner) == inner


def test_a_value_without_an_end_in_sight_has_no_line() -> None:
    text = "a = [\n" + "1,\n" * 200 + "]\n"
    assert Document(ConfigFile("user", Path("/c"), exists=True), tomllib.loads(text), text).source(("a",)).line is None


@pytest.mark.parametrize("cwd", ["\0", "~nobody-of-this-name/x"])
def test_a_folder_that_cannot_be_one_is_no_workspace(cwd: str) -> None:
    assert workspace_root(cwd) is None


def test_a_current_folder_that_is_gone_is_no_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(path: Path, strict: bool = False) -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "resolve", gone)
    assert files.workspace_root() is None
