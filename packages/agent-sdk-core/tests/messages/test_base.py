from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import UnknownMessage, UserMessage
from agent_sdk_core.messages.system import Informational, InitMessage, StatusMessage, SystemMessage, TaskStarted


def test_a_synthetic_message_has_its_type_an_identity_and_its_origin() -> None:
    source = Source("memory", synthetic=True)
    one = Informational.synthesize(source, {"n": 1}, content="x", level="info")
    two = Informational.synthesize(source, content="x")
    assert one.source is source
    assert one.raw == {"n": 1}
    assert one.uuid != two.uuid
    assert one.to_wire() == {
        "type": "system",
        "subtype": "informational",
        "uuid": one.uuid,
        "session_id": None,
        "parent_tool_use_id": None,
        "content": "x",
        "level": "info",
    }
    assert "level" not in two.to_wire()


def test_a_synthetic_message_of_an_open_class_says_its_subtype() -> None:
    message = SystemMessage.synthesize(Source("memory"), subtype="ours", extra=1)
    assert (message.type, message.subtype, message.to_wire()["extra"]) == ("system", "ours", 1)


def test_fields_are_given_by_their_python_name_and_written_as_on_the_wire() -> None:
    message = StatusMessage.synthesize(Source("memory"), permission_mode="plan")
    assert message.to_wire()["permissionMode"] == "plan"
    assert "permission_mode" not in message.to_wire()


def test_messages_are_frozen() -> None:
    message = UnknownMessage(type="x")
    with pytest.raises(ValidationError):
        message.uuid = "y"  # type: ignore[misc]  # frozen: what is tested


def test_origin_is_no_part_of_the_message() -> None:
    message = UserMessage.model_validate({"message": {"content": "x"}})
    assert message.source is None
    assert message.raw is None
    other = message.model_copy().with_origin(Source("memory"), [1])
    assert other == message
    assert other.to_wire() == message.to_wire()
    assert (other.source, other.raw) == (Source("memory"), [1])


def test_keys_of_the_wire_do_not_pass_for_the_origin() -> None:
    message = UnknownMessage.model_validate({"type": "x", "_source": 1, "_raw": 2, "source": 3, "raw": 4})
    assert message.source is None
    assert message.raw is None
    assert message.to_wire() == {"type": "x", "_source": 1, "_raw": 2, "source": 3, "raw": 4}


def test_what_does_not_fit_is_left_out_of_a_message_that_we_make() -> None:
    made = InitMessage.synthesize(Source("claude"), cwd=5, permissionMode=[], model="m", newer=1)
    assert (made.cwd, made.permission_mode, made.model) == (None, None, "m")
    assert made.to_wire()["newer"] == 1
    with pytest.raises(ValidationError):
        TaskStarted.synthesize(Source("claude"), task_id=5)


def test_half_characters_of_an_application_are_the_same_in_a_message_and_in_its_wire_form() -> None:
    message = SystemMessage.synthesize(Source("memory"), subtype="ours", output="a\ud800\ud83d\ude00 \u00fc")
    assert SystemMessage.model_validate(message.to_wire()).to_wire() == message.to_wire()
    assert json.loads(message.to_json())["output"] == message.to_wire()["output"] == "a\ufffd\U0001f600 \u00fc"
