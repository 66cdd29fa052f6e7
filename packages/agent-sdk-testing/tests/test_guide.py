from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import pytest

import agent_sdk_testing

_PAGE = Path(__file__).parents[3] / "docs" / "testing.md"
_BLOCKS = re.findall(r"^```python\n(.*?)^```", _PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("source", _BLOCKS, ids=range(len(_BLOCKS)))
def test_an_example_imports_public_names_only(source: str) -> None:
    imported = [
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module == "agent_sdk_testing"
        for alias in node.names
    ]
    assert imported
    assert set(imported) <= set(agent_sdk_testing.__all__)


@pytest.mark.parametrize(
    "source",
    [block for block in _BLOCKS if not re.search("codex_sdk|claude_sdk|agent_sdk_core", block)],
    ids=["claude", "actions", "scripts", "gate"],
)
def test_an_example_that_needs_no_sdk_runs(source: str, tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(source, encoding="utf-8")
    runpy.run_path(str(tmp_path / "example.py"))


def test_every_fixture_is_in_the_table(pytestconfig: pytest.Config) -> None:
    plugin = pytestconfig.pluginmanager.get_plugin("agent_sdk_testing")
    assert plugin is not None
    fixtures = {name for name in dir(plugin) if type(getattr(plugin, name)).__name__ == "FixtureFunctionDefinition"}
    assert fixtures == set(re.findall(r"^\| `(\w+)` \|", _PAGE.read_text(encoding="utf-8"), re.MULTILINE))
