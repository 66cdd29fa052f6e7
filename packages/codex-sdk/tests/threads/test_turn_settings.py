from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import InvalidRequestError, SandboxPolicy, SessionOptions, TurnOptions, UnsupportedOptionError
from codex_sdk import protocol
from codex_sdk.threads.turn_settings import own_settings, turn_settings

TOLD: dict[str, Any] = {
    "model": "own",
    "effort": None,
    "cwd": "/own",
    "approvalPolicy": "on-request",
    "approvalsReviewer": "user",
    "sandboxPolicy": {"type": "readOnly", "networkAccess": False},
}
PLAN = {"mode": "plan", "settings": {"model": "own", "reasoning_effort": None, "developer_instructions": "Plan."}}


def changed(
    asked: TurnOptions, *, options: SessionOptions | None = None, pending: dict[str, Any] | None = None, **told: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a turn changes and what puts it back, after the protocol's own models have taken both."""
    known, waiting = {**TOLD, **told}, pending or {}
    lent = turn_settings(asked, options or SessionOptions(), known, waiting)
    own = own_settings(lent, {**known, **waiting})
    protocol.TurnStartParams.model_validate({"threadId": "t", "input": [], **lent})
    protocol.ThreadSettingsUpdateParams.model_validate({"threadId": "t", **own})
    return lent, own


def test_nothing_asked_changes_nothing() -> None:
    assert changed(TurnOptions()) == ({}, {})


def test_each_setting_goes_back_to_the_threads_own(workspace: Path) -> None:
    assert changed(TurnOptions(model="m")) == ({"model": "m"}, {"model": "own"})
    assert changed(TurnOptions(cwd=workspace)) == ({"cwd": str(workspace)}, {"cwd": "/own"})
    assert changed(TurnOptions(reasoning_effort="high"), effort="low") == ({"effort": "high"}, {"effort": "low"})
    lent, own = changed(TurnOptions(permission_mode="bypass"))
    assert lent == {
        "approvalPolicy": "never", "approvalsReviewer": "user", "sandboxPolicy": {"type": "dangerFullAccess"},
    }  # fmt: skip
    assert own == {name: TOLD[name] for name in lent}


def test_the_models_own_effort_is_said_with_the_mode() -> None:
    lent, own = changed(TurnOptions(reasoning_effort="high"))
    assert lent == {"effort": "high"}
    assert own == {
        "collaborationMode": {
            "mode": "default",
            "settings": {"model": "own", "reasoning_effort": None, "developer_instructions": None},
        }
    }


def test_plan_mode_is_entered_and_left_for_one_turn() -> None:
    lent, own = changed(TurnOptions(permission_mode="plan", model="m"))
    assert (lent["collaborationMode"]["mode"], lent["collaborationMode"]["settings"]["model"]) == ("plan", "m")
    assert (own["collaborationMode"]["mode"], own["collaborationMode"]["settings"]["model"]) == ("default", "own")
    lent, own = changed(TurnOptions(permission_mode="default"), collaborationMode=PLAN)
    assert lent["collaborationMode"]["mode"] == "default"
    assert own["collaborationMode"] == PLAN


def test_what_is_set_for_good_with_the_same_request_holds_afterwards() -> None:
    lent, own = changed(TurnOptions(model="m"), pending={"model": "new", "collaborationMode": PLAN})
    assert lent["collaborationMode"]["settings"]["model"] == "m"
    assert own["model"] == own["collaborationMode"]["settings"]["model"] == "new"


def test_a_sandbox_of_the_turn_beats_the_modes_and_one_of_the_session_stays(workspace: Path) -> None:
    wanted = TurnOptions(
        permission_mode="bypass",
        sandbox=SandboxPolicy(mode="workspace-write", network=True, writable_roots=(workspace,)),
    )
    policy = changed(wanted)[0]["sandboxPolicy"]
    assert (policy["networkAccess"], policy["writableRoots"]) == (True, [str(workspace)])
    session = SessionOptions(sandbox=SandboxPolicy(mode="read-only"), add_dirs=(workspace,))
    assert "sandboxPolicy" not in changed(TurnOptions(permission_mode="accept_edits"), options=session)[0]
    full = changed(TurnOptions(sandbox=SandboxPolicy(mode="danger-full-access", network=True)))[0]
    assert full == {"sandboxPolicy": {"type": "dangerFullAccess"}}


def test_what_cannot_be_used_is_told_by_its_name(workspace: Path) -> None:
    missing = workspace / "missing"
    with pytest.raises(InvalidRequestError, match=r"TurnOptions\.cwd"):
        changed(TurnOptions(cwd=missing))
    with pytest.raises(InvalidRequestError, match=r"TurnOptions\.sandbox\.writable_roots"):
        changed(TurnOptions(sandbox=SandboxPolicy(mode="workspace-write", writable_roots=(missing,))))
    with pytest.raises(UnsupportedOptionError, match=r"TurnOptions\.sandbox: the codex backend cannot"):
        changed(TurnOptions(sandbox=SandboxPolicy(mode="danger-full-access", network=False)))
