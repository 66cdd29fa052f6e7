from __future__ import annotations

import copy
import json
import pickle
from dataclasses import FrozenInstanceError

import pytest

from agent_sdk_core.asking.permissions import DEFER, Allow, Deny, PermissionOption, PermissionRequest
from agent_sdk_core.messages.base import Source

REQUEST = PermissionRequest(
    "Bash",
    {"command": "ls"},
    "r",
    "s",
    escalates=frozenset({"sandbox", "network"}),
    options=(PermissionOption("once", "Allow", Allow()), PermissionOption("no", "Deny", Deny(), stored="nowhere")),
    raw=object(),
    source=Source("memory"),
)


def test_a_request_says_what_its_tool_does() -> None:
    assert REQUEST.kind == "execute"
    assert PermissionRequest("mcp__a__b", {}, "r", "s").kind == "mcp"


def test_an_option_is_found_by_its_id() -> None:
    option = REQUEST.option("no")
    assert option is not None
    assert option.answer == Deny()
    assert REQUEST.option("maybe") is None


def test_a_request_as_data_is_json_and_holds_nothing_native() -> None:
    wire = json.loads(json.dumps(REQUEST.to_wire()))
    assert wire["escalates"] == ["network", "sandbox"]
    allow: dict[str, object] = {"kind": "allow", "scope": "once", "option": None, "updated_input": None, "updates": []}
    deny = {"kind": "deny", "message": "", "interrupt": False, "option": None}
    assert wire["options"] == [
        {"id": "once", "label": "Allow", "answer": allow, "stored": "", "updates": []},
        {"id": "no", "label": "Deny", "answer": deny, "stored": "nowhere", "updates": []},
    ]
    told = {"tool_name", "input", "tool_use_id", "cwd", "reason", "escalates", "options", "diff", "agent_id"}
    told |= {"blocked_path", "command_parts", "requires_person", "changeable", "rule"}
    assert set(wire) == told | {"kind", "request_id", "session_id", "parent_tool_use_id", "deadline"}


def test_requests_and_answers_are_frozen_and_compare_by_what_is_asked() -> None:
    with pytest.raises(FrozenInstanceError):
        REQUEST.cwd = "/"  # type: ignore[misc]  # frozen: what is tested
    with pytest.raises(FrozenInstanceError):
        Allow().scope = "always"  # type: ignore[misc]  # frozen: what is tested
    assert PermissionRequest("Bash", {}, "r", "s", raw=1) == PermissionRequest("Bash", {}, "r", "s", raw=2)
    assert Allow() != Deny()


def test_nothing_is_allowed_for_longer_than_once_unless_said() -> None:
    assert Allow().scope == "once"
    assert not Deny().interrupt


@pytest.mark.parametrize("settled", [False, True])
def test_a_copy_of_a_request_knows_whether_it_is_settled_and_not_what_becomes_of_the_other(settled: bool) -> None:
    request = PermissionRequest("Bash", {"command": "ls"})
    if settled:
        request.settled.set()
    for copied in (copy.deepcopy(request), pickle.loads(pickle.dumps(request))):
        assert copied == request
        assert (copied.settled.is_set(), bool(copied.settled)) == (settled, settled)
        copied.settled.set()
    assert bool(request.settled) == settled
    assert "settled" not in repr(request)


def test_defer_stays_one_object_through_copies() -> None:
    assert copy.deepcopy(DEFER) is DEFER
    assert pickle.loads(pickle.dumps(DEFER)) is DEFER


def test_a_test_of_a_callback_makes_a_request_of_its_tool_and_input_alone() -> None:
    request = PermissionRequest("Bash", {"command": "ls"})
    assert (request.kind, request.session_id, request.deadline) == ("execute", "", None)
    assert [option.answer for option in request.options] == [Allow(), Deny()]
    assert request.request_id
    assert request.request_id != PermissionRequest("Bash", {"command": "ls"}).request_id
    assert PermissionRequest("Mystery").input == {}


def test_a_request_shows_what_it_asks_in_a_line_and_no_secret() -> None:
    shown = repr(PermissionRequest("Bash", {"command": "API_KEY=sk-0123456789abcdef run " + "x" * 500}, raw="native"))
    assert shown.startswith("PermissionRequest(tool_name='Bash', input={'command': 'API_KEY=")
    assert "sk-0123" not in shown
    assert "native" not in shown
    assert len(shown) < 500
    assert repr(Allow()) == "Allow()"
    assert repr(Deny("No.", interrupt=True)) == "Deny(message='No.', interrupt=True)"
