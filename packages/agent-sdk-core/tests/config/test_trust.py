from __future__ import annotations

import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.config.trust import FolderTrust, folder_trust, trust_folder
from agent_sdk_core.errors import InvalidRequestError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def look(project: Path, file: Path) -> FolderTrust:
    trust = folder_trust(project, {"AGENT_SDK_CONFIG": str(file)})
    assert trust is not None
    return trust


@pytest.mark.parametrize(
    "before",
    [
        None,
        "",
        'model = "m"  # mine\n\n[backends.codex]\nmodel = "n"\n',
        'model = "m"\ntrusted_folders = ["/else"]\n[sandbox]\nmode = "read-only"\n',
        'trusted_folders = [\n  "/else",  # where it was\n]\nmodel = "m"\n',
        "trusted_folders = []",
        'model = "m"\r\n',
    ],
)
def test_a_folder_is_remembered_and_all_else_stays(tmp_path: Path, project: Path, before: str | None) -> None:
    file = tmp_path / "ours" / "config.toml"
    if before is not None:
        file.parent.mkdir()
        file.write_bytes(before.encode())
    assert look(project, file) == FolderTrust(project, trusted=False, user_file=file)
    trust_folder(look(project, file))
    assert look(project, file).trusted
    assert RuntimeConfig.load(cwd=project, user_file=file).workspace is not None
    old, new = tomllib.loads((before or "").replace("\r\n", "\n")), tomllib.loads(file.read_text(encoding="utf-8"))
    assert new.pop("trusted_folders") == [*old.pop("trusted_folders", []), str(project)]
    assert new == old
    assert "# mine" in file.read_text(encoding="utf-8") or "# mine" not in (before or "")
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


def test_a_new_file_is_the_users_alone_and_an_old_one_keeps_its_mode(tmp_path: Path, project: Path) -> None:
    file = tmp_path / "config.toml"
    trust_folder(look(project, file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    other = tmp_path / "other"
    other.mkdir()
    file.chmod(0o640)
    trust_folder(look(other, file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert look(project, file).trusted
    assert look(other, file).trusted


def test_a_link_stays_one(tmp_path: Path, project: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real, link = tmp_path / "dotfiles" / "config.toml", tmp_path / "config.toml"
    real.touch()
    link.symlink_to(real)
    trust_folder(look(project, link))
    assert link.is_symlink()
    assert "project" in real.read_text(encoding="utf-8")


def test_what_is_no_ordinary_file_is_never_replaced(project: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"it is not a regular file; add .* by hand"):
        trust_folder(look(project, Path(os.devnull)))
    assert not stat.S_ISREG(Path(os.devnull).stat().st_mode)


def test_what_lies_in_a_trusted_folder_is_not_trusted(tmp_path: Path, project: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'trusted_folders = ["{tmp_path}", 5]\n', encoding="utf-8")
    assert not look(project, file).trusted


def test_there_is_no_trust_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert folder_trust("\0", {"AGENT_SDK_CONFIG": os.devnull}) is None


def test_a_file_whose_list_is_of_another_kind_is_left_as_it_is(tmp_path: Path, project: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('"trusted_folders" = "x"\n', encoding="utf-8")
    trust = look(project, file)
    trust_folder(trust)
    assert tomllib.loads(file.read_text(encoding="utf-8")) == {"trusted_folders": [str(project)]}


def test_a_folder_is_trusted_by_any_link_to_it_and_a_link_by_where_it_leads_now(tmp_path: Path, project: Path) -> None:
    file, link, other = tmp_path / "config.toml", tmp_path / "link", tmp_path / "other"
    other.mkdir()
    link.symlink_to(project)
    trust_folder(look(link, file))
    assert look(project, file).trusted
    assert look(link, file) == FolderTrust(project, trusted=True, user_file=file)
    link.unlink()
    link.symlink_to(other)  # As a stranger does who may write beside it.
    assert not look(link, file).trusted
    assert str(link) not in file.read_text(encoding="utf-8")


def test_what_is_trusted_already_is_not_written_again(tmp_path: Path, project: Path) -> None:
    file = tmp_path / "config.toml"
    before = look(project, file)
    trust_folder(before)
    trust_folder(before)  # Of one that has not seen it.
    assert tomllib.loads(file.read_text(encoding="utf-8")) == {"trusted_folders": [str(project)]}


_TRUSTING = """
import sys
from agent_sdk_core.config.trust import folder_trust, trust_folder
print("ready", flush=True)
sys.stdin.readline()
for folder in sys.argv[2:]:
    trust_folder(folder_trust(folder, {"AGENT_SDK_CONFIG": sys.argv[1]}))
"""


def test_of_several_processes_that_write_at_once_none_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('model = "m"  # mine\n', encoding="utf-8")
    shared = tmp_path / "shared"
    folders = [[tmp_path / f"{writer}-{number}" for number in range(5)] + [shared] for writer in range(4)]
    for folder in {folder for own in folders for folder in own}:
        folder.mkdir()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _TRUSTING, str(file), *map(str, own)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for own in folders
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        assert [writer.wait(60) for writer in writers] == [0] * len(writers)
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    assert sorted(data.pop("trusted_folders")) == sorted({str(folder) for own in folders for folder in own})
    assert data == {"model": "m"}
    assert "# mine" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["trusted_folders = [", "\x00", "model = 1\nmodel = 2\n", "[trusted_folders\n"])
def test_a_broken_file_trusts_nothing_and_is_left_as_it_is(tmp_path: Path, project: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    before = look(project, file)
    file.write_text(text, encoding="utf-8")
    for act in (lambda: look(project, file), lambda: trust_folder(before)):
        with pytest.raises(InvalidRequestError, match=r"config\.toml"):
            act()
    assert file.read_text(encoding="utf-8") == text
