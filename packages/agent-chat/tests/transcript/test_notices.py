from __future__ import annotations

from typing import Any

import pytest

from agent_chat.transcript.blocks import Notice
from agent_chat.transcript.notices import notice_of


@pytest.mark.parametrize(
    ("subtype", "fields", "notice"),
    [
        ("informational", {"content": "hi\x1b[1m"}, Notice("hi")),
        ("informational", {"content": "oh", "level": "warning"}, Notice("oh", "warning")),
        ("status", {"status": "compacting"}, Notice("Making room: the conversation so far is being summarized.")),
        ("status", {"status": "requesting"}, None),
        ("compact_boundary", {}, Notice("The conversation so far was replaced by a summary.")),
        ("api_retry", {}, Notice("The model did not answer; trying again", "warning")),
        (
            "api_retry",
            {"attempt": 2, "max_retries": 5, "error_status": 529, "error": "overloaded"},
            Notice("The model did not answer; trying again (2 of 5) · HTTP 529: overloaded", "warning"),
        ),
        ("task_started", {"task_id": "1", "description": "npm run dev"}, Notice("In the background: npm run dev")),
        ("task_notification", {"task_id": "1", "status": "failed"}, Notice("Background work failed: 1", "warning")),
        ("task_notification", {"task_id": "1", "summary": "built"}, Notice("Background work ended: built")),
        ("messages_dropped", {"dropped": 3}, Notice("3 messages were lost because this view fell behind.", "warning")),
    ],
)
def test_what_a_person_should_know_is_a_line(
    wire: Any, subtype: str, fields: dict[str, object], notice: Notice | None
) -> None:
    assert notice_of(wire.system(subtype, **fields)) == notice
