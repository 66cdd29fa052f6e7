"""What docs/claude.md says in tables is what the code and the contract suite say."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import get_args

from tests.contract.agents.claude import ClaudeAgent
from tests.contract.agents.codex import CodexAgent

from agent_sdk_testing.contract.agent import Action
from claude_sdk.process.control_requests import Controls

PAGE = (Path(__file__).parents[2] / "docs" / "claude.md").read_text(encoding="utf-8")


def test_the_table_of_permission_modes_is_the_one_that_the_contract_suite_holds() -> None:
    [header] = re.findall(r"^\| mode \| agent \| (.+) \|$", PAGE, re.MULTILINE)
    actions = header.split(" | ")
    assert sorted(actions) == sorted(get_args(Action))
    rows = re.findall(r"^\| `(\w+)` \| (claude|codex) \| (.+) \|$", PAGE, re.MULTILINE)
    told = {(mode, agent): dict(zip(actions, verdicts.split(" | "), strict=True)) for mode, agent, verdicts in rows}
    held = {
        (mode, agent.name): dict(verdicts)
        for agent in (ClaudeAgent, CodexAgent)
        for mode, verdicts in agent.modes.items()
        if verdicts
    }
    assert told == held


def test_every_control_is_named() -> None:
    methods = [name for name, _ in inspect.getmembers(Controls, inspect.isfunction) if not name.startswith("_")]
    assert [name for name in methods if f"`{name}()`" not in PAGE and f"session.{name}()" not in PAGE] == []
