from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    AgentError,
    AssistantMessage,
    FrameTooLargeError,
    InvalidRequestError,
    ProtocolError,
    SessionNotFoundError,
    UserMessage,
)
from agent_sdk_core.rpc.jsonrpc import Peer
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.transport.framing import OversizedLine
from agent_sdk_testing import FakeCodex, FakeRequest
from codex_sdk import protocol
from codex_sdk.backend import CodexBackend
from codex_sdk.normalizer import ThreadFacts
from codex_sdk.threads import history
from codex_sdk.threads.rejoining import latest_turns

pytestmark = pytest.mark.anyio

LIST, READ = "thread/turns/list", "thread/read"


def turn(number: int) -> dict[str, Any]:
    text: list[dict[str, Any]] = [{"type": "text", "text": f"question {number}", "text_elements": []}]
    items: list[dict[str, Any]] = [
        {"type": "userMessage", "id": f"u{number}", "clientId": None, "content": text},
        {"type": "agentMessage", "id": f"a{number}", "text": f"answer {number}"},
    ]
    return {"id": f"turn-{number}", "status": "completed", "items": items, "itemsView": "full", "error": None}


def pages_of(total: int) -> Callable[[FakeRequest], None]:
    """Answer with turns as codex does: at most `limit` of them, from the one that the cursor names."""

    def answer(request: FakeRequest) -> None:
        protocol.ThreadTurnsListParams.model_validate(request.params)
        first = int(request.params.get("cursor", 0))
        last = min(first + request.params["limit"], total)
        cursor = str(last) if last < total else None
        request.answer({"data": [turn(number) for number in range(first, last)], "nextCursor": cursor})

    return answer


def said(messages: Any) -> list[str]:
    return [message.text for message in messages if isinstance(message, AssistantMessage)]


async def test_all_turns_are_read_page_by_page(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        fake.on(LIST, pages_of(120))
        history = await backend.read_history("thread-9")
        assert said(history) == [f"answer {number}" for number in range(120)]
        assert history.cursor is None
        assert isinstance(history[0], UserMessage)
        assert [request.params["limit"] for request in fake.requests if request.method == LIST] == [10] * 12


async def test_a_limited_page_tells_where_the_next_one_begins(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        fake.on(LIST, pages_of(5))
        first = await backend.read_history("thread-9", limit=3)
        second = await backend.read_history("thread-9", limit=3, cursor=first.cursor)
        assert (said(first), first.cursor) == (["answer 0", "answer 1", "answer 2"], "3")
        assert (said(second), second.cursor) == (["answer 3", "answer 4"], None)


async def test_a_limit_beyond_one_page_takes_several(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        fake.on(LIST, pages_of(200))
        history = await backend.read_history("thread-9", limit=70)
        assert (len(said(history)), history.cursor) == (70, "70")


async def test_a_session_reads_its_own_thread(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        fake.on(LIST, pages_of(1))
        async with await backend.create_session() as session:
            assert said(await session.history()) == ["answer 0"]
            assert (await fake.request(LIST)).params["threadId"] == session.session_id


async def test_a_store_without_pages_is_read_as_a_whole(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        fake.on(LIST, lambda request: request.refuse("no such method", code=-32601))
        fake.on(READ, lambda request: request.answer({"thread": {"turns": [turn(0), turn(1)]}}))
        history = await backend.read_history("thread-9")
        assert (said(history), history.cursor) == (["answer 0", "answer 1"], None)
        assert (await fake.request(READ, 1)).params == {"threadId": "thread-9", "includeTurns": False}
        assert (await fake.request(READ, 2)).params == {"threadId": "thread-9", "includeTurns": True}


@pytest.mark.parametrize("answer", [{}, {"thread": {}}, {"thread": {"turns": None}}])
async def test_a_whole_thread_without_turns_is_empty(
    fake: FakeCodex, backend: CodexBackend, answer: dict[str, Any]
) -> None:
    with anyio.fail_after(30):
        fake.on(LIST, lambda request: request.refuse("no such method", code=-32601))
        fake.on(READ, lambda request: request.answer(answer))
        assert len(await backend.read_history("thread-9")) == 0


async def test_a_store_that_fails_in_the_middle_is_an_error_and_no_short_history(
    fake: FakeCodex, backend: CodexBackend
) -> None:
    def answer(request: FakeRequest) -> None:
        if "cursor" in request.params:
            request.refuse("no such method", code=-32601)
        else:
            request.answer({"data": [turn(0)], "nextCursor": "1"})

    with anyio.fail_after(30):
        fake.on(LIST, answer)
        with pytest.raises(ProtocolError):
            await backend.read_history("thread-9")


async def test_messages_are_told_with_what_is_known_of_the_thread(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        fake.on(READ, lambda request: request.answer({"thread": {"id": "thread-9", "model": "m"}}))
        fake.on(LIST, pages_of(1))
        answers = [
            message for message in await backend.read_history("thread-9") if isinstance(message, AssistantMessage)
        ]
        assert [(message.session_id, message.message.model) for message in answers] == [("thread-9", "m")]


@pytest.mark.parametrize("answer", [[], {}, {"thread": {"id": ""}}])
async def test_a_thread_of_which_nothing_is_known_is_read_all_the_same(
    fake: FakeCodex, backend: CodexBackend, answer: object
) -> None:
    with anyio.fail_after(30):
        fake.on(READ, lambda request: request.answer(answer))
        fake.on(LIST, pages_of(1))
        history = await backend.read_history("thread-9")
        assert (said(history), history[0].session_id) == (["answer 0"], "thread-9")


@pytest.mark.parametrize("method", [READ, LIST])
async def test_a_session_that_is_not_stored_is_not_found(fake: FakeCodex, backend: CodexBackend, method: str) -> None:
    with anyio.fail_after(30):
        fake.on(method, lambda request: request.refuse("no rollout found for thread id x"))
        with pytest.raises(SessionNotFoundError, match="thread-9"):
            await backend.read_history("thread-9")


async def test_an_empty_page_is_an_empty_history(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        fake.on(LIST, lambda request: request.answer({"data": None}))
        assert len(await backend.read_history("thread-9")) == 0


FILE = "/sessions/rollout-1-thread-9.jsonl"


def thread(**fields: Any) -> dict[str, Any]:
    return {"id": "thread-9", "historyMode": "paginated", "preview": "question 0", "path": FILE, **fields}


async def test_turns_that_the_database_lost_are_told_and_are_no_empty_history(
    fake: FakeCodex, backend: CodexBackend
) -> None:
    with anyio.fail_after(30):
        fake.on(READ, lambda request: request.answer({"thread": thread()}))
        fake.on(LIST, pages_of(0))
        with pytest.raises(AgentError, match=f"has them, {FILE}. Resume the session once") as caught:
            await backend.read_history("thread-9")
        assert caught.value.code == "storage_damaged"


@pytest.mark.parametrize(
    "fields",
    [{"preview": ""}, {"path": None}, {"historyMode": "legacy"}, {"path": "/sessions/rollout-1-thread-9_rev-2.jsonl"}],
)
async def test_a_thread_in_whose_file_nothing_is_said_has_an_empty_history(
    fake: FakeCodex, backend: CodexBackend, fields: dict[str, Any]
) -> None:
    with anyio.fail_after(30):
        fake.on(READ, lambda request: request.answer({"thread": thread(**fields), "readState": {"firstUnread": None}}))
        fake.on(LIST, pages_of(0))
        assert len(await backend.read_history("thread-9")) == 0


async def test_a_session_without_a_turn_has_no_messages(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        async with await backend.create_session() as session:
            fake.on(LIST, lambda request: request.refuse("thread 1 is not materialized yet"))
            assert len(await session.history()) == 0
            fake.on(LIST, lambda request: request.refuse("limit is wrong"))
            with pytest.raises(InvalidRequestError, match="limit is wrong"):
                await session.history()


async def test_a_session_of_which_the_index_alone_tells_is_not_found(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        fake.on(READ, lambda request: request.answer({"thread": thread()}))
        assert (await backend.session_info("thread-9")).first_prompt == "question 0"
        fake.on(LIST, lambda request: request.refuse("no database", code=-32603))
        assert (await backend.session_info("thread-9")).first_prompt == "question 0"
        fake.on(LIST, lambda request: request.refuse("no rollout found for thread id x"))
        with pytest.raises(SessionNotFoundError, match="thread-9"):
            await backend.session_info("thread-9")


class FatThread:
    """An app-server whose answer is too long to be read where it has more than so many turns.

    Attributes:
        asked: How many turns each request wanted.
    """

    def __init__(self, total: int, most: Callable[[int], int]) -> None:
        self.asked: list[int] = []
        self._total = total
        self._most = most
        self.peer = Peer(self._write, Receiver())

    async def _write(self, line: bytes) -> None:
        message: Any = json.loads(line)
        if message["method"] != LIST:
            self._drop(message)
            return
        first, limit = int(message["params"].get("cursor", 0)), message["params"]["limit"]
        self.asked.append(limit)
        last = min(first + limit, self._total)
        if last - first > self._most(first):
            self._drop(message)
            return
        cursor = str(last) if last < self._total else None
        result = {"data": [turn(number) for number in range(first, last)], "nextCursor": cursor}
        self.peer.receive([{"id": message["id"], "result": result}])

    def _drop(self, message: Any) -> None:
        self.peer.drop(OversizedLine(70 << 20, b'{"id":%d,"result":{"data":[' % message["id"]))


async def test_turns_that_are_too_long_together_are_read_in_smaller_pages() -> None:
    fat = FatThread(12, lambda first: 3 if first < 4 else 10)
    with anyio.fail_after(60):
        read = await history.read_history(fat.peer, ThreadFacts("thread-9"), limit=None, cursor=None)
    assert (said(read), read.cursor) == ([f"answer {number}" for number in range(12)], None)
    assert fat.asked == [10, 5, 2, 2, 2, 2, 2, 2]


async def test_a_page_keeps_its_limit_where_it_takes_more_answers() -> None:
    fat = FatThread(12, lambda first: 2)
    with anyio.fail_after(60):
        read = await history.read_history(fat.peer, ThreadFacts("thread-9"), limit=5, cursor="4")
    assert (said(read), read.cursor) == ([f"answer {number}" for number in range(4, 9)], "9")


async def test_a_turn_that_is_too_long_by_itself_is_told_in_words_and_hides_no_page_before_it() -> None:
    fat = FatThread(4, lambda first: 0 if first == 3 else 10)
    with anyio.fail_after(60):
        read = await history.read_history(fat.peer, ThreadFacts("thread-9"), limit=3, cursor=None)
        assert (len(said(read)), read.cursor) == (3, "3")
        with pytest.raises(
            FrameTooLargeError, match=r"a turn of the session thread-9: .* 64 MiB that are read"
        ) as caught:
            await history.read_history(fat.peer, ThreadFacts("thread-9"), limit=3, cursor="3")
    assert (caught.value.details["size"], fat.asked) == (70 << 20, [3, 3, 1])


async def test_the_latest_turns_are_fewer_where_ten_are_too_long_together() -> None:
    fat = FatThread(12, lambda first: 2)
    with anyio.fail_after(60):
        assert len(await latest_turns(fat.peer, "thread-9")) == 2


async def test_a_thread_without_pages_that_is_too_long_is_told_in_words() -> None:
    peer: Peer

    async def write(line: bytes) -> None:
        message: Any = json.loads(line)
        if message["method"] == LIST:
            peer.receive([{"id": message["id"], "error": {"code": -32601, "message": "no such method"}}])
        else:
            peer.drop(OversizedLine(70 << 20, b'{"id":%d,"result":{' % message["id"]))

    peer = Peer(write, Receiver())
    with anyio.fail_after(60):
        with pytest.raises(FrameTooLargeError, match="what was said in the session thread-9"):
            await history.read_history(peer, ThreadFacts("thread-9"), limit=None, cursor=None)
