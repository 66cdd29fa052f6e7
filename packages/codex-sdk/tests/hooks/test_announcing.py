"""How Codex is told of hooks: where they stand, what trusts them, and what takes them away."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import Hook, Hooks, UnsupportedOptionError
from codex_sdk.hooks.announcing import announced

PATH = Path("/run/a folder/s")


async def check(event: Any) -> None:
    return None


def test_each_event_has_one_hook_of_ours_that_is_trusted() -> None:
    hooks = Hooks(pre_tool_use=[Hook(check, timeout=1.5), Hook(check, timeout=2)], session_start=check)
    config = announced({"model": "x"}, hooks, PATH)
    assert config["model"] == "x"
    assert config["features"] == {"hooks": True}
    table = config["hooks"]
    assert sorted(table) == ["PreToolUse", "UserPromptSubmit", "state"]
    [group] = table["PreToolUse"]
    [hook] = group["hooks"]
    assert (hook["type"], hook["timeout"]) == ("command", 34)
    assert shlex.split(hook["command"])[-3:] == [str(PATH), "PreToolUse", "24"]
    assert {key.rpartition("config.toml:")[2] for key in table["state"]} == {
        "pre_tool_use:0:0",
        "user_prompt_submit:0:0",
    }


@pytest.mark.parametrize(("asking", "least"), [({}, 300 * 86_400), ({"asking": 60.0}, 60)])
def test_a_person_whom_a_policy_asks_has_the_time_of_the_session_or_no_limit_to_speak_of(
    asking: dict[str, float], least: int
) -> None:
    [group] = announced({}, None, PATH, policed=True, **asking)["hooks"]["PreToolUse"]
    [hook] = group["hooks"]
    assert least <= hook["timeout"] < 2**36 / 1000  # What a timer of Codex's can count.


def test_hooks_of_the_caller_come_after_ours() -> None:
    theirs = {"hooks": [{"type": "command", "command": "true"}]}
    given = {"hooks": {"PreToolUse": [theirs], "Stop": [theirs], "state": {"key": {"enabled": False}}}}
    table = announced(given, Hooks(pre_tool_use=check), PATH)["hooks"]
    assert [group is theirs or group == theirs for group in table["PreToolUse"]] == [False, True]
    assert table["Stop"] == [theirs]
    assert table["state"]["key"] == {"enabled": False}


@pytest.mark.parametrize("config", [{"features": {"hooks": False}}, {"features.hooks": False}, {"hooks.Stop": []}])
def test_a_configuration_that_takes_them_away_is_refused(config: Any) -> None:
    with pytest.raises(UnsupportedOptionError) as caught:
        announced(config, Hooks(pre_tool_use=check), PATH)
    assert caught.value.details == {"option": "hooks"}


def test_without_a_python_they_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "")
    with pytest.raises(UnsupportedOptionError, match="Python"):
        announced({}, Hooks(pre_tool_use=check), PATH)
