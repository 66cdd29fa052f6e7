from __future__ import annotations

import pytest

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import SYSTEM_SUBTYPES
from agent_sdk_core.messages.system import SystemMessage, TaskUpdated

REQUIRED: dict[str, dict[str, object]] = {
    "permission_denied": {"tool_name": "Bash"},
    "task_started": {"task_id": "t"},
    "task_updated": {"task_id": "t"},
    "task_progress": {"task_id": "t"},
    "task_notification": {"task_id": "t"},
    "informational": {"content": "x"},
    "request_opened": {"request_id": "r", "kind": "permission"},
    "request_resolved": {"request_id": "r", "kind": "permission", "outcome": "denied", "by": "close"},
    "usage": {"usage": {"input_tokens": 1}},
    "session_state_changed": {"state": "idle"},
    "messages_dropped": {"dropped": 1},
}


@pytest.mark.parametrize(("subtype", "cls"), SYSTEM_SUBTYPES.items())
def test_each_subtype_can_be_made_and_read_back(subtype: str, cls: type[SystemMessage]) -> None:
    fields = {"subtype": subtype, **REQUIRED.get(subtype, {})}
    message = cls.synthesize(Source("memory"), **fields)
    assert message.type == "system"
    assert message.subtype == subtype
    assert message.to_wire().items() >= fields.items()


def test_progress_of_a_task_is_an_update() -> None:
    assert SYSTEM_SUBTYPES["task_progress"] is TaskUpdated
