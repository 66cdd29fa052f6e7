from __future__ import annotations

import copy
import importlib
import inspect
import re
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
    official_names,
    spellings,
    sync,
)
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.interfaces.turn import PromptQueue


def public(table: str) -> dict[str, str]:
    return getattr(official_names if table == "_PUBLIC" else spellings, table)


@pytest.mark.parametrize("package", ["agent_sdk_core", "claude_sdk", "codex_sdk"])
@pytest.mark.parametrize("name", ["ClaudeSDKClient", "ClaudeAgentOptions", "Codex", "PermissionResultAllow"])
def test_a_public_name_of_an_official_package_is_met_with_ours(package: str, name: str) -> None:
    module = importlib.import_module(package)
    with pytest.raises(AttributeError, match=rf"has no attribute '{name}': .*`"):
        getattr(module, name)
    assert not hasattr(module, name)
    with pytest.raises(ImportError, match=rf"cannot import name '{name}' from '{package}': .*`"):
        exec(f"from {package} import {name}")


@pytest.mark.parametrize(
    ("module", "name", "said"),
    [
        ("agent_sdk_core", "HookMatcher", "`Hook`"),
        ("agent_sdk_core", "PreToolUseHookInput", "`PreToolUseEvent`"),
        ("agent_sdk_core", "ResultMesage", "did you mean 'ResultMessage'"),
        ("claude_sdk", "sessionOptions", "did you mean 'SessionOptions'"),
        ("agent_sdk_core.sync", "ClaudeAgentOptions", "`SessionOptions`"),
        ("agent_sdk_core.sync", "TextInput", "it is `agent_sdk_core.TextInput`"),
        ("agent_sdk_core.sync", "create_backed", "did you mean 'create_backend'"),
    ],
)
def test_a_public_name_that_is_near_or_elsewhere_is_told(module: str, name: str, said: str) -> None:
    found = importlib.import_module(module)
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'.*{said}"):
        getattr(found, name)
    with pytest.raises(ImportError, match=f"cannot import name '{name}' from '{module}'.*{said}"):
        exec(f"from {module} import {name}")


def test_what_the_hints_name_exists() -> None:
    """Whoever follows a hint finds what it names."""
    told = [
        hint for table in ("_PUBLIC", "_SESSION", "_BACKEND", "_TURN", "_PERMISSION") for hint in public(table).values()
    ]
    code = [each for hint in told for each in re.findall(r"`([^`]*)`", hint)]
    names = {name for each in code for name in re.findall(r"(?<![\w\"])([A-Z]\w+)", each)} - {"True", "None"}
    assert len(names) > 40
    places = {"session": AgentSession, "backend": AgentBackend, "turn": Turn, "request": PermissionRequest}
    assert [name for name in names if not hasattr(agent_sdk_core, name) and name != "ClaudeBackend"] == []
    methods = [match for each in code for match in re.findall(r"\b(session|backend|turn|request)\.(\w+)", each)]
    assert len(methods) > 30
    assert [f"{at}.{name}" for at, name in methods if not hasattr(places[at], name)] == ["session.session_id"] * 2
    assert "session_id" in inspect.get_annotations(AgentSession)


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


@pytest.mark.parametrize(
    ("face", "name", "said"),
    [
        (sync.AgentSession, "receive_response", "iterate the turn: `for message in session.query(prompt)`."),
        (sync.AgentSession, "aclose", "here it is `close()`."),
        (sync.AgentBackend, "thread_start", "open a session with `backend.create_session(SessionOptions(…))`."),
        (sync.AgentBackend, "login_chatgpt", "log in with `with backend.login() as login`."),
        (sync.Turn, "run", "wait for its end with `turn.wait()`."),
    ],
)
def test_an_official_method_is_met_with_that_of_the_synchronous_face(face: Any, name: str, said: str) -> None:
    made: Any = face.__new__(face)
    with pytest.raises(AttributeError) as caught:
        getattr(made, name)
    assert str(caught.value) == f"{face.__name__!r} object has no attribute {name!r}: {said}"
    with pytest.raises(AttributeError, match=r"has no attribute 'nonsense'$"):
        _ = made.nonsense


def test_no_advice_for_the_synchronous_face_awaits() -> None:
    for table in ("_SESSION", "_BACKEND", "_TURN", "_PERMISSION"):
        for hint in public(table).values():
            plain = spellings.without_async(hint)
            assert "await" not in plain, plain
            assert "async" not in plain, plain


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("stderr", r"backend\.logs\(\)"),
        ("session_store", r"ClaudeBackend\(session_store=…\)"),
        ("max_buffer_size", "none is needed"),
        ("permission_prompt_tool_name", "can_use_tool"),
        ("enable_file_checkpointing", "nothing of the kind"),
    ],
)
def test_an_option_that_went_elsewhere_is_told_where(option: str, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=rf"^SessionOptions\.{option} does not exist; .*{said}"):
        SessionOptions.model_validate({option: None})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tools": ["Read"]}, "chosen by builtin_tools"),
        ({"tools": {"type": "preset", "preset": "claude_code"}}, "not a table; .* builtin_tools"),
        ({"sandbox": "read-only"}, r"such as SandboxPolicy\(mode='read-only'\), not str"),
        ({"policy": {"allow": []}}, r"such as PolicyGuard\(allow="),
    ],
)
def test_an_option_in_the_words_of_an_official_package_is_met_with_ours(options: Any, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        SessionOptions(**options)


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
        "tables = {'agent_sdk_core.spellings', 'agent_sdk_core.official_names'}\n"
        "assert not tables & set(sys.modules)\n"
        "hasattr(agent_sdk_core, 'Codex')\n"
        "assert 'agent_sdk_core.official_names' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
