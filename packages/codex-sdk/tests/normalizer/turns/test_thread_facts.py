from __future__ import annotations

import pytest

from codex_sdk.normalizer import ThreadFacts, permission_mode

RESPONSE = {
    "thread": {"id": "t", "cliVersion": "0.163.0", "cwd": "/old"},
    "model": "gpt",
    "modelProvider": "openai",
    "cwd": "/w",
    "approvalPolicy": "on-request",
    "approvalsReviewer": "user",
    "sandbox": {"type": "readOnly"},
    "reasoningEffort": "high",
}


def test_facts_are_read_from_the_response() -> None:
    assert ThreadFacts.from_response(RESPONSE, tools=("a",)) == ThreadFacts(
        "t",
        "/w",
        "gpt",
        "openai",
        "high",
        "on-request",
        "readOnly",
        "default",
        "0.163.0",
        ("a",),
        settings={
            "approvalsReviewer": "user",
            "model": "gpt",
            "cwd": "/w",
            "sandboxPolicy": {"type": "readOnly"},
            "approvalPolicy": "on-request",
            "effort": "high",
        },
    )


def test_a_poor_response_is_read_as_far_as_it_goes() -> None:
    assert ThreadFacts.from_response({"thread": {"id": "t", "cwd": "/old", "model": "m"}}) == ThreadFacts(
        "t", cwd="/old", model="m", settings={"effort": None}
    )


def test_a_granular_policy_has_a_name() -> None:
    assert ThreadFacts.from_response({**RESPONSE, "approvalPolicy": {"granular": {}}}).approval_policy == "granular"


def test_settings_replace_what_they_name() -> None:
    settings = {
        "cwd": "/n",
        "effort": None,
        "approvalPolicy": "never",
        "sandboxPolicy": {"type": "dangerFullAccess"},
        "collaborationMode": {"mode": "default"},
    }
    facts = ThreadFacts.from_response(RESPONSE).with_settings(settings)
    assert (facts.cwd, facts.model, facts.reasoning_effort) == ("/n", "gpt", None)
    assert facts.permission_mode == "bypass"


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        (("on-request", "readOnly"), "default"),
        (("on-request", "workspaceWrite", "user", "default"), "accept_edits"),
        (("never", "readOnly", None, "plan"), "plan"),
        (("on-request", "workspaceWrite", "auto_review"), "auto"),
        (("never", "readOnly"), "dont_ask"),
        (("never", "workspaceWrite"), None),
        ((None, None), None),
    ],
)
def test_settings_amount_to_a_mode(settings: tuple[str | None, ...], mode: str | None) -> None:
    assert permission_mode(*settings) == mode  # pyright: ignore[reportArgumentType]  # fewer than all
