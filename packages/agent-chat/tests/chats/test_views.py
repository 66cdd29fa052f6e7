"""Views for front ends: cards of tools of any name, requests with every way to answer, endings, notices."""

from __future__ import annotations

from typing import Any

import pytest

from agent_chat.chats.views import OUTPUT_LIMIT, Views, choice_of, request_view, views_of
from agent_sdk_core.asking.permissions import Allow, Deny, PermissionOption, PermissionRequest
from agent_sdk_core.asking.questions import Question, QuestionRequest
from agent_sdk_core.messages.parse import SDKMessage, parse_message


def message(kind: str, /, **fields: Any) -> SDKMessage:
    return parse_message({"type": kind, "uuid": "u", "session_id": "s", **fields})


def use(name: str, given: dict[str, Any], use_id: str = "t", **fields: Any) -> SDKMessage:
    block = {"type": "tool_use", "id": use_id, "name": name, "input": given}
    return message("assistant", message={"id": "m", "content": [block]}, **fields)


def returned(text: str, use_id: str = "t", *, is_error: bool = False, **fields: Any) -> SDKMessage:
    block = {"type": "tool_result", "tool_use_id": use_id, "content": text, "is_error": is_error}
    return message("user", message={"role": "user", "content": [block]}, **fields)


def test_a_tool_has_a_card_that_its_result_closes() -> None:
    opened, closed = views_of([use("Bash", {"command": "ls"}), returned("a.txt\n", tool_use_result={"exitCode": 0})])
    card = opened["cards"]["t"]
    assert (card["kind"], card["command"], card["state"], card["name"]) == ("execute", "ls", "running", "Bash")
    card = closed["cards"]["t"]
    assert (card["state"], card["output"], card["exit_code"]) == ("completed", "a.txt", 0)
    assert opened["message"]["message"]["content"][0]["input"] == {"command": "ls"}


def test_paths_are_shown_from_the_folder_of_the_session_and_changes_as_hunks() -> None:
    edit = use("Edit", {"file_path": "/w/a.txt", "old_string": "x", "new_string": "y"}, parent_tool_use_id="p")
    _, view = views_of([message("system", subtype="init", cwd="/w"), edit])
    card = view["cards"]["t"]
    assert card["subject"] == "a.txt"
    assert card["nested"]
    assert card["diffs"][0]["path"] == "a.txt"
    assert card["diffs"][0]["hunks"][0]["lines"] == ("-x", "+y")


def test_long_output_is_cut_in_the_card_and_whole_in_the_message() -> None:
    _, closed = views_of([use("Bash", {"command": "yes"}), returned("y" * (OUTPUT_LIMIT + 5))])
    assert closed["cards"]["t"]["output"].endswith("… 5 more characters")
    assert len(closed["message"]["message"]["content"][0]["content"]) == OUTPUT_LIMIT + 5


def test_a_result_without_its_use_has_no_card() -> None:
    assert "cards" not in views_of([returned("x")])[0]


def test_a_search_of_the_provider_is_a_card_too() -> None:
    content: list[dict[str, Any]] = [
        {"type": "server_tool_use", "id": "w", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "w", "content": []},
    ]
    (view,) = views_of([message("assistant", message={"id": "m", "content": content})])
    assert view["cards"]["w"]["state"] == "completed"


def test_what_was_refused_is_declined() -> None:
    request = PermissionRequest("Bash", {"command": "x"}, request_id="r", session_id="s", tool_use_id="t")
    views = Views()
    views.view(use("Bash", {"command": "x"}))
    opened = message("system", subtype="request_opened", request_id="r", kind="permission", request=request.to_wire())
    assert views.view(opened)["request"]["request_id"] == "r"
    resolved = {"request_id": "r", "kind": "permission", "by": "answer"}
    views.view(message("system", subtype="request_resolved", outcome="denied", **resolved))
    assert views.view(returned("no", is_error=True))["cards"]["t"]["state"] == "declined"
    views.view(use("Bash", {"command": "x"}, "t2"))
    views.view(message("system", subtype="permission_denied", tool_name="Bash", tool_use_id="t2"))
    assert views.view(returned("no", "t2"))["cards"]["t2"]["state"] == "declined"


def test_what_waited_as_its_session_ended_was_refused_by_nobody() -> None:
    request = PermissionRequest("Bash", {"command": "x"}, request_id="r", session_id="s", tool_use_id="t")
    views = Views()
    views.view(use("Bash", {"command": "x"}))
    views.view(
        message("system", subtype="request_opened", request_id="r", kind="permission", request=request.to_wire())
    )
    resolved = {"request_id": "r", "kind": "permission", "outcome": "denied", "by": "close"}
    assert views.view(message("system", subtype="request_resolved", **resolved))["outcome"] == "expired"
    assert views.view(returned("ended", is_error=True))["cards"]["t"]["state"] == "failed"


def test_a_request_that_is_not_understood_is_its_message_alone() -> None:
    opened = message("system", subtype="request_opened", request_id="r", kind="vote", request={"kind": "vote"})
    assert "request" not in views_of([opened])[0]


def test_a_permission_says_what_would_happen_and_how_each_answer_is_called() -> None:
    options = (
        PermissionOption("1", "Yes", Allow()),
        PermissionOption("2", "Yes, and do not ask again", Allow("session"), "for this session"),
        PermissionOption("3", "Always", Allow("always"), "in a file"),
    )
    request = PermissionRequest("Bash", {"command": "rm x"}, options=options, escalates=frozenset({"sandbox"}))
    view = request_view(request)
    assert view["asked"]["command"] == "rm x"
    assert view["escalates"] == ["sandbox"]
    names = [option["name"] for option in view["options"]]
    assert names == ["Allow once", "Allow for this session", "Always allow", "Deny", "Deny and stop"]
    assert view["options"][2]["stored"] == "in a file"
    assert choice_of(request, view["options"][1]["id"]) == Allow("session")
    assert choice_of(request, view["options"][4]["id"]) == Deny(interrupt=True)
    assert choice_of(request, "9") is None


@pytest.mark.parametrize(
    ("labels", "names", "effects"),
    [
        (
            [("Yes, and ask before each edit", Allow()), ("Yes, and accept edits", Allow(option="accept_edits"))],
            ["Allow once", "Allow, and accept edits"],
            ["ask before each edit", ""],
        ),
        (
            [("Yes", Allow()), ("Yes, and allow `make *` for this session", Allow("session"))],
            ["Allow once", "Allow for this session"],
            ["", "allow `make *` for this session"],
        ),
        (
            [
                ("Yes, and always allow `a`", Allow("always")),
                ("Yes, and always allow b.org", Allow("always", option="b")),
            ],
            ["Always allow", "Allow, and always allow b.org"],
            ["always allow `a`", ""],
        ),
        (
            [
                ("No, keep planning", Deny()),
                ("No, and always deny b.org", Deny(option="b")),
                ("No, and stop", Deny("", interrupt=True)),
            ],
            ["Deny", "Deny, and always deny b.org", "Deny and stop"],
            ["keep planning", "", ""],
        ),
        ([("Yes, for this session", Allow("session"))], ["Allow for this session"], [""]),
        (
            [("Trust it", Allow("always")), ("Trust all", Allow("always"))],
            ["Always allow", "Always allow: Trust all"],
            ["Trust it", ""],
        ),
    ],
)
def test_each_answer_is_called_by_its_kind_or_by_what_it_does_and_says_what_its_name_does_not(
    labels: list[tuple[str, Allow | Deny]], names: list[str], effects: list[str]
) -> None:
    options = tuple(PermissionOption(str(number), *each) for number, each in enumerate(labels))
    told = request_view(PermissionRequest("Bash", {"command": "x"}, options=options))["options"][: len(labels)]
    assert [each["name"] for each in told] == names
    assert [each["effect"] for each in told] == effects


def test_a_question_is_told_whole() -> None:
    view = request_view(QuestionRequest((Question("Which?"),), request_id="r"))
    assert (view["kind"], view["request"]["questions"][0]["text"]) == ("question", "Which?")


def test_prompts_notices_and_endings_are_told_as_such() -> None:
    prompt = message("user", message={"role": "user", "content": "Hi"}, isReplay=True)
    usage = message("system", subtype="usage", usage={"input_tokens": 1, "output_tokens": 1}, context_tokens=10)
    notice = message("system", subtype="informational", content="Mind the gap", level="warning")
    views = views_of([prompt, usage, notice, message("result", subtype="success", duration_ms=1200)])
    assert views[0]["prompt"] == "Hi"
    assert views[2]["notice"] == {"text": "Mind the gap", "level": "warning"}
    ending = views[3]["ending"]
    assert (ending["outcome"], ending["facts"][0], ending["context"]) == ("completed", "1.2 s", (10, None))
