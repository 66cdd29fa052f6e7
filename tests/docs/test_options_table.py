"""The table of docs/options.md says of every option what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acp_sdk import AcpBackend
from agent_sdk_core import SessionOptions
from claude_sdk import ClaudeBackend
from codex_sdk import CodexBackend

ROOT = Path(__file__).parents[2]
ROW = re.compile(
    r"^\| `(\w+)` \| .+ \| (.+) \| (yes|\u2013)(.*) \| (yes|\u2013)(.*) \| (yes|\u2013)(.*) \|$", re.MULTILINE
)
ROWS = {row[1]: row for row in ROW.finditer((ROOT / "docs" / "options.md").read_text(encoding="utf-8"))}


def test_the_table_names_every_option_in_the_order_of_the_class() -> None:
    assert list(ROWS) == list(SessionOptions.model_fields)


@pytest.mark.parametrize(("backend", "column"), [(ClaudeBackend, 3), (CodexBackend, 5), (AcpBackend, 7)])
def test_the_table_says_which_options_raise(
    backend: type[AcpBackend | ClaudeBackend | CodexBackend], column: int
) -> None:
    assert {name for name, row in ROWS.items() if row[column] != "yes"} == backend.capabilities.unsupported_options


def test_the_table_tells_the_defaults_that_are_not_absent() -> None:
    options = SessionOptions()
    told = {name: row[2] for name, row in ROWS.items() if row[2] in ("`True`", "`False`")}
    assert told == {name: f"`{value}`" for name in ROWS if isinstance(value := getattr(options, name), bool)}
