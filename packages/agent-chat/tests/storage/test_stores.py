"""What every store does, whatever keeps it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agent_chat.storage.errors import (
    ChatBusyError,
    ChatNotFoundError,
    LeaseLostError,
    StoreClosedError,
    StoreError,
)
from agent_chat.storage.interface import ChatStore
from agent_chat.storage.records import ChatMeta, ChatReference, RetentionPolicy, StoredPrompt
from agent_sdk_core import ContextWindow, InvalidRequestError, TextBlock, Usage
from agent_sdk_core.messages.conversation import AssistantMessage

pytestmark = pytest.mark.anyio


def said(text: str, *, uuid: str | None = None, by: str = "assistant") -> dict[str, object]:
    """Return a message as it crosses the wire."""
    content: object = text if by == "user" else [{"type": "text", "text": text}]
    return {"type": by, "uuid": uuid, "session_id": "session-1", "message": {"role": by, "content": content}}


async def fill(store: ChatStore, chat_id: str, number: int, start: int = 1) -> None:
    await store.append(chat_id, [said(f"message {n}", uuid=f"{chat_id}-{n}") for n in range(start, start + number)])


async def test_a_chat_comes_back_as_it_was_stored(store: ChatStore) -> None:
    given = ChatMeta(
        "chat-ü",
        title="Ein „Titel“ 🎉",
        backend="claude",
        model="sonnet",
        effort="high",
        permission_mode="plan",
        sandbox="read_only",
        cwd="/project/src",
        workspace="/project",
        last_session_id="session-2",
        lineage=("session-0", "session-1"),
        created_at=1000.5,
        last_active_at=2000.25,
        usage=Usage(input_tokens=3, output_tokens=4, cache_read_input_tokens=5),
        context=ContextWindow(10, 200),
        tags=("a", "b c"),
    )
    assert await store.create_chat(given) == given
    assert await store.get_chat("chat-ü") == given


async def test_a_new_chat_gets_its_times(store: ChatStore) -> None:
    made = await store.create_chat(ChatMeta("chat-1"))
    assert made.created_at == made.last_active_at > 1_600_000_000


async def test_a_chat_is_stored_once(store: ChatStore, chat: ChatMeta) -> None:
    with pytest.raises(StoreError, match="already") as caught:
        await store.create_chat(chat)
    assert caught.value.code == "chat_exists"


async def test_a_chat_needs_an_id(store: ChatStore) -> None:
    with pytest.raises(InvalidRequestError, match="needs an id"):
        await store.create_chat(ChatMeta(" "))


async def test_a_chat_that_is_not_there_is_told_at_every_call(store: ChatStore) -> None:
    for call in (
        store.get_chat("nobody"),
        store.update_chat("nobody", title="x"),
        store.delete_chat("nobody"),
        store.append("nobody", [said("x")]),
        store.append("nobody", []),
        store.read_messages("nobody"),
        store.search("x", chat_id="nobody"),
        store.set_draft("nobody", "x"),
        store.draft("nobody"),
        store.mark_read("nobody", 1),
        store.read_mark("nobody"),
        store.put_prompt("nobody", StoredPrompt("1", "x")),
        store.move_prompt("nobody", "1", "ended"),
        store.prompts("nobody"),
        store.remember("/project", ChatReference("nobody")),
        store.acquire("nobody"),
        store.holder("nobody"),
    ):
        with pytest.raises(ChatNotFoundError, match="nobody"):
            await call


async def test_chats_are_listed_those_used_last_first_page_by_page(store: ChatStore) -> None:
    for number in range(7):
        await store.create_chat(ChatMeta(f"chat-{number}", last_active_at=float(1000 + number // 2), created_at=1.0))
    seen: list[str] = []
    cursor = None
    while True:
        page = await store.list_chats(limit=2, cursor=cursor)
        seen += [chat.id for chat in page]
        if (cursor := page.cursor) is None:
            break
    assert seen == ["chat-6", "chat-5", "chat-4", "chat-3", "chat-2", "chat-1", "chat-0"]


async def test_chats_are_listed_by_what_they_are(store: ChatStore, chat: ChatMeta) -> None:
    await store.create_chat(ChatMeta("other", backend="claude", workspace="/else", tags=("50%", "x_y"), archived=True))
    await store.create_chat(ChatMeta("third", last_session_id="s-2", lineage=("s-1",), tags=("xzy",)))

    async def ids(**wanted: object) -> list[str]:
        return sorted(each.id for each in await store.list_chats(**wanted))  # type: ignore[arg-type]  # filters by name

    assert await ids() == ["chat-1", "third"]
    assert await ids(archived=None) == ["chat-1", "other", "third"]
    assert await ids(archived=True) == ["other"]
    assert await ids(workspace="/project") == ["chat-1"]
    assert await ids(backend="claude", archived=None) == ["other"]
    assert await ids(tag="x_y", archived=None) == ["other"]
    assert await ids(tag="50%", archived=None) == ["other"]
    assert await ids(tag="50", archived=None) == []
    assert await ids(session_id="s-1") == ["third"]
    assert await ids(session_id="s-2") == ["third"]
    assert await ids(session_id="s") == []


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_page_of_nothing_is_refused(store: ChatStore, chat: ChatMeta, limit: int) -> None:
    for call in (
        store.list_chats(limit=limit),
        store.read_messages(chat.id, limit=limit),
        store.search("x", limit=limit),
    ):
        with pytest.raises(InvalidRequestError, match="greater than 0"):
            await call


@pytest.mark.parametrize("cursor", ["x", "", "nobody~1"])
async def test_a_cursor_of_no_page_is_refused(store: ChatStore, cursor: str) -> None:
    for call in (store.list_chats(cursor=cursor), store.search("x", cursor=cursor)):
        with pytest.raises(InvalidRequestError, match="cursor of no page"):
            await call


async def test_a_chat_changes_and_the_session_that_is_replaced_goes_into_its_lineage(
    store: ChatStore, chat: ChatMeta
) -> None:
    await store.update_chat(chat.id, last_session_id="a", title="New", tags=("x",), usage=Usage(input_tokens=1))
    await store.update_chat(chat.id, last_session_id="b")
    changed = await store.update_chat(chat.id, last_session_id="c", archived=True)
    assert changed == await store.get_chat(chat.id)
    assert changed == replace(
        chat,
        title="New",
        tags=("x",),
        usage=Usage(input_tokens=1),
        last_session_id="c",
        lineage=("a", "b"),
        archived=True,
    )
    assert (await store.update_chat(chat.id, last_session_id="a")).lineage == ("b", "c")
    assert (await store.update_chat(chat.id, last_session_id="a")).lineage == ("b", "c")
    assert (await store.update_chat(chat.id, last_session_id=None)).lineage == ("b", "c", "a")


async def test_what_cannot_be_changed_is_refused_with_the_nearest_name(store: ChatStore, chat: ChatMeta) -> None:
    with pytest.raises(InvalidRequestError, match="did you mean 'title'"):
        await store.update_chat(chat.id, titel="x")  # type: ignore[call-arg]  # what is refused
    with pytest.raises(InvalidRequestError, match="'last_seq' cannot be changed"):
        await store.update_chat(chat.id, last_seq=3)  # type: ignore[call-arg]  # what is refused
    with pytest.raises(InvalidRequestError, match="'title' cannot be of type int"):
        await store.update_chat(chat.id, title=3)  # type: ignore[arg-type]  # what is refused
    assert await store.get_chat(chat.id) == chat


async def test_messages_are_numbered_without_gaps_and_come_back_as_they_were(store: ChatStore, chat: ChatMeta) -> None:
    odd = {
        "type": "user",
        "uuid": None,
        "message": {"content": "NUL \0, half \ud83d, 🎉, \u2028"},
        "n": 1.5,
        "x": [None],
    }
    assert await store.append(chat.id, [said("one"), odd]) == (1, 2)
    assert await store.append(chat.id, []) == ()
    assert await store.append(chat.id, [said("three", uuid="u-3")], at=5_000_000_000.25) == (3,)
    page = await store.read_messages(chat.id)
    assert [each.seq for each in page] == [1, 2, 3]
    assert page.cursor is None
    assert page[0].body == said("one")
    assert page[1].body == odd | {"message": {"content": "NUL \0, half \ufffd, 🎉, \u2028"}}
    assert (page[2].at, page[2].uuid, page[2].chat_id) == (5_000_000_000.25, "u-3", chat.id)
    now = await store.get_chat(chat.id)
    assert (now.last_seq, now.last_active_at) == (3, 5_000_000_000.25)


async def test_a_message_of_the_sdk_goes_in_and_comes_out(store: ChatStore, chat: ChatMeta) -> None:
    message = AssistantMessage.model_validate(said("hello", uuid="u"))
    await store.append(chat.id, [message])
    (stored,) = await store.read_messages(chat.id)
    assert stored.message() == message
    assert isinstance(stored.message(), AssistantMessage)
    assert isinstance(message.content[0], TextBlock)


async def test_a_message_is_written_once_however_often_it_is_sent(store: ChatStore, chat: ChatMeta) -> None:
    await store.append(chat.id, [said("one", uuid="u-1"), said("two", uuid="u-2")])
    again = [said("two", uuid="u-2"), said("three", uuid="u-3"), said("three", uuid="u-3"), said("?"), said("?")]
    assert await store.append(chat.id, again) == (2, 3, 3, 4, 5)
    assert (await store.get_chat(chat.id)).last_seq == 5
    await store.create_chat(ChatMeta("other"))
    assert await store.append("other", [said("one", uuid="u-1")]) == (1,)


async def test_what_json_cannot_hold_is_refused_and_nothing_is_written(store: ChatStore, chat: ChatMeta) -> None:
    with pytest.raises(InvalidRequestError, match="cannot be stored"):
        await store.append(chat.id, [said("one"), {"type": "user", "x": object()}])
    with pytest.raises(InvalidRequestError, match="1 messages and 2 times"):
        await store.append(chat.id, [said("one")], at=[1.0, 2.0])
    assert len(await store.read_messages(chat.id)) == 0


async def test_an_old_time_does_not_make_a_chat_older(store: ChatStore, chat: ChatMeta) -> None:
    await store.append(chat.id, [said("one"), said("two")], at=[5.0, 6.0])
    assert [each.at for each in await store.read_messages(chat.id)] == [5.0, 6.0]
    assert (await store.get_chat(chat.id)).last_active_at == chat.last_active_at


async def test_the_log_is_read_from_its_end_and_from_any_number(store: ChatStore, chat: ChatMeta) -> None:
    await fill(store, chat.id, 10)

    async def seqs(**wanted: int) -> tuple[list[int], str | None]:
        page = await store.read_messages(chat.id, **wanted)
        return [each.seq for each in page], page.cursor

    assert await seqs(limit=3) == ([8, 9, 10], "8")
    assert await seqs(limit=3, before=8) == ([5, 6, 7], "5")
    assert await seqs(limit=4, before=5) == ([1, 2, 3, 4], None)
    assert await seqs(limit=3, before=99) == ([8, 9, 10], "8")
    assert await seqs(before=1) == ([], None)
    assert await seqs(limit=3, after=0) == ([1, 2, 3], "3")
    assert await seqs(limit=3, after=8) == ([9, 10], None)
    assert await seqs(limit=2, after=8) == ([9, 10], None)
    assert await seqs(after=10) == ([], None)
    with pytest.raises(InvalidRequestError, match="not both"):
        await store.read_messages(chat.id, after=1, before=2)


async def test_appends_at_once_are_all_written_in_whole_pieces(store: ChatStore, chat: ChatMeta) -> None:
    numbers = await asyncio.gather(
        *(store.append(chat.id, [said(f"{n} first"), said(f"{n} second")]) for n in range(50))
    )
    assert sorted(each for pair in numbers for each in pair) == list(range(1, 101))
    assert all(second == first + 1 for first, second in numbers)


async def test_a_search_finds_the_newest_first(store: ChatStore, chat: ChatMeta) -> None:
    await store.append(chat.id, [said(f"common word {n}") for n in range(5)], at=[10.0, 50.0, 30.0, 40.0, 20.0])
    page = await store.search("common", limit=3)
    assert [hit.seq for hit in page] == [2, 4, 3]
    rest = await store.search("common", limit=3, cursor=page.cursor)
    assert [hit.seq for hit in rest] == [5, 1]
    assert rest.cursor is None
    assert (page[0].chat_id, page[0].at, page[0].type, page[0].snippet) == (chat.id, 50.0, "assistant", "common word 1")


async def test_a_search_finds_what_is_rare_old_and_everywhere(store: ChatStore, chat: ChatMeta) -> None:
    bodies = [said(f"common {'needle' if n % 1000 == 7 else n}") for n in range(4500)]
    await store.append(chat.id, bodies, at=[float(n) for n in range(4500)])
    assert [hit.seq for hit in await store.search("needle")] == [4008, 3008, 2008, 1008, 8]
    page = await store.search("needle", limit=2)
    assert [hit.seq for hit in await store.search("needle", limit=9, cursor=page.cursor)] == [2008, 1008, 8]
    assert [hit.seq for hit in await store.search("common", limit=2)] == [4500, 4499]
    assert [hit.seq for hit in await store.search("common 5", workspace="/project")] == [6]
    assert [hit.seq for hit in await store.search("needle", chat_id=chat.id, limit=1)] == [4008]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("apple", [1]),
        ("APPLE pie", [1]),
        ("pie apple", [1]),
        ('"pie apple"', []),
        ('"apple pie"', [1]),
        ("app", []),
        ("app*", [1, 4]),
        ("creme", [2]),
        ("CRÈME brulee", [2]),
        ("ls", [3]),
        ("secret", []),
        ("NEAR OR AND", []),
        ("or", [5]),
        ("col:umn", []),
        ("it's", [5]),
        ("100%", [5]),
        ("under_score", [5]),
        ("привет", [6]),
        ("nul", [7]),
        ("'; DROP TABLE messages; --", []),
        ('"unclosed apple pie', []),
        ("apple -pie", [1]),
        ("(apple)", [1]),
    ],
)
async def test_a_search_knows_words_phrases_and_beginnings(
    store: ChatStore, chat: ChatMeta, wanted: str, found: list[int]
) -> None:
    await store.append(
        chat.id,
        [
            said("An apple pie", by="user"),
            said("Crème Brûlée"),
            {
                "type": "assistant",
                "message": {
                    "content": [
                        {"type": "tool_use", "name": "Bash", "input": {"command": "ls -la", "timeout": 3}},
                        {"type": "thinking", "thinking": "secret"},
                    ]
                },
            },
            said("Application"),
            said("it's this or 100% of under_score"),
            said("Привет"),
            said("a nul\0byte and half \ud83d"),
            {"type": "result", "result": "apple"},
            {"type": "user", "message": "apple"},
        ],
    )
    assert sorted(hit.seq for hit in await store.search(wanted)) == found


async def test_a_search_without_a_word_is_refused(store: ChatStore) -> None:
    for nothing in ("", "  ", "*", '"', "--"):
        with pytest.raises(InvalidRequestError, match="needs a word"):
            await store.search(nothing)


async def test_a_search_keeps_to_a_chat_and_to_a_workspace(store: ChatStore, chat: ChatMeta) -> None:
    await store.create_chat(ChatMeta("other", workspace="/else"))
    for chat_id in (chat.id, "other"):
        await store.append(chat_id, [said("needle")])
    assert [hit.chat_id for hit in await store.search("needle", chat_id="other")] == ["other"]
    assert [hit.chat_id for hit in await store.search("needle", workspace="/project")] == [chat.id]
    assert len(await store.search("needle")) == 2


async def test_a_long_message_is_shown_around_the_word(store: ChatStore, chat: ChatMeta) -> None:
    await store.append(chat.id, [said("left " * 200 + "\n\nneedle\t" + "right " * 200)])
    (hit,) = await store.search("needle")
    assert "left needle right" in hit.snippet
    assert len(hit.snippet) <= 202
    assert hit.snippet.startswith("…")
    assert hit.snippet.endswith("…")


async def test_drafts_are_kept_for_each_author(store: ChatStore, chat: ChatMeta) -> None:
    assert await store.draft(chat.id) == ""
    await store.set_draft(chat.id, "half a sent\0ence")
    await store.set_draft(chat.id, "hers", author="her")
    await store.set_draft(chat.id, "half a sentence")
    assert (await store.draft(chat.id), await store.draft(chat.id, author="her")) == ("half a sentence", "hers")
    await store.set_draft(chat.id, "")
    assert (await store.draft(chat.id), await store.draft(chat.id, author="her")) == ("", "hers")


async def test_a_read_mark_never_goes_back_nor_beyond_the_last_message(store: ChatStore, chat: ChatMeta) -> None:
    assert await store.mark_read(chat.id, 1) == 0
    await store.append(chat.id, [said(str(number)) for number in range(9)])
    assert await store.mark_read(chat.id, 5) == 5
    assert await store.mark_read(chat.id, 3) == 5
    assert await store.mark_read(chat.id, 10**30, reader="her") == 9
    assert (await store.read_mark(chat.id), await store.read_mark(chat.id, reader="him")) == (5, 0)


async def test_a_prompt_is_stored_and_sent_once(store: ChatStore, chat: ChatMeta) -> None:
    prompt = StoredPrompt("p-1", [{"type": "text", "text": "hi\0"}], at=5.0)
    assert await store.put_prompt(chat.id, prompt)
    assert not await store.put_prompt(chat.id, StoredPrompt("p-1", "else"))
    assert await store.put_prompt(chat.id, StoredPrompt("p-2", "later"))
    assert await store.prompts(chat.id, state="accepted") == (prompt, (await store.prompts(chat.id))[1])
    assert await asyncio.gather(*(store.move_prompt(chat.id, "p-1", "dispatched") for _ in range(3))) in (
        [True, False, False],
        [False, True, False],
        [False, False, True],
    )
    assert await store.move_prompt(chat.id, "p-1", "ended")
    assert not await store.move_prompt(chat.id, "p-1", "dispatched")
    assert not await store.move_prompt(chat.id, "p-9", "dispatched")
    assert [each.uuid for each in await store.prompts(chat.id, state="ended")] == ["p-1"]
    assert [each.uuid for each in await store.prompts(chat.id)] == ["p-1", "p-2"]


async def test_a_workspace_says_what_to_reopen(store: ChatStore, chat: ChatMeta) -> None:
    assert await store.reference("/project") is None
    await store.remember("/project", ChatReference(chat.id))
    await store.remember("/project", ChatReference(chat.id, "session-7"))
    await store.remember("/else", ChatReference(chat.id, "session-8"))
    assert await store.reference("/project") == ChatReference(chat.id, "session-7")
    await store.remember("/project", None)
    assert await store.reference("/project") is None
    await store.delete_chat(chat.id)
    assert await store.reference("/else") is None


async def test_a_deleted_chat_leaves_nothing(store: ChatStore, chat: ChatMeta) -> None:
    await store.append(chat.id, [said("needle", uuid="u")])
    await store.set_draft(chat.id, "x")
    await store.mark_read(chat.id, 1)
    await store.put_prompt(chat.id, StoredPrompt("p", "x"))
    await store.delete_chat(chat.id)
    assert len(await store.search("needle")) == 0
    await store.create_chat(chat)
    assert len(await store.read_messages(chat.id)) == 0
    assert (await store.draft(chat.id), await store.read_mark(chat.id), await store.prompts(chat.id)) == ("", 0, ())
    assert await store.append(chat.id, [said("needle", uuid="u")]) == (1,)


async def test_a_second_writer_is_told_who_holds_the_chat(store: ChatStore, chat: ChatMeta) -> None:
    lease = await store.acquire(chat.id, name="terminal")
    with pytest.raises(ChatBusyError, match="in use by terminal") as caught:
        await store.acquire(chat.id, name="web")
    assert caught.value.holder == lease.holder
    assert caught.value.retryable
    assert await store.holder(chat.id) == lease
    with pytest.raises(ChatBusyError):
        await store.delete_chat(chat.id)
    await store.release(lease)
    assert await store.holder(chat.id) is None
    second = await store.acquire(chat.id, name="web")
    assert second.generation == lease.generation + 1
    assert (await store.get_chat(chat.id)).generation == second.generation
    await store.release(lease)
    assert await store.holder(chat.id) == second


async def test_only_one_of_many_gets_a_lease(store: ChatStore, chat: ChatMeta) -> None:
    tries = await asyncio.gather(*(store.acquire(chat.id) for _ in range(10)), return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in tries) == 1
    assert sum(isinstance(each, ChatBusyError) for each in tries) == 9


async def test_a_lease_that_ran_out_is_taken_over_and_its_holder_writes_nothing_more(
    store: ChatStore, chat: ChatMeta
) -> None:
    old = await store.acquire(chat.id, seconds=-1.0)
    assert await store.append(chat.id, [said("mine still")], lease=old) == (1,), "nobody else took it"
    new = await store.acquire(chat.id)
    for call in (
        store.append(chat.id, [said("too late")], lease=old),
        store.update_chat(chat.id, title="too late", lease=old),
        store.put_prompt(chat.id, StoredPrompt("p", "too late"), lease=old),
        store.move_prompt(chat.id, "p", "ended", lease=old),
        store.renew(old),
    ):
        with pytest.raises(LeaseLostError, match="nothing was written"):
            await call
    assert await store.append(chat.id, [said("now mine")], lease=new) == (2,)
    assert (await store.update_chat(chat.id, title="mine", lease=new)).title == "mine"
    assert await store.prompts(chat.id) == ()


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e300])
async def test_a_lease_lasts_a_time(store: ChatStore, chat: ChatMeta, seconds: float) -> None:
    lease = await store.acquire(chat.id)
    with pytest.raises(InvalidRequestError, match="cannot last"):
        await store.renew(lease, seconds=seconds)
    await store.release(lease)
    with pytest.raises(InvalidRequestError, match="cannot last"):
        await store.acquire(chat.id, seconds=seconds)


@pytest.mark.parametrize("depth", [150, 199, 250, 400])
async def test_what_an_agent_nests_deeply_is_read_again(store: ChatStore, chat: ChatMeta, depth: int) -> None:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    await store.append(chat.id, [{**said("deep"), "value": value, "half": "\ud800"}, said("after")])
    page = await store.read_messages(chat.id)
    assert [each.seq for each in page] == [1, 2]
    assert page[0].body["value"] == value
    assert page[0].body["half"] == "\N{REPLACEMENT CHARACTER}"
    await store.put_prompt(chat.id, StoredPrompt("p", value))
    assert [prompt.content for prompt in await store.prompts(chat.id)] == [value]
    assert not (await store.rebuild_index()).problems


async def test_what_nobody_could_read_again_is_refused_and_the_rest_of_its_call_too(
    store: ChatStore, chat: ChatMeta
) -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    for wrong in (10**5000, value):
        with pytest.raises(InvalidRequestError, match="cannot be stored"):
            await store.append(chat.id, [said("before"), {**said("wrong"), "value": wrong}])
        with pytest.raises(InvalidRequestError, match="cannot be stored"):
            await store.put_prompt(chat.id, StoredPrompt("p", wrong))
    assert len(await store.read_messages(chat.id)) == 0
    assert await store.prompts(chat.id) == ()


async def test_a_number_beyond_every_log_is_a_page_like_any_other(store: ChatStore, chat: ChatMeta) -> None:
    await store.append(chat.id, [said("one"), said("two")])
    beyond = 10**30
    assert len(await store.read_messages(chat.id, limit=beyond)) == 2
    assert len(await store.read_messages(chat.id, after=beyond)) == 0
    assert len(await store.read_messages(chat.id, after=-beyond)) == 2
    assert len(await store.read_messages(chat.id, before=beyond)) == 2
    assert len(await store.list_chats(limit=beyond)) == 1
    assert len(await store.search("one", limit=beyond)) == 1
    with pytest.raises(InvalidRequestError, match="cursor of no page"):
        await store.search("one", cursor=str(beyond))
    assert await store.mark_read(chat.id, beyond) == await store.read_mark(chat.id) == 2


async def test_every_store_keeps_the_same_text(store: ChatStore) -> None:
    made = await store.create_chat(ChatMeta("a\0b\ud800", title="t\0", tags=("x\0",)))
    assert (made.id, made.title, made.tags) == ("ab\N{REPLACEMENT CHARACTER}", "t", ("x",))
    assert await store.get_chat("a\0b\ud800") == await store.get_chat(made.id) == made
    await store.set_draft(made.id, "typed\0\ud800", author="me\0")
    assert await store.draft(made.id, author="me") == "typed\N{REPLACEMENT CHARACTER}"
    assert (await store.update_chat(made.id, title="n\0ew")).title == "new"
    lease = await store.acquire("a\0b\ud800", name="me\0")
    assert (lease.chat_id, lease.holder.name) == (made.id, "me")
    await store.append("a\0b\ud800", [said("found")], lease=lease)
    assert len(await store.search("found", chat_id="a\0b\ud800")) == 1
    await store.release(lease)
    await store.delete_chat("a\0b\ud800")
    with pytest.raises(InvalidRequestError, match="needs an id"):
        await store.create_chat(ChatMeta("\0"))


async def test_a_lease_is_renewed(store: ChatStore, chat: ChatMeta) -> None:
    lease = await store.acquire(chat.id, seconds=50.0)
    renewed = await store.renew(lease, seconds=500.0)
    assert renewed.holder.expires_at > lease.holder.expires_at + 400
    assert await store.holder(chat.id) == renewed
    await store.release(renewed)
    with pytest.raises(LeaseLostError, match="has ended"):
        await store.renew(renewed)


async def test_a_policy_removes_what_it_does_not_keep(store: ChatStore) -> None:
    for number in range(6):
        await store.create_chat(ChatMeta(f"chat-{number}", last_active_at=1000.0 + number, archived=number == 1))
        await store.append(f"chat-{number}", [said("x" * 1000)], at=1000.0)
    assert await store.apply_retention(RetentionPolicy()) == ()
    assert await store.apply_retention(RetentionPolicy(max_chats=4, archived_only=True)) == ("chat-1",)
    await store.acquire("chat-0")
    assert await store.apply_retention(RetentionPolicy(max_bytes=3500)) == ("chat-2",)
    assert await store.apply_retention(RetentionPolicy(max_chats=2)) == ("chat-3",)
    assert await store.apply_retention(RetentionPolicy(max_age=3600.0)) == ("chat-4", "chat-5")
    assert [chat.id for chat in await store.list_chats(archived=None)] == ["chat-0"]


async def test_a_check_counts_what_is_there_and_a_rebuilt_index_finds_it(store: ChatStore, chat: ChatMeta) -> None:
    await fill(store, chat.id, 3)
    report = await store.check()
    assert (report.chats, report.messages, report.problems) == (1, 3, ())
    assert report.bytes > 300
    assert await store.rebuild_index() == report
    assert len(await store.search("message")) == 3


async def test_a_store_that_is_not_open_says_so(unopened: ChatStore) -> None:
    with pytest.raises(StoreClosedError, match="not open"):
        await unopened.list_chats()
    async with unopened:
        await unopened.create_chat(ChatMeta("chat-1"))
    await unopened.aclose()
    with pytest.raises(StoreClosedError):
        await unopened.get_chat("chat-1")
    with pytest.raises(StoreClosedError):
        await unopened.append("chat-1", [said("x")])


async def test_a_store_that_is_opened_again_finds_what_it_held(unopened: ChatStore) -> None:
    async with unopened:
        await unopened.create_chat(ChatMeta("chat-1"))
        await fill(unopened, "chat-1", 2)
    async with unopened:
        assert (await unopened.get_chat("chat-1")).last_seq == 2


async def test_wrong_arguments_are_refused_by_name(store: ChatStore) -> None:
    with pytest.raises(InvalidRequestError, match="chat_id must be text"):
        await store.get_chat(3)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(InvalidRequestError, match=r"ChatStore.list_chats takes no 'workspce'; did you mean"):
        await store.list_chats(workspce="x")  # type: ignore[call-arg]  # what is refused
