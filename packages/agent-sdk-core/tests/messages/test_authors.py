from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import UserMessage

RESULT = [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]


@pytest.mark.parametrize(
    ("fields", "author"),
    [
        ({"isReplay": True}, "user"),
        ({"isReplay": True, "origin": {"kind": "human"}}, "user"),
        ({"isReplay": True, "origin": {"kind": "unclassified"}}, "user"),
        ({"isReplay": True, "origin": "of tomorrow"}, "user"),
        ({"isReplay": True, "isSynthetic": True}, "agent"),
        ({"isReplay": True, "parent_tool_use_id": "task"}, "agent"),
        ({"origin": {"kind": "task-notification"}}, "background"),
        ({"origin": {"kind": "channel"}}, "channel"),
        ({"origin": {"kind": "peer"}}, "agent"),
        ({}, "agent"),
        ({"message": {"role": "user", "content": RESULT}, "isReplay": True}, "tool"),
    ],
)
def test_a_user_message_tells_who_wrote_it(fields: dict[str, Any], author: str) -> None:
    message = UserMessage.model_validate({"type": "user", "message": {"role": "user", "content": "x"}, **fields})
    assert message.written_by == author
