from __future__ import annotations

import copy
import json
import pickle
from dataclasses import FrozenInstanceError

import pytest

from agent_sdk_core.asking.permissions import DEFER, Allow, Deny, PermissionOption, PermissionRequest
from agent_sdk_core.messages.base import Source

REQUEST = PermissionRequest(
    "r",
    "s",
    "Bash",
    {"command": "ls"},
    escalates=frozenset({"sandbox", "network"}),
    options=(PermissionOption("once", "Allow", Allow()), PermissionOption("no", "Deny", Deny(), stored="nowhere")),
    raw=object(),
    source=Source("memory"),
)


def test_a_request_says_what_its_tool_does() -> None:
    assert REQUEST.kind == "execute"
    assert PermissionRequest("r", "s", "mcp__a__b", {}).kind == "mcp"


def test_an_option_is_found_by_its_id() -> None:
    option = REQUEST.option("no")
    assert option is not None
    assert option.answer == Deny()
    assert REQUEST.option("maybe") is None


def test_a_request_as_data_is_json_and_holds_nothing_native() -> None:
    wire = json.loads(json.dumps(REQUEST.to_wire()))
    assert wire["escalates"] == ["network", "sandbox"]
    allow = {"kind": "allow", "scope": "once", "option": None, "updated_input": None}
    deny = {"kind": "deny", "message": "", "interrupt": False, "option": None}
    assert wire["options"] == [
        {"id": "once", "label": "Allow", "answer": allow, "stored": ""},
        {"id": "no", "label": "Deny", "answer": deny, "stored": "nowhere"},
    ]
    told = {"tool_name", "input", "tool_use_id", "cwd", "reason", "escalates", "options", "diff"}
    assert set(wire) == told | {"kind", "request_id", "session_id", "parent_tool_use_id", "deadline"}


def test_requests_and_answers_are_frozen_and_compare_by_what_is_asked() -> None:
    with pytest.raises(FrozenInstanceError):
        REQUEST.cwd = "/"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Allow().scope = "always"  # type: ignore[misc]
    assert PermissionRequest("r", "s", "Bash", {}, raw=1) == PermissionRequest("r", "s", "Bash", {}, raw=2)
    assert Allow() != Deny()


def test_nothing_is_allowed_for_longer_than_once_unless_said() -> None:
    assert Allow().scope == "once"
    assert not Deny().interrupt


def test_defer_stays_one_object_through_copies() -> None:
    assert copy.deepcopy(DEFER) is DEFER
    assert pickle.loads(pickle.dumps(DEFER)) is DEFER
