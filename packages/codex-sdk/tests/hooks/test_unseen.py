"""What Codex does without a hook is switched off where a policy refuses it, and left alone where it does not."""

from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import PolicyGuard, SessionOptions, UnsupportedOptionError
from codex_sdk.hooks.unseen import refused_unseen

OFF = {"web_search": "disabled"}
NO_IMAGES = {"features": {"image_generation": False}}


def config_of(given: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return refused_unseen(given or {}, SessionOptions(**options))


@pytest.mark.parametrize(
    ("rules", "config"),
    [
        ({"deny": ["WebSearch"]}, OFF),
        ({"ask": ["WebSearch"]}, OFF),
        ({"deny": ["WebSearch(domain:evil.example)"]}, OFF),
        ({"deny": ["WebFetch(domain:evil.example)"]}, OFF),
        ({"deny": ["kind:fetch"]}, OFF),
        ({"deny": ["kind:search"]}, OFF),
        ({"deny": ["ImageGeneration"]}, NO_IMAGES),
        ({"deny": ["*"]}, OFF | NO_IMAGES),
        ({"deny": ["kind:search(secret/**)"]}, {}),
        ({"deny": ["Bash(rm *)", "Read(.env)"], "allow": ["WebSearch"]}, {}),
    ],
)
def test_a_tool_that_no_hook_sees_is_switched_off_where_it_is_refused(rules: Any, config: dict[str, Any]) -> None:
    assert config_of(policy=PolicyGuard(**rules)) == config
    assert config_of(policy=PolicyGuard(**rules), policy_scope="asked_only") == {}


def test_what_is_configured_gives_way() -> None:
    given = {"web_search": "live", "tools.web_search": True, "features": {"hooks": True}, "model": "x"}
    config = config_of(given, policy=PolicyGuard(deny=["WebSearch", "ImageGeneration"]))
    assert config == {"model": "x", "web_search": "disabled", "features": {"hooks": True, "image_generation": False}}


def test_a_rule_about_input_of_programs_that_run_is_refused_where_it_is_about_nothing_else() -> None:
    with pytest.raises(UnsupportedOptionError, match="WriteStdin") as caught:
        config_of(policy=PolicyGuard(deny=["WriteStdin"]))
    assert caught.value.details == {"option": "policy", "rule": "WriteStdin"}
    for policy in (PolicyGuard(deny=["kind:execute"]), PolicyGuard(allow=["WriteStdin"])):
        assert config_of(policy=policy) == {}


def test_without_a_policy_nothing_is_switched_off() -> None:
    assert config_of({"web_search": "live"}) == {"web_search": "live"}
