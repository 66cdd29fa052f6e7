"""The mirror of a session store, without claude: what it gives, what it brings back, and what it does not take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_core.errors import AgentError, InvalidRequestError
from claude_sdk.store import session_store
from claude_sdk.store.session_store import SessionMirror, key_of

pytestmark = pytest.mark.anyio

NAME = "0a1b2c3d-0000-4000-8000-000000000001"


class Store:
    """A store in memory, which may fail."""

    def __init__(self, *, fails: int = 0) -> None:
        self.kept: dict[tuple[str, ...], list[Any]] = {}
        self.calls: list[tuple[str, ...]] = []
        self._fails = fails

    async def append(self, key: Any, entries: list[Any]) -> None:
        self.calls.append(tuple(key.values()))
        if self._fails:
            self._fails -= 1
            raise OSError("away")
        self.kept.setdefault(tuple(key.values()), []).extend(entries)

    async def load(self, key: Any) -> list[Any] | None:
        return self.kept.get(tuple(key.values()))


class WithSubkeys(Store):
    """A store that knows the files of sub-agents."""

    async def list_subkeys(self, key: Any) -> list[str]:
        return [
            rest[0]
            for *own, rest in [(*each[:2], each[2:]) for each in self.kept]
            if rest and own[1] == key["session_id"]
        ]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"CLAUDE_CONFIG_DIR": str(tmp_path / "claude")}


@pytest.fixture
def told() -> list[str]:
    return []


def mirror(store: Any, env: dict[str, str], told: list[str]) -> SessionMirror:
    return SessionMirror(store, env, told.append)


def frame(tmp_path: Path, *parts: str, uuid: str = "1") -> dict[str, Any]:
    path = tmp_path.joinpath("claude", "projects", *parts)
    return {"type": "transcript_mirror", "filePath": str(path), "entries": [{"uuid": uuid, "type": "user"}]}


async def test_lines_reach_the_store_under_the_key_of_their_file(
    tmp_path: Path, env: dict[str, str], told: list[str]
) -> None:
    store = Store()
    made = mirror(store, env, told)
    made.take(frame(tmp_path, "-p", f"{NAME}.jsonl"))
    made.take(frame(tmp_path, "-p", f"{NAME}.jsonl", uuid="2"))
    made.take(frame(tmp_path, "-p", NAME, "subagents", "agent-x.jsonl"))
    made.take({"filePath": None, "entries": []})
    await made.drain()
    assert store.calls == [("-p", NAME), ("-p", NAME, "subagents/agent-x")]
    assert [each["uuid"] for each in store.kept["-p", NAME]] == ["1", "2"]
    assert told == []


async def test_what_is_no_file_of_a_session_is_told(tmp_path: Path, env: dict[str, str], told: list[str]) -> None:
    made = mirror(Store(), env, told)
    made.take({"filePath": "/etc/passwd", "entries": [{"type": "user"}]})
    await made.drain()
    assert "it is no session's file" in told[0]
    assert key_of(Path("/x/projects/only"), Path("/x/projects")) is None


async def test_an_append_that_fails_is_tried_again_and_then_told(
    tmp_path: Path, env: dict[str, str], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_store, "PAUSES", (0.0, 0.0))
    for fails, said in ((2, 0), (3, 1)):
        store = Store(fails=fails)
        made = mirror(store, env, told)
        made.take(frame(tmp_path, "-p", f"{NAME}.jsonl"))
        await made.drain()
        assert len(store.calls) == 3
        assert len(told) == said
    assert f"did not take 1 entries of {NAME}: away" in told[0]


async def test_an_append_that_never_answers_is_not_repeated(
    tmp_path: Path, env: dict[str, str], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hanging(Store):
        async def append(self, key: Any, entries: list[Any]) -> None:
            self.calls.append(tuple(key.values()))
            await anyio.sleep_forever()

    monkeypatch.setattr(session_store, "SECONDS", 0.01)
    store = Hanging()
    made = mirror(store, env, told)
    made.take(frame(tmp_path, "-p", f"{NAME}.jsonl"))
    await made.drain()
    assert len(store.calls) == 1
    assert "no answer within 0.01 s" in told[0]


async def test_one_drains_at_a_time_and_nothing_is_lost(tmp_path: Path, env: dict[str, str], told: list[str]) -> None:
    entered, go = anyio.Event(), anyio.Event()

    class Slow(Store):
        async def append(self, key: Any, entries: list[Any]) -> None:
            entered.set()
            await go.wait()
            await super().append(key, entries)

    store = Slow()
    made = mirror(store, env, told)
    made.take(frame(tmp_path, "-p", f"{NAME}.jsonl"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(made.drain)
        await entered.wait()
        made.take(frame(tmp_path, "-p", f"{NAME}.jsonl", uuid="2"))
        await made.drain()
        tasks.cancel_scope.cancel()
        go.set()
    assert [each["uuid"] for each in store.kept["-p", NAME]] == ["1", "2"]


@pytest.mark.parametrize(("entries", "size", "batches"), [(7, 5, [3, 3, 1]), (3, 400, [1, 1, 1]), (4, 150, [2, 2])])
async def test_one_append_has_no_more_than_a_store_may_be_given(
    tmp_path: Path,
    env: dict[str, str],
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
    entries: int,
    size: int,
    batches: list[int],
) -> None:
    monkeypatch.setattr(session_store, "MOST_ENTRIES", 3)
    monkeypatch.setattr(session_store, "MOST_BYTES", 500)
    given: list[int] = []

    class Counting(Store):
        async def append(self, key: Any, entries: list[Any]) -> None:
            given.append(len(entries))
            await super().append(key, entries)

    store = Counting()
    made = mirror(store, env, told)
    said = [{"uuid": str(n), "type": "user", "said": "x" * size} for n in range(entries)]
    made.take(frame(tmp_path, "-p", f"{NAME}.jsonl") | {"entries": said})
    await made.drain()
    assert given == batches
    assert store.kept["-p", NAME] == said
    assert told == []


async def test_what_a_slow_store_is_too_late_for_is_told_and_it_gets_what_comes_later(
    tmp_path: Path, env: dict[str, str], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_store, "MOST_WAITING", 200)
    store = Store()
    made = mirror(store, env, told)
    for n in range(20):
        made.take(frame(tmp_path, "-p", f"{NAME}.jsonl", uuid=f"{n:030}"))
    (sentence,) = told
    assert "is too slow" in sentence
    await made.drain()
    kept = len(store.kept["-p", NAME])
    assert 1 < kept < 20
    assert f"was not given {20 - kept} entries" in told[1]
    assert f"{NAME}.jsonl has them" in told[1]
    made.take(frame(tmp_path, "-p", f"{NAME}.jsonl", uuid="later"))
    await made.drain()
    assert store.kept["-p", NAME][-1]["uuid"] == "later"
    assert len(told) == 2


class Hanging(Store):
    """A store that never answers; a deaf one does not let itself be cancelled either."""

    def __init__(self, *, deaf: bool) -> None:
        super().__init__()
        self.entered = anyio.Event()
        self.end = anyio.Event()
        self._deaf = deaf

    async def append(self, key: Any, entries: list[Any]) -> None:
        self.entered.set()
        with anyio.CancelScope(shield=self._deaf):
            await self.end.wait()


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_store_that_hangs_holds_a_close_up_for_a_while_and_is_told(
    tmp_path: Path, env: dict[str, str], told: list[str], monkeypatch: pytest.MonkeyPatch, deaf: bool
) -> None:
    monkeypatch.setattr(session_store, "CLOSE_SECONDS", 0.05)
    store = Hanging(deaf=deaf)
    made = mirror(store, env, told)
    made.take(frame(tmp_path, "-p", f"{NAME}.jsonl"))
    made.take(frame(tmp_path, "-p", NAME, "subagents", "agent-x.jsonl"))
    before: list[str] = []
    async with anyio.create_task_group() as tasks:
        try:
            with anyio.fail_after(30):
                await made.close(tasks.start_soon)
        finally:
            before += told
            store.end.set()
    assert [("was not given 1 entries" in each, "within 0.05 s of the close" in each) for each in before] == [
        (True, True)
    ] * 2
    assert told == before
    await made.close(tasks.start_soon)
    assert len(told) == 2, "what was told is told once"


async def test_a_close_waits_for_a_store_that_is_being_given_something(
    tmp_path: Path, env: dict[str, str], told: list[str]
) -> None:
    entered, go = anyio.Event(), anyio.Event()

    class Slow(Store):
        async def append(self, key: Any, entries: list[Any]) -> None:
            entered.set()
            await go.wait()
            await super().append(key, entries)

    store = Slow()
    made = mirror(store, env, told)
    made.take(frame(tmp_path, "-p", f"{NAME}.jsonl"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(made.drain)
        await entered.wait()
        tasks.start_soon(made.close, tasks.start_soon)
        await anyio.wait_all_tasks_blocked()
        go.set()
    assert len(store.kept["-p", NAME]) == 1
    assert told == []


async def test_what_waits_when_a_backend_is_lost_is_told(tmp_path: Path, env: dict[str, str], told: list[str]) -> None:
    made = mirror(Store(), env, told)
    made.give_up("for nothing waits")
    assert told == []
    made.take(frame(tmp_path, "-p", f"{NAME}.jsonl"))
    made.give_up("for its event loop has ended")
    assert "was not given 1 entries, for its event loop has ended" in told[0]


def entry(uuid: str) -> dict[str, Any]:
    return {"uuid": uuid, "type": "user"}


@pytest.mark.parametrize("known", [[], ["1", "3"]])
async def test_a_store_that_was_away_gets_what_it_lacks_when_the_session_goes_on(
    tmp_path: Path, env: dict[str, str], told: list[str], known: list[str]
) -> None:
    store = Store()
    work = tmp_path / "work"
    work.mkdir()
    project = session_store.places.project_key(work)
    if known:
        store.kept[project, NAME] = [entry(uuid) for uuid in known]
    file = tmp_path / "claude" / "projects" / project / f"{NAME}.jsonl"
    file.parent.mkdir(parents=True)
    lines = [json.dumps(entry(uuid)) for uuid in ("1", "2", "3", "4")]
    file.write_text("\n".join([*lines, '{"torn']), encoding="utf-8")
    made = mirror(store, env, told)
    await made.bring(NAME, work)
    await made.drain()
    assert [each["uuid"] for each in store.kept[project, NAME]] == (["1", "3", "2", "4"] if known else list("1234"))
    assert file.read_text(encoding="utf-8").startswith(lines[0]), "the file stays"


async def test_a_file_is_brought_where_it_is_missing_or_behind(
    tmp_path: Path, env: dict[str, str], told: list[str]
) -> None:
    store = WithSubkeys()
    work = tmp_path / "work"
    work.mkdir()
    project = session_store.places.project_key(work)
    store.kept[project, NAME] = [entry("1"), entry("2")]
    store.kept[project, NAME, "subagents/agent-x"] = [entry("3")]
    store.kept[project, NAME, "../../evil"] = [entry("4")]
    made = mirror(store, env, told)
    await made.bring(NAME, work)
    folder = tmp_path / "claude" / "projects" / project
    file = folder / f"{NAME}.jsonl"
    assert file.read_text(encoding="utf-8").startswith('{"type":"user","uuid":"1"}\n')
    assert file.stat().st_mode & 0o777 == 0o600
    assert (folder / NAME / "subagents" / "agent-x.jsonl").exists()
    assert sorted(path.name for path in tmp_path.rglob("*.jsonl")) == [f"{NAME}.jsonl", "agent-x.jsonl"]

    store.kept[project, NAME].append(entry("5"))
    await made.bring(NAME, None)
    assert len(file.read_text(encoding="utf-8").splitlines()) == 3
    file.write_text(file.read_text(encoding="utf-8") + json.dumps(entry("6")) + "\n", encoding="utf-8")
    store.kept[project, NAME].append(entry("7"))
    await made.bring(NAME, None)
    assert '"6"' in file.read_text(encoding="utf-8"), "a file that went on here stays"


async def test_nothing_is_brought_that_the_store_has_not_or_that_is_no_session(
    tmp_path: Path, env: dict[str, str], told: list[str]
) -> None:
    made = mirror(Store(), env, told)
    for name in (NAME, "../../etc"):
        await made.bring(name, tmp_path)
    assert not (tmp_path / "claude").exists()


async def test_a_store_that_cannot_list_is_taken_without_its_sub_agents(
    tmp_path: Path, env: dict[str, str], told: list[str]
) -> None:
    class Half(Store):
        async def list_subkeys(self, key: Any) -> list[str]:
            raise NotImplementedError

    store = Half()
    store.kept[session_store.places.project_key(tmp_path), NAME] = [entry("1")]
    await mirror(store, env, told).bring(NAME, tmp_path)
    assert len(list(tmp_path.rglob("*.jsonl"))) == 1


async def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, env: dict[str, str], told: list[str]) -> None:
    (tmp_path / "claude").touch()
    store = Store()
    store.kept[session_store.places.project_key(tmp_path), NAME] = [entry("1")]
    with pytest.raises(AgentError, match="cannot be written to") as caught:
        await mirror(store, env, told).bring(NAME, tmp_path)
    assert caught.value.code == "session_store_failed"


def test_what_is_no_store_is_refused(env: dict[str, str], told: list[str]) -> None:
    with pytest.raises(InvalidRequestError, match=r"must have append\(\) and load\(\), and object has not"):
        mirror(object(), env, told)


async def test_a_sub_agent_is_brought_with_the_note_that_says_what_started_it(
    tmp_path: Path, env: dict[str, str], told: list[str]
) -> None:
    store = WithSubkeys()
    project = session_store.places.project_key(tmp_path)
    store.kept[project, NAME] = [entry("1")]
    notes = [{"type": "agent_metadata", "toolUseId": use, "agentType": "helper"} for use in ("old", "new")]
    store.kept[project, NAME, "subagents/agent-x"] = [notes[0], entry("2"), notes[1]]
    await mirror(store, env, told).bring(NAME, tmp_path)
    agents = tmp_path / "claude" / "projects" / project / NAME / "subagents"
    assert (agents / "agent-x.jsonl").read_text(encoding="utf-8") == '{"type":"user","uuid":"2"}\n'
    note = json.loads((agents / "agent-x.meta.json").read_text(encoding="utf-8"))
    assert note == {"toolUseId": "new", "agentType": "helper"}


async def test_what_is_read_of_a_session_is_removed_also_where_reading_fails(
    tmp_path: Path, env: dict[str, str], told: list[str]
) -> None:
    store = Store()
    store.kept[session_store.places.project_key(tmp_path), NAME] = [
        {**entry("1"), "timestamp": "2026-11-01T00:00:00.000Z"},
        {"type": "tag", "tag": "x"},
    ]
    made = mirror(store, env, told)
    seen: list[Path] = []

    def reading(path: Path) -> float:
        seen.append(path)
        return path.stat().st_mtime

    def failing(path: Path) -> None:
        seen.append(path)
        raise InvalidRequestError("no")

    assert await made.read(NAME, tmp_path, reading) == 1793491200
    with pytest.raises(InvalidRequestError):
        await made.read(NAME, tmp_path, failing)
    assert len(seen) == 2
    assert not any(path.exists() or path.parents[2].exists() for path in seen)
    for name, work in ((NAME, tmp_path / "elsewhere"), ("../../etc", tmp_path)):
        assert await made.read(name, work, reading) is None
