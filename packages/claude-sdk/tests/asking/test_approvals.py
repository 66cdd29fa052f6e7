from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import Allow, Answers, Deny, InvalidRequestError, PermissionOption
from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, Ask
from claude_sdk.asking.approvals import tool_approval
from claude_sdk.asking.envelope import Envelope

RULE = {
    "type": "addRules",
    "rules": [{"toolName": "Bash", "ruleContent": "make *"}],
    "behavior": "allow",
    "destination": "localSettings",
}
READING = {**RULE, "rules": [{"toolName": "Read", "ruleContent": "//o/**"}], "destination": "session"}
ACCEPT_EDITS = {"type": "setMode", "mode": "acceptEdits", "destination": "session"}
STORED = "in .claude/settings.local.json of this project"
PROCESS = "in this Claude process, until the session ends"


def asked(
    tool: str, tool_input: Any, *, cwd: str | None = "/w", add_dirs: tuple[str, ...] = (), **body: Any
) -> Envelope:
    native = {"subtype": "can_use_tool", "tool_name": tool, "input": tool_input, "tool_use_id": "toolu_1", **body}
    return Envelope("request-1", "session-1", "native-1", native, "parent", 12.5, cwd, add_dirs)


def approval(tool: str = "Bash", tool_input: Any = None, **fields: Any) -> Ask[PermissionRequest]:
    return tool_approval(asked(tool, {"command": "make test"} if tool_input is None else tool_input, **fields))


def command(*suggestions: dict[str, Any], **fields: Any) -> Ask[PermissionRequest]:
    return approval(permission_suggestions=list(suggestions or [RULE]), **fields)


def option(found: Ask[PermissionRequest], option_id: str) -> PermissionOption:
    offered = found.request.option(option_id)
    assert offered is not None
    return offered


def ids(found: Ask[PermissionRequest]) -> list[str]:
    return [offered.id for offered in found.request.options]


class TestRequests:
    def test_a_request_keeps_what_claude_tells_of_it(self) -> None:
        native = asked("Bash", {"command": "make"}, decision_reason="This command requires approval")
        request = tool_approval(native).request
        assert (request.tool_name, dict(request.input), request.cwd) == ("Bash", {"command": "make"}, "/w")
        assert (request.request_id, request.session_id, request.tool_use_id) == ("request-1", "session-1", "toolu_1")
        assert (request.reason, request.parent_tool_use_id) == ("This command requires approval", "parent")
        told = tool_approval(asked("Bash", {"command": "cat /x"}, blocked_path="/x", agent_id="a-1")).request
        assert (told.blocked_path, told.agent_id, request.blocked_path, request.agent_id) == ("/x", "a-1", None, None)
        assert (request.deadline, request.raw, request.source) == (12.5, native.params, native.source)
        assert request.source is not None
        assert (request.source.backend, request.source.thread_id) == ("claude", "session-1")
        assert request.source.request_id == "native-1"

    def test_a_request_about_nothing_known_is_still_a_request(self) -> None:
        request = tool_approval(Envelope("r", "s", "n", {"input": "nonsense"})).request
        assert (request.tool_name, dict(request.input), request.tool_use_id) == ("", {}, None)
        assert [offered.id for offered in request.options] == ["allow", "deny", "deny_stop"]

    def test_the_models_own_description_is_a_reason(self) -> None:
        said = {"command": "make", "description": "Build it"}
        assert approval(tool_input=said, description="Build it").request.reason == "Build it"
        assert approval(tool_input=said, description="Build it", decision_reason="Unsafe").request.reason == "Unsafe"

    def test_a_description_that_repeats_an_argument_is_no_reason(self) -> None:
        assert approval("Write", {"file_path": "/w/a.txt"}, description="a.txt").request.reason is None
        assert approval().request.reason is None

    def test_an_edit_shows_its_diff(self, tmp_path: Path) -> None:
        tool_input = {"file_path": str(tmp_path / "a.txt"), "content": "hi\n"}
        diff = approval("Write", tool_input).request.diff
        assert diff == f"--- /dev/null\n+++ {tmp_path}/a.txt\n@@ -0,0 +1,1 @@\n+hi\n"
        assert approval().request.diff is None


class TestEscalations:
    @pytest.mark.parametrize(
        ("path", "outside"),
        [
            ("/w/a", False),
            ("/w", False),
            ("a", False),
            ("/added/a", False),
            ("/w-2/a", True),
            ("/w/../etc/passwd", True),
            ("../a", True),
            ("~/a", True),
        ],
    )
    def test_a_path_outside_of_the_folders_is_one(self, path: str, outside: bool) -> None:
        expected = {"path"} if outside else set[str]()
        folders: dict[str, Any] = {"cwd": "/w/", "add_dirs": ("/added",)}
        assert approval(blocked_path=path, **folders).request.escalates == expected
        assert approval("Write", {"file_path": path, "content": ""}, **folders).request.escalates == expected
        assert approval("NotebookEdit", {"notebook_path": path}, **folders).request.escalates == expected

    def test_everything_is_inside_of_the_root(self) -> None:
        assert approval(blocked_path="/etc/passwd", cwd="/").request.escalates == frozenset()

    def test_no_path_is_inside_of_an_unknown_folder(self) -> None:
        assert approval(blocked_path="/w/a", cwd=None).request.escalates == {"path"}

    def test_only_tools_that_work_on_files_have_paths(self) -> None:
        assert approval("mcp__house__open", {"path": "/rooms/1"}).request.escalates == frozenset()

    @pytest.mark.parametrize(
        ("tool", "reason", "lifted"),
        [
            ("Bash", "workingDir", {"path"}),
            ("Bash", "sandboxOverride", {"sandbox"}),
            ("Bash", "rule", set[str]()),
            ("SandboxNetworkAccess", None, {"network"}),
            ("WebFetch", None, set[str]()),
        ],
    )
    def test_claudes_reason_says_what_else_is_lifted(self, tool: str, reason: str | None, lifted: set[str]) -> None:
        assert approval(tool, decision_reason_type=reason).request.escalates == lifted


class TestOptions:
    def test_a_suggestion_can_be_taken_for_the_session_or_always(self) -> None:
        found = command()
        assert ids(found) == ["allow", "allow_session", "allow_always", "deny", "deny_stop"]
        session, always = option(found, "allow_session"), option(found, "allow_always")
        assert (session.label, session.stored) == ("Yes, and allow `make *` for this session", PROCESS)
        assert (always.label, always.stored) == ("Yes, and always allow `make *`", STORED)

    def test_what_does_not_outlast_the_session_is_named_apart(self) -> None:
        always = option(command(RULE, READING), "allow_always")
        assert always.label == "Yes, and always allow `make *`, and allow reading /o/** for this session"

    def test_what_is_kept_in_no_file_is_not_offered_for_always(self) -> None:
        found = command(ACCEPT_EDITS)
        assert ids(found) == ["allow", "allow_session", "deny", "deny_stop"]
        assert option(found, "allow_session").label == "Yes, and accept edits for this session"

    def test_without_suggestions_nothing_lasting_is_offered(self) -> None:
        assert ids(approval()) == ["allow", "deny", "deny_stop"]
        assert ids(command(suppress_always_allow_rule=True)) == ["allow", "deny", "deny_stop"]

    def test_what_claude_wants_a_user_to_decide_is_allowed_once(self) -> None:
        found = command(requires_user_interaction=True)
        assert found.request.requires_person
        assert ids(found) == ["allow", "deny", "deny_stop"]
        assert not command().request.requires_person

    @pytest.mark.parametrize(
        ("line", "offered"),
        [
            ("make all; make install", True),
            ("make all | tee log.txt", False),
            ("cd sub && make all", False),
            ("tee log.txt", True),  # One part: what Claude suggests for it is what it takes.
        ],
    )
    def test_for_good_is_offered_where_each_part_of_a_command_has_a_rule(self, line: str, offered: bool) -> None:
        found = command(tool_input={"command": line})
        assert ("allow_always" in ids(found)) == offered
        assert "allow_session" in ids(found)

    def test_every_option_is_answered_by_its_own_answer(self) -> None:
        for found in (command(), approval("ExitPlanMode", {"plan": "Do it."})):
            bodies = [found.encode(offered.answer) for offered in found.request.options]
            assert len({str(body) for body in bodies}) == len(bodies)


ONCE: dict[str, Any] = {
    "behavior": "allow",
    "updatedInput": {"command": "make test"},
    "toolUseID": "toolu_1",
    "decisionClassification": "user_temporary",
}
SESSION = {**ONCE, "updatedPermissions": [{**RULE, "destination": "session"}]}
ALWAYS = {**ONCE, "updatedPermissions": [RULE], "decisionClassification": "user_permanent"}
REFUSED: dict[str, Any] = {
    "behavior": "deny",
    "message": "The user does not allow this.",
    "toolUseID": "toolu_1",
    "decisionClassification": "user_reject",
}
STOPPED = {**REFUSED, "interrupt": True}


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "body"),
        [
            (Allow(), ONCE),
            (Allow("session"), SESSION),
            (Allow("always"), ALWAYS),
            (Allow(option="allow"), ONCE),
            (Allow(option="allow_session"), SESSION),
            (Allow(option="allow_always"), ALWAYS),
            (Allow("always", option="allow"), ONCE),
            (Allow(updated_input={"command": "make lint"}), {**ONCE, "updatedInput": {"command": "make lint"}}),
            (Deny(), REFUSED),
            (Deny("Rather not."), {**REFUSED, "message": "Rather not."}),
            (Deny(interrupt=True), STOPPED),
            (Deny(option="deny"), REFUSED),
            (Deny("Stop it.", option="deny_stop"), {**STOPPED, "message": "Stop it."}),
            (Deny(option="allow"), REFUSED),
            (Deny(option="nonsense", interrupt=True), STOPPED),
        ],
    )
    def test_an_answer_becomes_the_body_that_claude_takes(self, answer: AgentAnswer, body: object) -> None:
        assert command().encode(answer) == body

    def test_a_scope_that_is_not_offered_is_narrowed(self) -> None:
        assert command({**RULE, "destination": "session"}).encode(Allow("always")) == SESSION
        assert approval().encode(Allow("always")) == ONCE
        assert approval().encode(Allow("session")) == ONCE

    def test_a_changed_input_is_not_allowed_beyond_this_call(self) -> None:
        body = command().encode(Allow("always", updated_input={"command": "rm -rf build"}))
        assert body == {**ONCE, "updatedInput": {"command": "rm -rf build"}}
        assert command().encode(Allow("session", updated_input={"command": "make test"})) == SESSION
        named = command().encode(Allow(option="allow_session", updated_input={"command": "make all"}))
        assert named["updatedPermissions"] == SESSION["updatedPermissions"]

    def test_a_request_without_a_tool_use_names_none(self) -> None:
        assert "toolUseID" not in approval(tool_use_id=None).encode(Allow())

    @pytest.mark.parametrize(
        "answer",
        [Allow(option="allow_always"), Allow(option="nonsense"), Allow(option="deny")],
    )
    def test_an_option_that_was_not_offered_for_this_answer_is_refused(self, answer: AgentAnswer) -> None:
        with pytest.raises(InvalidRequestError, match="no such option"):
            approval().encode(answer)

    def test_an_answer_of_another_kind_is_refused(self) -> None:
        with pytest.raises(InvalidRequestError, match="not Answers"):
            approval().encode(Answers({}))

    def test_an_mcp_tool_is_answered_like_any_other(self) -> None:
        rule = {**RULE, "rules": [{"toolName": "mcp__house__add"}]}
        server = {"name": "house", "source": "sdk"}
        found = approval("mcp__house__add", {"a": 1}, mcp_server=server, permission_suggestions=[rule])
        assert option(found, "allow_always").label == "Yes, and always allow every use of mcp__house__add"
        assert found.encode(Allow("always"))["updatedPermissions"] == [rule]


class TestPlans:
    def test_an_approval_says_which_mode_follows(self) -> None:
        found = approval("ExitPlanMode", {"plan": "Do it."}, requires_user_interaction=True)
        assert ids(found) == ["allow", "accept_edits", "deny", "deny_stop"]
        asking, accepting = found.encode(Allow()), found.encode(Allow(option="accept_edits"))
        assert asking["updatedPermissions"] == [{**ACCEPT_EDITS, "mode": "default"}]
        assert accepting["updatedPermissions"] == [ACCEPT_EDITS]
        assert accepting["decisionClassification"] == "user_temporary"
        assert accepting["updatedInput"] == {"plan": "Do it."}

    @pytest.mark.parametrize("scope", ["session", "always"])
    def test_a_scope_never_accepts_edits(self, scope: Any) -> None:
        body = approval("ExitPlanMode", {}).encode(Allow(scope))
        assert body["updatedPermissions"] == [{**ACCEPT_EDITS, "mode": "default"}]

    def test_a_refusal_goes_on_planning(self) -> None:
        found = approval("ExitPlanMode", {})
        assert option(found, "deny").label == "No, keep planning"
        assert found.encode(Deny("Think about tests.")) == {**REFUSED, "message": "Think about tests."}
        assert found.encode(Deny(option="deny_stop")) == STOPPED
