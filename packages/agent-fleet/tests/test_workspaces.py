from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent_fleet import FleetBackend, GitClone, GitWorktree, WorkspaceProvider
from agent_fleet.errors import WorkspaceError
from agent_fleet.workspaces import provider_from_wire, provider_to_wire
from agent_sdk_core import AgentError, InvalidRequestError, SessionOptions, UnsupportedOptionError
from agent_sdk_testing import text

pytestmark = pytest.mark.anyio


def git(*arguments: str) -> None:
    who = ("-c", "user.name=Me", "-c", "user.email=me@example.com")
    subprocess.run(("git", *who, *arguments), check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> str:
    place = tmp_path / "repository"
    git("init", "--quiet", str(place))
    for name in ("one", "two"):
        (place / "inner").mkdir(exist_ok=True)
        (place / "inner" / f"{name}.txt").write_text(name)
        git("-C", str(place), "add", ".")
        git("-C", str(place), "commit", "--quiet", "-m", name)
        git("-C", str(place), "tag", f"tag-{name}")
    return str(place)


@pytest.mark.parametrize("kind", [GitClone, GitWorktree])
async def test_each_session_has_a_folder_of_its_own_and_keeps_it(
    kind: Any, anyio_backend: str, repository: str, tmp_path: Path
) -> None:
    provider = kind(repository, root=str(tmp_path / "root"), ref="tag-one")
    assert provider_from_wire(provider_to_wire(provider)) == provider
    first, second = await provider.make("a"), await provider.make("b")
    assert first != second
    assert [path.name for path in (first / "inner").iterdir()] == ["one.txt"]
    (first / "inner" / "one.txt").write_text("changed")
    assert await provider.make("a") == first
    assert (first / "inner" / "one.txt").read_text() == "changed"
    (tmp_path / "root" / ".b.whole").unlink()  # As a host leaves it that died meanwhile.
    (second / "inner" / "one.txt").unlink()
    assert (await provider.make("b") / "inner" / "one.txt").read_text() == "one"


@pytest.mark.parametrize("kind", [GitClone, GitWorktree])
@pytest.mark.parametrize("ref", ["", "--upload-pack=x", "-b"])
def test_a_ref_that_git_takes_for_an_option_is_refused(kind: Any, ref: str) -> None:
    with pytest.raises(InvalidRequestError, match="a branch, a tag or a commit"):
        kind("repository", root="root", ref=ref)


async def test_what_git_says_is_told(
    anyio_backend: str, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = str(tmp_path / "root")
    for provider, words in (
        (GitClone(str(tmp_path / "nowhere"), root=root), "git says: .*nowhere"),
        (GitClone(repository, root=root, ref="nothing"), "git says: "),
        (GitWorktree(repository, root=root, ref="nothing"), "git says: .*nothing"),
        (GitClone(repository, root=f"{repository}/inner/one.txt"), "cannot be made on this host"),
    ):
        with pytest.raises(WorkspaceError, match=words):
            await provider.make("a")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorkspaceError, match="has no git"):
        await GitClone(repository, root=root).make("c")


async def test_a_session_works_in_the_folder_that_is_made_for_it(
    plane: Any, store_url: str, repository: str, tmp_path: Path
) -> None:
    plane.agents["one"].reply(text("Here."))
    provider = GitClone(repository, root=str(tmp_path / "root"))
    async with FleetBackend("codex", plane=plane, store=store_url, hosts=["one"], workspaces=provider) as backend:
        for outside in (tmp_path, "inner/../.."):
            with pytest.raises(InvalidRequestError, match="leads out of the workspace"):
                await backend.create_session(SessionOptions(cwd=outside))
        async with await backend.create_session(SessionOptions(cwd="inner")) as session:
            assert (await session.query("Where?")).result == "Here."
            assert session.info.cwd == str(tmp_path / "root" / session.key / "inner")
    bad = GitClone(str(tmp_path / "nowhere"), root=str(tmp_path / "root"))
    async with FleetBackend("codex", plane=plane, store=store_url, hosts=["one"], workspaces=bad) as backend:
        with pytest.raises(AgentError, match="git says") as raised:
            await backend.create_session()
        assert raised.value.code == "workspace_unavailable"
        assert not backend.sessions


async def test_on_another_host_a_session_has_its_workspace_made_anew(
    plane: Any, store_url: str, repository: str, tmp_path: Path
) -> None:
    one, two = plane.agents["one"], plane.agents["two"]
    two._store = one._store  # The agent's own log is on a volume that both have.
    one.reply(text("Ready."))
    two.reply(text("Still here."))
    provider, root = GitClone(repository, root=str(tmp_path / "root")), tmp_path / "root"
    settings: dict[str, Any] = {"workspaces": provider, "shared": True, "recovery_seconds": 0.2, "lease_seconds": 0.5}
    async with (
        FleetBackend("codex", plane=plane, store=store_url, **settings) as backend,
        await backend.create_session(SessionOptions(cwd="inner")) as session,
    ):
        await session.query("First.")
        (root / session.key / "inner" / "unpushed.txt").write_text("x")
        plane.kill("one")
        root.rename(tmp_path / "root of one")
        assert (await session.query("Second.")).result == "Still here."
        assert session.host == "two"
        assert (root / session.key / "inner" / "one.txt").exists()
        assert not (root / session.key / "inner" / "unpushed.txt").exists()


async def test_a_provider_that_no_host_can_import_is_refused(anyio_backend: str, store_url: str) -> None:
    @dataclass(frozen=True)
    class Local(WorkspaceProvider):
        async def make(self, key: str) -> Path:
            return Path(key)

    with pytest.raises(UnsupportedOptionError, match="imports it by its name"):
        FleetBackend("codex", store=store_url, workspaces=Local())
    with pytest.raises(InvalidRequestError, match="is no WorkspaceProvider"):
        provider_from_wire({"name": "pathlib:Path", "fields": {}})
