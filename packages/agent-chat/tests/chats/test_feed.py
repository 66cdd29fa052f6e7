"""The feed of a chat: what it shows can be read by itself, wherever it came from."""

from __future__ import annotations

from agent_chat.chats.events import ChatEvent
from agent_chat.chats.feed import ChatFeed
from agent_sdk_core import AuthenticationError, ResultMessage, Source, parse_message
from agent_sdk_core.hosting.stream import Cursor
from agent_sdk_core.messages.base import Failure


def test_a_result_says_by_itself_what_its_agent_told_beside_it() -> None:
    events: list[ChatEvent] = []
    feed = ChatFeed("c", events.append, None)
    source = Source("claude", failure=Failure("authentication_failed", message="Log in with `agent login`."))
    told = ResultMessage.synthesize(source, subtype="success", is_error=True, result="Please run /login")
    feed.take(told)
    [shown] = feed.stream.since(Cursor(feed.stream.epoch, 0)) or []
    result = parse_message(shown.data["message"])
    assert isinstance(result, ResultMessage)
    assert isinstance(result.error, AuthenticationError)
    assert result.error.message == "Log in with `agent login`."
    assert result.result == "Please run /login"
