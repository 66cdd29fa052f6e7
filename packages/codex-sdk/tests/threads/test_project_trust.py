from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_core import SessionOptions
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_testing import FakeCodex
from codex_sdk import CodexBackend
from codex_sdk.threads import project_trust
from codex_sdk.threads.project_trust import ProjectFolders, applied_config, merged

LAYERS: dict[str, Any] = {
    "config": {"model": "theirs"},
    "layers": [
        {"name": {"type": "project"}, "config": {"model": "theirs"}, "disabledReason": "not trusted"},
        {"name": {"type": "user"}, "config": {"model": "mine", "features": {"a": True, "b": [1]}}},
        {"name": {"type": "system"}, "config": {"model": "system", "features": {"b": [2], "c": True}}},
    ],
}


def test_a_folder_is_looked_up_with_its_links_resolved_and_as_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "real" / ".git").mkdir(parents=True)
    (tmp_path / "real" / "sub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    found = ProjectFolders.find(str(tmp_path / "link" / "x" / ".." / "sub"), [".git"])
    names = tuple(str(tmp_path / name) for name in ("real/sub", "link/sub", "real", "link"))
    assert (found.read, found.deciding) == (names, names)


def test_a_folder_in_no_project_is_one_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_trust, "_MARKERS", ("no-repository",))  # Where temporary files are, one may lie above.
    (tmp_path / "hg").mkdir()
    (tmp_path / "sub").mkdir()
    for markers in ([], ["no-such-marker"]):
        found = ProjectFolders.find(str(tmp_path / "sub"), markers)
        assert found.read == found.deciding == (str(tmp_path / "sub"),)
    assert ProjectFolders.find(str(tmp_path / "sub"), ["hg"]).read == (str(tmp_path / "sub"), str(tmp_path))


def test_the_nearest_judgement_counts(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    found = ProjectFolders.find(str(tmp_path / "sub"), [".git"])
    trusted, untrusted = {"trust_level": "trusted"}, {"trust_level": "untrusted"}
    assert found.judgement({}) is None
    assert found.judgement({str(tmp_path): trusted, str(tmp_path / "sub"): {"trust_level": 1}}) == "trusted"
    assert found.judgement({str(tmp_path): trusted, str(tmp_path / "sub"): untrusted}) == "untrusted"
    assert found.judgement({str(tmp_path.parent): trusted}) is None


@pytest.mark.parametrize("content", [b"gitdir: nowhere\n", b"\xff", b"", b"gitdir: ../main/.git/modules/x\n"])
def test_a_git_file_that_is_no_worktrees_leads_nowhere(tmp_path: Path, content: bytes) -> None:
    modules = tmp_path / "main" / ".git" / "modules" / "x"
    modules.mkdir(parents=True)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / ".git").write_bytes(content)
    (modules / "gitdir").write_text(f"{tmp_path}/here/.git\n")
    assert ProjectFolders.find(str(tmp_path / "here"), [".git"]).deciding == (str(tmp_path / "here"),)


def test_the_layers_of_the_sources_are_what_applies() -> None:
    features = {"a": True, "b": [1], "c": True}
    assert applied_config(LAYERS, None) == {"model": "theirs"}
    assert applied_config(LAYERS, ("user",)) == {"model": "mine", "features": features}
    assert applied_config(LAYERS, ("user", "project")) == {"model": "theirs", "features": features}
    assert applied_config({"config": {"model": "m"}}, ("user",)) == {"model": "m"}
    assert applied_config({}, ("user",)) == {}


def test_merging_changes_neither_of_the_two() -> None:
    weak, strong = {"a": {"x": 1, "y": 1}, "b": {"z": 1}}, {"a": {"y": 2}, "b": 2}
    assert merged(weak, strong) == {"a": {"x": 1, "y": 2}, "b": 2}
    assert (weak, strong) == ({"a": {"x": 1, "y": 1}, "b": {"z": 1}}, {"a": {"y": 2}, "b": 2})


@pytest.mark.anyio
async def test_a_codex_that_lists_no_skills_opens_sessions_all_the_same(
    fake: FakeCodex, backend: CodexBackend, workspace: Path
) -> None:
    fake.on("skills/list", lambda request: request.refuse("unknown variant", code=-32600))
    with anyio.fail_after(30):
        await backend.create_session(SessionOptions(cwd=workspace))
        assert "skills" not in (await fake.request("thread/start")).params["config"]


@pytest.mark.anyio
async def test_a_configuration_that_cannot_be_read_opens_no_session(
    fake: FakeCodex, backend: CodexBackend, workspace: Path
) -> None:
    with anyio.fail_after(30):
        await backend.start()
        fake.on("config/read", lambda request: request.refuse("failed to load configuration: line 1"))
        with pytest.raises(InvalidRequestError, match="line 1"):
            await backend.create_session(SessionOptions(cwd=workspace))
        assert [request for request in fake.requests if request.method == "thread/start"] == []


@pytest.mark.anyio
async def test_a_stored_session_without_a_folder_is_resumed_as_it_is(fake: FakeCodex, backend: CodexBackend) -> None:
    fake.on("thread/read", lambda request: request.answer({"thread": {"id": "t"}}))
    with anyio.fail_after(30):
        await backend.create_session(SessionOptions(resume="t"))
        assert (await fake.request("thread/resume")).params == {"threadId": "t", "excludeTurns": True}
