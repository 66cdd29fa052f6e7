from __future__ import annotations

from typing import Any, cast

import pytest

from agent_sdk_core import Allow, Answers, Deny, InvalidRequestError, PermissionOption, UnsupportedOptionError
from agent_sdk_core.asking.approvals import ends_turn, require_change
from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, Ask
from codex_sdk import protocol
from codex_sdk.asking.approvals import command_approval, patch_approval, permissions_approval
from codex_sdk.asking.envelope import Envelope
from codex_sdk.normalizer.items.patches import file_change

_AMENDMENT = ["git", "status"]
_HOSTS = [{"action": "allow", "host": "pypi.example"}, {"action": "deny", "host": "ads.example"}]


def asked(**params: Any) -> Envelope:
    native = {"threadId": "thread-1", "turnId": "turn-1", "itemId": "item-1", **params}
    return Envelope("request-1", "session-1", "0", native, deadline=12.5)


def command(**params: Any) -> Ask[PermissionRequest]:
    return command_approval(asked(**{"command": "/bin/bash -lc 'make test'", "cwd": "/project", **params}), None)


def patch(*changes: dict[str, Any], cwd: str | None = "/project", **params: Any) -> Ask[PermissionRequest]:
    return patch_approval(asked(**params), [file_change(change) for change in changes], cwd)


def change(path: str, kind: str, diff: str = "text\n", **fields: Any) -> dict[str, Any]:
    return {"path": path, "kind": {"type": kind, **fields}, "diff": diff}


def option(approval: Ask[PermissionRequest], option_id: str) -> PermissionOption:
    found = approval.request.option(option_id)
    assert found is not None
    return found


EXECPOLICY = {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": _AMENDMENT}}


class TestCommands:
    def test_the_request_shows_the_command_without_its_shell(self) -> None:
        request = command(reason="needs the network").request
        assert (request.tool_name, dict(request.input)) == ("Bash", {"command": "make test", "cwd": "/project"})
        assert (request.cwd, request.reason, request.tool_use_id) == ("/project", "needs the network", "item-1")
        assert (request.request_id, request.session_id, request.deadline) == ("request-1", "session-1", 12.5)
        assert request.source is not None
        assert (request.source.thread_id, request.source.turn_id) == ("thread-1", "turn-1")
        assert (request.source.item_id, request.source.request_id) == ("item-1", "0")
        assert request.escalates == {"sandbox"}

    def test_what_the_request_leaves_out_comes_from_the_item(self) -> None:
        request = command_approval(asked(), {"command": "bash -lc ls", "cwd": "/else"}).request
        assert dict(request.input) == {"command": "ls", "cwd": "/else"}

    def test_a_request_about_nothing_known_is_still_a_request(self) -> None:
        assert dict(command_approval(asked(), None).request.input) == {"command": "", "cwd": None}

    def test_writing_to_a_program_is_an_escalation_of_its_own(self) -> None:
        request = command(kind="writeStdin").request
        assert (request.tool_name, request.escalates) == ("WriteStdin", {"stdin"})

    @pytest.mark.parametrize("kind", ["humanCommand", "tomorrows", 5])
    def test_one_of_a_kind_of_tomorrow_is_for_a_person_and_once(self, kind: object) -> None:
        ask = command(kind=kind, proposedExecpolicyAmendment=["make"])
        assert [option.id for option in ask.request.options] == ["allow", "deny", "deny_stop"]
        assert ask.request.escalates == {"sandbox", "network", "permissions", "stdin", "path"}
        assert ask.request.requires_person
        assert not command().request.requires_person
        for scope in ("session", "always"):
            assert ask.encode(Allow(scope)) == {"decision": "accept"}

    def test_a_rule_for_one_part_of_a_command_is_not_offered_as_one_for_all(self) -> None:
        for line, prefix, offered in [
            ("make all", ["make", "all"], True),
            ("make; make install", ["make"], False),
            ("cd sub && make", ["make"], False),
            ("echo a > b", ["/bin/bash", "-lc", "echo a > b"], True),
            ("make; echo a > b", ["/bin/bash", "-lc", "make; echo a > b"], True),
        ]:
            found = command(command=f"/bin/bash -lc '{line}'", proposedExecpolicyAmendment=prefix).request.options
            assert ("allow_always" in [option.id for option in found]) == offered, line

    def test_a_network_request_names_the_host_and_is_no_sandbox_escalation(self) -> None:
        context = {"host": "pypi.example", "protocol": "https"}
        request = command(networkApprovalContext=context).request
        assert request.input["network"] == context
        assert request.escalates == {"network"}

    def test_further_permissions_are_shown_and_are_an_escalation(self) -> None:
        wanted = {"fileSystem": {"write": ["/etc"]}}
        request = command(additionalPermissions=wanted).request
        assert request.input["permissions"] == wanted
        assert request.escalates == {"sandbox", "permissions"}

    @pytest.mark.parametrize(
        ("answer", "decision"),
        [
            (Allow(), "accept"),
            (Allow("session"), "acceptForSession"),
            (Allow("always"), EXECPOLICY),
            (Allow(option="allow_always"), EXECPOLICY),
            (Allow(option="allow"), "accept"),
            (Allow(option="allow_session"), "acceptForSession"),
            (Deny("no"), "decline"),
            (Deny(interrupt=True), "cancel"),
            (Deny(option="deny"), "decline"),
            (Deny(option="deny_stop"), "cancel"),
            (Deny(option="allow"), "decline"),
            (Deny(option="nonsense", interrupt=True), "cancel"),
            (Allow(updated_input={"command": "make test", "cwd": "/project"}), "accept"),
        ],
    )
    def test_an_answer_becomes_the_decision_that_codex_takes(self, answer: AgentAnswer, decision: object) -> None:
        body = command(proposedExecpolicyAmendment=_AMENDMENT).encode(answer)
        assert body == {"decision": decision}
        protocol.CommandExecutionRequestApprovalResponse.model_validate(body)

    @pytest.mark.parametrize(
        ("option_id", "amendment"),
        [("network_allow_pypi.example", _HOSTS[0]), ("network_deny_ads.example", _HOSTS[1])],
    )
    def test_each_proposed_host_rule_is_an_option(self, option_id: str, amendment: dict[str, str]) -> None:
        approval = command(proposedNetworkPolicyAmendments=_HOSTS)
        offered = option(approval, option_id)
        assert isinstance(offered.answer, Allow if amendment["action"] == "allow" else Deny)
        assert offered.stored
        body = approval.encode(offered.answer)
        assert body == {"decision": {"applyNetworkPolicyAmendment": {"network_policy_amendment": amendment}}}
        protocol.CommandExecutionRequestApprovalResponse.model_validate(body)

    def test_every_offered_option_is_answered_by_its_own_answer(self) -> None:
        approval = command(proposedExecpolicyAmendment=_AMENDMENT, proposedNetworkPolicyAmendments=_HOSTS)
        bodies = [approval.encode(offered.answer) for offered in approval.request.options]
        for body in bodies:
            protocol.CommandExecutionRequestApprovalResponse.model_validate(body)
        assert len({str(body) for body in bodies}) == len(bodies) == 7

    def test_a_scope_that_is_not_offered_is_narrowed(self) -> None:
        assert command().encode(Allow("always")) == {"decision": "acceptForSession"}

    def test_always_is_narrowed_when_it_could_mean_several_lasting_grants(self) -> None:
        approval = command(proposedExecpolicyAmendment=_AMENDMENT, proposedNetworkPolicyAmendments=_HOSTS)
        assert approval.encode(Allow("always")) == {"decision": "acceptForSession"}

    def test_a_lasting_grant_is_offered_only_where_codex_takes_it(self) -> None:
        proposals = {"proposedExecpolicyAmendment": _AMENDMENT, "proposedNetworkPolicyAmendments": _HOSTS}
        bare = command(**proposals, availableDecisions=["accept", "cancel"]).request
        assert [offered.id for offered in bare.options] == ["allow", "allow_session", "deny", "deny_stop"]
        available = ["accept", EXECPOLICY, "cancel"]
        assert option(command(**proposals, availableDecisions=available), "allow_always").stored

    @pytest.mark.parametrize(
        "answer",
        [Allow(option="allow_always"), Allow(option="nonsense"), Allow(option="deny")],
    )
    def test_an_option_that_was_not_offered_for_this_answer_is_refused(self, answer: AgentAnswer) -> None:
        with pytest.raises(InvalidRequestError, match="no such option"):
            command().encode(answer)

    def test_a_changed_input_is_refused_because_codex_would_run_the_old_one(self) -> None:
        with pytest.raises(UnsupportedOptionError, match="cannot run a changed input"):
            require_change(command().request, Allow(updated_input={"command": "rm -rf /", "cwd": "/project"}))

    def test_an_answer_of_another_kind_is_refused(self) -> None:
        with pytest.raises(InvalidRequestError, match="not Answers"):
            command().encode(Answers({}))


class TestPatches:
    def test_one_file_looks_like_the_tool_use_that_is_shown(self) -> None:
        request = patch(change("/project/a.txt", "add", "hi\n")).request
        assert (request.tool_name, dict(request.input)) == ("Write", {"file_path": "/project/a.txt", "content": "hi\n"})
        assert request.diff == "--- /dev/null\n+++ /project/a.txt\n@@ -0,0 +1,1 @@\n+hi\n"
        assert request.escalates == {"sandbox"}

    def test_several_files_are_one_request_that_lists_them(self) -> None:
        request = patch(change("/project/a", "add"), change("/project/b", "delete")).request
        assert request.tool_name == "Edit"
        assert request.input["file_paths"] == ["/project/a", "/project/b"]
        changes = cast("list[dict[str, Any]]", request.input["changes"])
        assert [part["tool_name"] for part in changes] == ["Write", "Delete"]
        assert request.diff is not None
        assert "+++ /project/a\n" in request.diff
        assert "--- /project/b\n+++ /dev/null\n" in request.diff

    def test_several_files_of_one_kind_keep_its_name(self) -> None:
        assert patch(change("/project/a", "add"), change("/project/b", "add")).request.tool_name == "Write"

    def test_a_patch_without_files_is_an_edit_of_nothing(self) -> None:
        request = patch().request
        assert (request.tool_name, dict(request.input)) == ("Edit", {"file_paths": [], "changes": []})

    def test_a_move_shows_both_names(self) -> None:
        request = patch(change("/project/a", "update", "@@ -1 +1 @@\n-x\n+y\n", move_path="/project/b")).request
        assert request.diff == "--- /project/a\n+++ /project/b\n@@ -1,1 +1,1 @@\n-x\n+y\n"
        assert request.input["new_path"] == "/project/b"

    def test_a_diff_that_cannot_be_read_is_shown_as_it_is(self) -> None:
        request = patch(change("/project/a", "update", "@@ nonsense\n+x\n\n")).request
        assert request.diff == "--- /project/a\n+++ /project/a\n@@ nonsense\n+x\n"

    @pytest.mark.parametrize(
        ("path", "cwd", "outside"),
        [
            ("/project/a", "/project", False),
            ("/project", "/project", False),
            ("sub/a", "/project", False),
            ("/project/a", "/project/", False),
            ("/a", "/", False),
            ("/project-2/a", "/project", True),
            ("/project/../etc/passwd", "/project", True),
            ("../a", "/project", True),
            ("/project/a", None, True),
        ],
    )
    def test_a_file_outside_of_the_folder_is_an_escalation(self, path: str, cwd: str | None, outside: bool) -> None:
        assert patch(change(path, "add"), cwd=cwd).request.escalates == {"path" if outside else "sandbox"}

    def test_a_move_out_of_the_folder_is_an_escalation(self) -> None:
        moved = change("/project/a", "update", "", move_path="/etc/a")
        assert patch(moved).request.escalates == {"path"}

    def test_a_granted_root_is_an_escalation(self) -> None:
        assert patch(change("/project/a", "add"), grantRoot="/etc").request.escalates == {"path"}

    @pytest.mark.parametrize(
        ("answer", "decision"),
        [
            (Allow(), "accept"),
            (Allow("session"), "acceptForSession"),
            (Allow("always"), "acceptForSession"),
            (Deny(), "decline"),
            (Deny(interrupt=True), "cancel"),
        ],
    )
    def test_an_answer_becomes_the_decision_that_codex_takes(self, answer: AgentAnswer, decision: str) -> None:
        body = patch(change("/project/a", "add")).encode(answer)
        assert body == {"decision": decision}
        protocol.FileChangeRequestApprovalResponse.model_validate(body)


class TestPermissions:
    WANTED: dict[str, Any] = {"network": {"enabled": True}, "fileSystem": {"write": ["/etc"]}}

    def test_what_is_asked_for_says_what_it_escalates(self) -> None:
        request = permissions_approval(asked(permissions=self.WANTED, cwd="/project")).request
        assert (request.tool_name, dict(request.input)) == ("RequestPermissions", {"permissions": self.WANTED})
        assert request.escalates == {"permissions", "network", "path"}
        assert permissions_approval(asked()).request.escalates == {"permissions"}

    @pytest.mark.parametrize(
        ("answer", "scope"),
        [
            (Allow(), "turn"),
            (Allow("session"), "session"),
            (Allow("always"), "session"),
            (Allow(option="allow"), "turn"),
            (Allow(option="allow_session"), "session"),
            (Deny(), None),
            (Deny(interrupt=True), None),
            (Deny(option="deny_stop"), None),
        ],
    )
    def test_all_is_granted_or_nothing(self, answer: AgentAnswer, scope: str | None) -> None:
        body = permissions_approval(asked(permissions=self.WANTED)).encode(answer)
        granted = {"permissions": self.WANTED, "scope": scope}
        assert body == (granted if scope else {"permissions": {}, "scope": "turn"})
        protocol.PermissionsRequestApprovalResponse.model_validate(body)

    def test_an_option_that_was_not_offered_is_refused(self) -> None:
        with pytest.raises(InvalidRequestError, match="no such option"):
            permissions_approval(asked()).encode(Allow(option="allow_always"))

    @pytest.mark.parametrize(
        "part",
        [
            {},
            {"network": {"enabled": True}},
            {"network": {"enabled": False}},
            {"network": None},
            {"fileSystem": {"write": ["/etc"]}},
            {"fileSystem": {"write": []}},
        ],
    )
    def test_less_than_was_asked_for_can_be_granted(self, part: dict[str, Any]) -> None:
        answer = Allow(updated_input={"permissions": part})
        body = permissions_approval(asked(permissions=self.WANTED)).encode(answer)
        assert body == {"permissions": part, "scope": "turn"}
        protocol.PermissionsRequestApprovalResponse.model_validate(body)

    @pytest.mark.parametrize(
        "part",
        [
            {"fileSystem": {"write": ["/etc", "/usr"]}},
            {"fileSystem": {"read": ["/etc"]}},
            {"fileSystem": "all"},
            {"macos": {"everything": True}},
            None,
            "everything",
        ],
    )
    def test_more_than_was_asked_for_is_refused(self, part: object) -> None:
        request = permissions_approval(asked(permissions=self.WANTED)).request
        with pytest.raises(InvalidRequestError, match=r"Only permissions that were asked for|can change 'permissions'"):
            require_change(request, Allow(updated_input={"permissions": part}))
        require_change(request, Allow(updated_input={"permissions": {}}))

    def test_an_answer_of_another_kind_is_refused(self) -> None:
        with pytest.raises(InvalidRequestError, match="not Answers"):
            permissions_approval(asked(permissions=self.WANTED)).encode(Answers({}))


class TestStopping:
    @pytest.mark.parametrize(
        ("answer", "stopped"),
        [
            (Deny(interrupt=True), True),
            (Deny(), False),
            (Deny(option="deny"), False),
            (Deny(option="deny_stop"), True),
            (Deny(option="nonsense"), False),
            (Allow(), False),
            (None, False),
        ],
    )
    def test_a_refusal_of_permissions_ends_no_turn_by_itself(self, answer: AgentAnswer | None, stopped: bool) -> None:
        assert ends_turn(permissions_approval(asked()).request, answer) is stopped
