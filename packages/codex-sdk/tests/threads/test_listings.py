from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_core import AgentError, ChatModel, SessionPage, StoredSession, UnsupportedOptionError
from agent_sdk_testing import FakeCodex, FakeRequest
from codex_sdk import protocol
from codex_sdk.backend import CodexBackend

pytestmark = pytest.mark.anyio

_EFFORTS = [{"reasoningEffort": "low", "description": ""}, {"reasoningEffort": None}, {}]
_NOTHING: dict[str, object] = {}
_MODEL = {
    "id": "m-id", "model": "m", "displayName": "M", "description": "Fast.", "isDefault": True,
    "supportedReasoningEfforts": _EFFORTS, "defaultReasoningEffort": "low", "inputModalities": ["text", "image"],
}  # fmt: skip


async def test_models_come_from_every_page(fake: FakeCodex, backend: CodexBackend) -> None:
    def answer(request: FakeRequest) -> None:
        protocol.ModelListParams.model_validate(request.params)
        if request.params.get("cursor") is None:
            request.answer({"data": [_MODEL], "nextCursor": "2"})
        else:
            request.answer({"data": [{"id": "bare"}], "nextCursor": None})

    with anyio.fail_after(30):
        fake.on("model/list", answer)
        first, second = await backend.list_models()
        assert first == ChatModel(
            "m", "M", "codex", "Fast.", is_default=True, efforts=("low",), default_effort="low",
            input_modalities=("text", "image"),
        )  # fmt: skip
        assert second == ChatModel("bare", "bare", "codex")


async def test_a_model_without_anything_is_still_listed(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        fake.on("model/list", lambda request: request.answer({"data": [_NOTHING]}))
        assert await backend.list_models() == [ChatModel("", "", "codex")]


async def test_no_models_are_no_models(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        fake.on("model/list", lambda request: request.answer({"data": None}))
        assert await backend.list_models() == []


async def test_sessions_are_a_page_with_a_cursor(
    fake: FakeCodex, backend: CodexBackend, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = [
        {"id": "1", "name": "Named", "preview": "hi", "cwd": "/project", "createdAt": 1, "updatedAt": 2},
        {"id": "2", "name": None, "preview": "hello"},
        {"id": "3"},
    ]
    with anyio.fail_after(30):
        fake.on("thread/list", lambda request: request.answer({"data": threads, "nextCursor": "next"}))
        page = await backend.list_sessions()
        assert page.sessions == (
            StoredSession("1", "Named", "/project", 1, 2, first_prompt="hi"),
            StoredSession("2", "hello", first_prompt="hello"),
            StoredSession("3"),
        )
        assert page.cursor == "next"
        monkeypatch.chdir(workspace.parent)
        await backend.list_sessions(cwd=workspace.name, limit=5, cursor="next")
        for request in fake.requests:
            if request.method == "thread/list":
                protocol.ThreadListParams.model_validate(request.params)
        assert (await fake.request("thread/list")).params == {
            "limit": 50, "sortKey": "updated_at", "sortDirection": "desc"
        }  # fmt: skip
        params = (await fake.request("thread/list", 2)).params
        assert (params["cwd"], params["limit"], params["cursor"]) == (str(workspace), 5, "next")


@pytest.mark.parametrize("method", ["thread/list", "thread/search"])
async def test_a_page_of_more_than_codex_tells_at_once_takes_several_answers(
    fake: FakeCodex, backend: CodexBackend, method: str
) -> None:
    def answer(request: FakeRequest) -> None:
        first = int(request.params.get("cursor", 0))
        last = min(first + min(request.params["limit"], 100), 320)
        threads: list[dict[str, Any]] = [{"id": str(number)} for number in range(first, last)]
        data = threads if method == "thread/list" else [{"thread": thread} for thread in threads]
        request.answer({"data": data, "nextCursor": str(last) if last < 320 else None})

    async def page_of(limit: int, cursor: str | None = None) -> SessionPage:
        if method == "thread/list":
            return await backend.list_sessions(limit=limit, cursor=cursor)
        return await backend.search_sessions("heron", limit=limit, cursor=cursor)

    with anyio.fail_after(60):
        fake.on(method, answer)
        page = await page_of(250)
        assert ([each.session_id for each in page], page.cursor) == ([str(number) for number in range(250)], "250")
        rest = await page_of(250, page.cursor)
        assert ([each.session_id for each in rest], rest.cursor) == ([str(number) for number in range(250, 320)], None)
    assert [request.params["limit"] for request in fake.requests if request.method == method] == [100, 100, 50, 100]


def by_time(times: Sequence[int]) -> Callable[[FakeRequest], None]:
    """Answer as Codex does, whose cursor is the time of the last: what has a time is listed by that, newest first."""

    def moment(time: int) -> str:
        return f"2026-01-01T00:00:00.{time:03}Z"

    def answer(request: FakeRequest) -> None:
        threads = sorted(enumerate(times), key=lambda each: -each[1])
        left = [each for each in threads if moment(each[1]) < request.params.get("cursor", "3")]
        page = left[: min(request.params["limit"], 100)]
        following = moment(page[-1][1]) if len(left) > len(page) else None
        request.answer({"data": [{"id": str(number)} for number, _ in page], "nextCursor": following})

    return answer


@pytest.mark.parametrize("tied", [1, 3, 70, 99])
@pytest.mark.parametrize("limit", [1, 60, 150])
async def test_sessions_of_one_moment_are_all_listed_once(
    fake: FakeCodex, backend: CodexBackend, tied: int, limit: int
) -> None:
    times = [number // tied for number in range(300 if limit > 1 else 40)]
    fake.on("thread/list", by_time(times))
    listed: list[str] = []
    cursor: str | None = None
    with anyio.fail_after(60):
        while cursor is not None or not listed:
            page = await backend.list_sessions(limit=limit, cursor=cursor)
            assert len(page) <= limit
            listed += [each.session_id for each in page]
            cursor = page.cursor
    assert len(listed) == len(times)
    assert len(set(listed)) == len(times)


async def test_a_walk_goes_on_where_the_last_session_is_gone_or_a_moment_has_more_than_an_answer(
    fake: FakeCodex, backend: CodexBackend
) -> None:
    fake.on("thread/list", by_time([3, 2, 2, 1]))
    with anyio.fail_after(30):
        gone = await backend.list_sessions(limit=2, cursor="2026-01-01T00:00:00.002Z gone")
        assert [each.session_id for each in gone] == ["1", "2"]
        fake.on("thread/list", by_time([*[2] * 150, 1]))
        page = await backend.list_sessions(limit=100)
        rest = await backend.list_sessions(limit=100, cursor=page.cursor)
        assert [each.session_id for each in rest] == ["150"]


async def test_no_sessions_are_an_empty_page(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        fake.on("thread/list", lambda request: request.answer({}))
        page = await backend.list_sessions()
        assert (page.sessions, page.cursor) == ((), None)


async def test_a_search_is_a_page_with_snippets(fake: FakeCodex, backend: CodexBackend) -> None:
    found: list[dict[str, Any]] = [
        {"thread": {"id": "1", "preview": "hi"}, "snippet": "a heron"},
        {"thread": {}},
        {"thread": {"id": "2"}},
    ]
    with anyio.fail_after(30):
        fake.on("thread/search", lambda request: request.answer({"data": found, "nextCursor": "next"}))
        page = await backend.search_sessions("heron", limit=3, cursor="here")
        assert page.sessions == (
            StoredSession("1", "hi", first_prompt="hi", snippet="a heron"),
            StoredSession("2"),
        )
        assert page.cursor == "next"
        params = (await fake.request("thread/search")).params
        protocol.ThreadSearchParams.model_validate(params)
        assert (params["searchTerm"], params["limit"], params["cursor"]) == ("heron", 3, "here")


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        ("Invalid request: unknown variant `thread/search`, expected one of …", UnsupportedOptionError),
        ("the index is damaged", AgentError),
    ],
)
async def test_a_codex_without_a_search_says_so(
    fake: FakeCodex, backend: CodexBackend, refusal: str, error: type[AgentError]
) -> None:
    with anyio.fail_after(30):
        fake.on("thread/search", lambda request: request.refuse(refusal))
        with pytest.raises(error) as caught:
            await backend.search_sessions("heron")
        assert ("too old" in caught.value.message) is (error is UnsupportedOptionError)
