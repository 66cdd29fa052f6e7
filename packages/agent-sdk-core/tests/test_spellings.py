from __future__ import annotations

import copy
import importlib
import inspect
import subprocess
import sys
from typing import Any

import pytest

import agent_sdk_core
from agent_sdk_core import (
    AgentBackend,
    AgentSession,
    Allow,
    Deny,
    PermissionRequest,
    SessionOptions,
    Turn,
    create_backend,
    spellings,
)
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.interfaces.turn import PromptQueue


def public(table: str) -> dict[str, str]:
    return getattr(spellings, table)


@pytest.mark.parametrize("package", ["agent_sdk_core", "claude_sdk", "codex_sdk"])
@pytest.mark.parametrize("name", ["ClaudeSDKClient", "ClaudeAgentOptions", "Codex", "PermissionResultAllow"])
def test_a_public_name_of_an_official_package_is_met_with_ours(package: str, name: str) -> None:
    module = importlib.import_module(package)
    with pytest.raises(AttributeError, match=rf"has no attribute '{name}': .*`"):
        getattr(module, name)
    assert not hasattr(module, name)
    with pytest.raises(ImportError, match=rf"cannot import name '{name}' from '{package}': .*`"):
        exec(f"from {package} import {name}")


def test_another_name_is_told_as_python_tells_it() -> None:
    with pytest.raises(ImportError, match="cannot import name 'Nonsense'"):
        exec("from agent_sdk_core import Nonsense")
    with pytest.raises(AttributeError, match=r"has no attribute 'Nonsense'$"):
        _ = agent_sdk_core.Nonsense


def test_no_name_that_there_is_stands_in_the_tables() -> None:
    assert not set(public("_PUBLIC")) & set(agent_sdk_core.__all__)
    assert not set(public("_OPTIONS")) & set(SessionOptions.model_fields)
    for interface, table in ((AgentSession, "_SESSION"), (AgentBackend, "_BACKEND"), (Turn, "_TURN")):
        assert not set(public(table)) & set(dir(interface)), interface


def test_the_tables_lead_to_names_that_there_are() -> None:
    for name in set(public("_OPTIONS").values()):
        assert name in SessionOptions.model_fields
    for call, names in public("_CALLS").items():
        found: Any = agent_sdk_core
        for part in call.split("."):
            found = getattr(found, part)
        assert set(names.values()) <= set(inspect.signature(found).parameters), call  # type: ignore[attr-defined]  # found by its name


class Bare:
    """Makes instances of an interface without its constructor, as `copy` and `pickle` do."""

    @staticmethod
    def of(interface: type) -> Any:
        made: Any = type("Made", (interface,), {})
        made.__abstractmethods__ = frozenset()
        return made.__new__(made)


@pytest.mark.parametrize(
    ("interface", "name", "said"),
    [
        (AgentSession, "receive_response", "iterate the turn"),
        (AgentSession, "connect", "create_session"),
        (AgentBackend, "thread_start", "create_session"),
        (Turn, "final_response", "turn.text"),
    ],
)
def test_an_official_method_is_met_with_ours(interface: type, name: str, said: str) -> None:
    made = Bare.of(interface)
    with pytest.raises(AttributeError, match=rf"'Made' object has no attribute '{name}': .*{said}"):
        getattr(made, name)
    assert not hasattr(made, name)
    assert getattr(made, name, 5) == 5


@pytest.mark.parametrize("interface", [AgentSession, AgentBackend, Turn, PromptQueue])
def test_another_attribute_is_told_as_python_tells_it(interface: type) -> None:
    made = Bare.of(interface)
    with pytest.raises(AttributeError, match=r"'Made' object has no attribute 'nonsense'$") as caught:
        _ = made.nonsense
    assert (caught.value.name, caught.value.obj) == ("nonsense", made)
    assert type(copy.copy(made)) is type(made)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cwd": "."}, "The codex backend takes no 'cwd'; it belongs to a session: SessionOptions."),
        ({"codex_bin": "codex"}, "The codex backend takes no 'codex_bin'; did you mean 'executable'?"),
        ({"allowedTools": []}, "it belongs to a session: SessionOptions(allowed_tools=…)."),
        ({"envv": {}}, "did you mean 'env'?"),
    ],
)
def test_what_a_backend_does_not_take_is_told_with_where_it_belongs(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        create_backend("codex", **settings)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("answer", "name", "said"),
    [
        (Allow, "updated_permissions", "did you mean 'updates'"),
        (Allow, "rules", "write Allow.*session.*PermissionUpdate.*request.options"),
        (Allow, "behavior", "an Allow is one by itself"),
        (Allow, "mode", "PermissionUpdate.*set_mode"),
        (Allow, "interrupt", r"write Deny\(interrupt=True\)"),
        (Allow, "updatedInput", "did you mean 'updated_input'"),
        (Deny, "behavior", "a Deny is one by itself"),
        (Deny, "updated_input", r"Allow\(updated_input=…\)"),
    ],
)
def test_an_answer_in_the_words_of_an_official_package_is_met_with_ours(answer: Any, name: str, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"takes no '{name}'; .*{said}"):
        answer(**{name: []})


def test_what_an_official_package_tells_of_a_request_is_met_with_where_it_stands() -> None:
    request = PermissionRequest("Bash", {"command": "ls"})
    ours = {"suggestions": "options", "tool_input": "input", "signal": "settled", "id": "request_id"}
    for name, said in ours.items():
        with pytest.raises(AttributeError, match=rf"no attribute '{name}': .*request\.{said}"):
            getattr(request, name)
    nonsense = "nonsense"
    with pytest.raises(AttributeError, match=r"no attribute 'nonsense'$"):
        getattr(request, nonsense)
    assert not set(public("_PERMISSION")) & set(dir(request))


def test_the_tables_load_only_when_a_name_was_not_found() -> None:
    code = (
        "import sys, agent_sdk_core\n"
        "agent_sdk_core.SessionOptions(cwd='.')\n"
        "assert 'agent_sdk_core.spellings' not in sys.modules\n"
        "hasattr(agent_sdk_core, 'Codex')\n"
        "assert 'agent_sdk_core.spellings' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
