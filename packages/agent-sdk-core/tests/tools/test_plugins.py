"""Tools of installed packages: found by name, loaded only then, and refused in words."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType

import pytest

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.tools import plugins
from agent_sdk_core.tools.plugins import GROUP, load_tools, tool_names
from agent_sdk_core.tools.registry import ToolRegistry
from agent_sdk_core.tools.tool import tool


@tool
async def look() -> None:
    """Look."""


HOUSE = ToolRegistry("house", [look])
BOTH = [look, HOUSE]


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    here = "agent_sdk_plugin_under_test"
    module = ModuleType(here)
    vars(module).update(look=look, HOUSE=HOUSE, BOTH=BOTH, GROUP=GROUP)
    monkeypatch.setitem(sys.modules, here, module)
    places = {"look": f"{here}:look", "house": f"{here}:HOUSE", "both": f"{here}:BOTH", "odd": f"{here}:GROUP"}
    places |= {"gone": f"{here}:absent", "broken": "agent_sdk_no_such_module:tool"}
    entries = EntryPoints(EntryPoint(name, value, GROUP) for name, value in places.items())

    def entry_points(group: str) -> EntryPoints:
        return entries.select(group=group)

    monkeypatch.setattr(plugins, "entry_points", entry_points)


def test_a_tool_a_registry_and_a_list_are_taken_by_name() -> None:
    assert load_tools("look") == (look,)
    assert load_tools("house") == (HOUSE,)
    options = SessionOptions(tools=["both"])
    assert [registry.names for registry in options.registries] == [("mcp__house__look",), ("mcp__tools__look",)]
    assert tool_names() == ("both", "broken", "gone", "house", "look", "odd")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lok", "No tool is installed as 'lok'; 'look' is."),
        ("x", "there are: both, broken, gone, house, look, odd"),
        ("gone", "cannot be loaded: AttributeError"),
        ("broken", "cannot be loaded: ModuleNotFoundError"),
        ("odd", "is no Tool, no ToolRegistry and no list of them, but str"),
    ],
)
def test_what_cannot_be_loaded_is_refused_with_its_name(name: str, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        load_tools(name)
    assert words in caught.value.message
    with pytest.raises(InvalidRequestError, match=r"SessionOptions\.tools"):
        SessionOptions(tools=[name])


def test_a_name_alone_will_do() -> None:
    assert SessionOptions(tools="house").registries == (HOUSE,)


def test_the_built_in_ones_are_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    sys.modules.pop("agent_sdk_core.tools.shell", None)
    assert "shell" in tool_names()
    assert "agent_sdk_core.tools.shell" not in sys.modules
    assert SessionOptions(tools=["shell"]).registries[0].names == ("mcp__tools__shell",)
