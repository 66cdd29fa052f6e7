"""The settings service: written for good, watched, and never worse off for a broken file."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_chat.chats.events import SettingsChanged
from agent_chat.config.service import SettingsService
from agent_sdk_core import RuntimeConfig
from agent_sdk_core.config import writing
from agent_sdk_core.errors import InvalidRequestError

pytestmark = pytest.mark.anyio

Make = Callable[..., SettingsService]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    file = tmp_path / "home" / "config.toml"
    file.touch(0o600)
    return file


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work" / ".git").mkdir(parents=True)
    return tmp_path / "work"


@pytest.fixture
def make(file: Path, work: Path) -> Make:
    def make(**given: Any) -> SettingsService:
        standing: dict[str, Any] = {"cwd": work, "env": {}, "user_file": file}
        return SettingsService(**standing | given)

    return make


async def test_a_setting_is_written_kept_and_told(make: Make, file: Path) -> None:
    file.write_text("# mine\nbackend = 'claude'  # why\n", encoding="utf-8")
    settings = make()
    changes = settings.bus.subscribe(SettingsChanged)
    view = await settings.set("backend", "Codex CLI")
    assert (view.value, view.place, settings.config.backend) == ("codex", f"{file}:2", "codex")
    assert await anext(changes) == SettingsChanged(("backend",))
    assert file.read_text(encoding="utf-8") == '# mine\nbackend = "codex"  # why\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert make().config.backend == "codex"
    assert not (await settings.unset("backend")).is_set
    assert file.read_text(encoding="utf-8") == "# mine\n"
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


async def test_several_settings_are_written_all_or_none(make: Make, file: Path) -> None:
    settings = make()
    assert await settings.change({"model": "m", "retention.max_age": "2d"}) == ("model", "retention.max_age")
    assert settings.get("retention.max_age").value == 172_800
    before = file.read_bytes()
    with pytest.raises(InvalidRequestError, match=r"config\.toml, line \d+: request_timeout must be greater than 0"):
        await settings.change({"model": "n", "request_timeout": -1})
    assert file.read_bytes() == before
    assert settings.config.model == "m"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("backend", "codx", "did you mean"),
        ("permission_mode", "always", "permission_mode must be"),
        ("modle", "x", "did you mean 'model'"),
        ("model", None, "unset it"),
        ("model", 5, "model must be text"),
        ("policy.deny", ["Bash("], "policy.deny has the rule"),
        ("retention.max_age", "soon", "must be seconds, or a number of"),
        ("retention.max_chats", 0, "greater than 0"),
        ("flags.redact_stor", True, "did you mean 'flags.redact_store'"),
        ("backends.codex.env.A", "a\0b", "NUL"),
    ],
)
async def test_what_is_of_no_use_is_refused_and_not_written(
    make: Make, file: Path, key: str, value: Any, said: str
) -> None:
    settings = make()
    with pytest.raises(InvalidRequestError, match=said):
        await settings.set(key, value)
    assert file.read_bytes() == b""


async def test_a_flag_of_no_name_in_a_file_is_told(make: Make, file: Path) -> None:
    file.write_text("[flags]\nredact_stor = true\n", encoding="utf-8")
    with pytest.raises(InvalidRequestError, match="no flag 'redact_stor'; did you mean 'redact_store'"):
        make()
    assert RuntimeConfig(flags={"redact_store": False}).flag("redact_store") is False
    with pytest.raises(InvalidRequestError, match="There is no flag 'x'"):
        RuntimeConfig().flag("x")


async def test_a_workspace_is_only_stricter(make: Make, work: Path, file: Path) -> None:
    settings = make()
    await settings.set("permission_mode", "plan", scope="workspace")
    assert settings.config.permission_mode == "plan"
    assert stat.S_IMODE((work / ".agent-sdk.toml").stat().st_mode) == 0o644
    refused: dict[str, Any] = {
        "permission_mode": "bypass",
        "backends.codex.executable": "./evil",
        "store.url": "/x",
        "retention.max_chats": 1,
        "flags.redact_store": False,
        "flags.watch_settings": True,
        "policy.allow": ["Bash"],
        "trusted_folders": ["/"],
    }
    for key, value in refused.items():
        with pytest.raises(InvalidRequestError, match="a workspace file may not set"):
            await settings.set(key, value, scope="workspace")
    await settings.set("flags.redact_store", True, scope="workspace")
    await settings.set("trusted_folders", [str(work)])
    await settings.set("request_timeout", 5, scope="workspace")
    assert settings.get("request_timeout").source == "workspace"
    with pytest.raises(InvalidRequestError, match="only your own file says which of your chats"):
        await settings.set("retention.max_chats", 1, scope="workspace")
    assert "max_chats" not in file.read_text(encoding="utf-8")


async def test_a_link_out_of_the_workspace_is_not_written_to(make: Make, work: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "bashrc"
    elsewhere.touch()
    (work / ".agent-sdk.toml").symlink_to(elsewhere)
    with pytest.raises(InvalidRequestError, match="a link out of the workspace"):
        await make().set("model", "m", scope="workspace")
    assert elsewhere.read_bytes() == b""


async def test_a_higher_layer_still_wins_and_the_view_says_so(make: Make) -> None:
    settings = make(env={"AGENT_SDK_MODEL": "of the environment"})
    view = await settings.set("model", "m")
    assert (view.value, view.place) == ("of the environment", "AGENT_SDK_MODEL")


async def test_a_broken_file_keeps_the_last_good_values_and_says_so(make: Make, file: Path) -> None:
    settings = make()
    await settings.set("model", "good")
    changes = settings.bus.subscribe(SettingsChanged)
    file.write_text("model = [", encoding="utf-8")
    assert await settings.reload() == ()
    assert settings.config.model == "good"
    assert settings.problem is not None
    await settings.reload()
    with pytest.raises(InvalidRequestError, match="not valid TOML"):
        await settings.set("model", "other")
    assert file.read_text(encoding="utf-8") == "model = ["
    file.write_text('model = "good"\n', encoding="utf-8")
    await settings.reload()
    assert settings.problem is None
    settings.bus.close()
    told = [event async for event in changes]
    assert [bool(event.problem) for event in told] == [True, False]
    assert "not valid TOML" in told[0].problem


async def test_what_others_write_is_seen(make: Make, file: Path) -> None:
    async with make() as settings:
        changes = settings.bus.subscribe(SettingsChanged)
        await _until_seen(changes, lambda: file.write_text('model = "theirs"\n', encoding="utf-8"), ("model",))
        assert settings.config.model == "theirs"

        def replace() -> None:
            (file.parent / "new").write_text('model = "replaced"\n', encoding="utf-8")
            (file.parent / "new").replace(file)

        await _until_seen(changes, replace, ("model",))
        await _until_seen(changes, file.unlink, ())
    assert settings.config.model == "replaced"  # A file that was named has to be there.
    assert settings.problem is not None


async def test_a_file_in_a_folder_that_is_made_later_is_seen(make: Make, tmp_path: Path, work: Path) -> None:
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "later")}
    async with make(user_file=None, env=env) as settings:
        changes = settings.bus.subscribe(SettingsChanged)

        def write() -> None:
            (work / ".agent-sdk.toml").write_text('model = "w"\n', encoding="utf-8")

        await _until_seen(changes, write, ("model",))
    assert settings.config.model == "w"


async def _until_seen(changes: Any, change: Callable[[], object], keys: tuple[str, ...]) -> None:
    change()
    async with asyncio.timeout(30):
        while True:
            event = await anext(changes)
            if event.keys == keys:
                return


async def test_without_the_flag_nothing_is_watched(make: Make, file: Path) -> None:
    file.write_text("[flags]\nwatch_settings = false\n", encoding="utf-8")
    async with make() as settings:
        names = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]  # every task has one here
        assert "SettingsService._watch" not in names
        assert settings.config.flag("watch_settings") is False


async def test_writers_in_several_processes_lose_nothing(make: Make, file: Path, work: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from agent_chat.config.service import SettingsService\n"
        "async def main(name):\n"
        "    settings = SettingsService(cwd=sys.argv[2], env={}, user_file=sys.argv[3])\n"
        "    for number in range(5):\n"
        "        await settings.set(f'backends.claude.env.{name}{number}', str(number))\n"
        "asyncio.run(main(sys.argv[1]))\n"
    )
    arguments = [[sys.executable, "-c", program, name, str(work), str(file)] for name in ("A", "B")]
    writers = [subprocess.Popen(each) for each in arguments]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    kept = tomllib.loads(file.read_text(encoding="utf-8"))["backends"]["claude"]["env"]
    assert sorted(kept) == sorted(f"{name}{number}" for name in "AB" for number in range(5))


async def test_a_writer_that_never_ends_is_told(file: Path) -> None:
    with (
        writing.locked("user", file),
        pytest.raises(InvalidRequestError, match="another program has been writing"),
        writing.locked("user", file, seconds=0.01),
    ):
        pass


async def test_a_place_that_cannot_be_written_is_told(make: Make, monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    settings = make()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidRequestError, match=r"config\.toml: it cannot be written: No space left on device"):
        await settings.set("model", "m")
    assert file.read_bytes() == b""
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


async def test_settings_of_an_application_are_its_own() -> None:
    async with SettingsService(config=RuntimeConfig(model="m")) as settings:
        assert not settings.can_change
        assert await settings.reload() == ()
        assert settings.get("model").value == "m"
        with pytest.raises(InvalidRequestError, match="given by the application"):
            await settings.set("model", "n")


async def test_there_are_two_scopes(make: Make) -> None:
    nothing: Any = "system"
    with pytest.raises(InvalidRequestError, match="There is no scope 'system'"):
        await make().set("model", "n", scope=nothing)


async def test_all_settings_are_told_without_a_secret(make: Make, file: Path) -> None:
    file.write_text('[store]\nurl = "postgresql://me:hidden-word@host/db"\n', encoding="utf-8")
    told = json.dumps([view.to_wire() for view in make().views()])
    assert "hidden-word" not in told
    assert '"backends.codex.model"' in told
