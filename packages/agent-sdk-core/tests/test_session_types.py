from __future__ import annotations

from collections.abc import Sequence

import pytest

from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.interfaces.session import AgentSession, InterruptReceipt, SessionInfo
from agent_sdk_core.interfaces.turn import Turn
from agent_sdk_core.messages.conversation import UnknownMessage


def test_a_history_page_is_a_sequence_with_a_cursor() -> None:
    messages = [UnknownMessage(type=str(number)) for number in range(3)]
    page = HistoryPage(messages, "next")
    messages.clear()
    assert isinstance(page, Sequence)
    assert len(page) == 3
    assert page[0].type == "0"
    assert [message.type for message in page[1:]] == ["1", "2"]
    assert [message.type for message in page] == ["0", "1", "2"]
    assert page.cursor == "next"
    assert HistoryPage([]).cursor is None


def test_receipts_and_infos_hold_nothing_by_default() -> None:
    assert InterruptReceipt(False) == InterruptReceipt(interrupted=False, cancelled=(), still_queued=())
    assert SessionInfo().tools == ()


@pytest.mark.parametrize("cls", [AgentSession, Turn])
def test_interfaces_cannot_be_made(cls: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        cls()
