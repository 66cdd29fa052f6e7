from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import agent_sdk_core
import codex_sdk

OURS = {"ClientHooks", "CodexBackend", "CodexSession", "Notification", "query", "replay"}
PACKAGES: list[ModuleType] = [agent_sdk_core, codex_sdk]


def names_of(package: ModuleType) -> list[str]:
    return list(package.__all__)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_public_name_can_be_loaded_and_is_listed(package: ModuleType) -> None:
    for name in names_of(package):
        assert getattr(package, name) is not None
    assert set(names_of(package)) <= set(dir(package))
    assert len(set(names_of(package))) == len(names_of(package))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_another_name_is_an_attribute_error(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = package.nonsense


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_a_star_import_brings_exactly_the_public_names(package: ModuleType) -> None:
    found: dict[str, object] = {}
    exec(f"from {package.__name__} import *", found)
    assert set(found) - {"__builtins__"} == set(names_of(package))


def test_the_public_names_are_the_cores_and_these() -> None:
    assert set(codex_sdk.__all__) == set(agent_sdk_core.__all__) | OURS
    for name in set(agent_sdk_core.__all__) - OURS:
        assert getattr(codex_sdk, name) is getattr(agent_sdk_core, name)
    assert codex_sdk.SessionOptions is agent_sdk_core.SessionOptions


def test_names_load_once() -> None:
    if "CodexBackend" in vars(codex_sdk):
        del codex_sdk.CodexBackend
    first = codex_sdk.CodexBackend
    assert vars(codex_sdk)["CodexBackend"] is first


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.split())


def test_the_import_costs_next_to_nothing() -> None:
    loaded = loaded_by("import codex_sdk")
    assert "codex_sdk" in loaded
    assert not loaded & {"pydantic", "anyio", "codex_sdk.backend", "codex_sdk.protocol", "unidiff"}
    assert not loaded & {"typer", "rich", "structlog", "jsonschema", "stamina", "pydantic_settings", "platformdirs"}


def test_the_backend_loads_neither_the_protocol_models_nor_what_applications_need() -> None:
    loaded = loaded_by("from codex_sdk import CodexBackend, SessionOptions; CodexBackend(); SessionOptions()")
    models = {name for name in loaded if name.startswith("codex_sdk.protocol.")}
    assert models <= {"codex_sdk.protocol.methods"}
    assert not loaded & {"typer", "rich", "structlog", "jsonschema", "stamina", "pydantic_settings", "platformdirs"}
    assert not loaded & {"unidiff", "asyncio.subprocess", "agent_sdk_testing", "claude_sdk", "agent_chat"}
    sessions = ("session", "driver", "normalizer", "routing", "threads", "asking", "process.link")
    assert not loaded & {f"codex_sdk.{module}" for module in sessions}
    assert not loaded & {f"agent_sdk_core.runtime.{module}" for module in ("session", "link", "turns", "asking")}


def test_a_backend_options_and_a_message_load_nothing_that_only_sessions_need() -> None:
    message = "AssistantMessage.from_wire({'type': 'assistant', 'message': {'content': []}})"
    names = "AssistantMessage, CodexBackend, SessionOptions"
    loaded = loaded_by(f"from codex_sdk import {names}; CodexBackend(); SessionOptions(model='x'); {message}")
    assert "agent_sdk_core.messages.conversation" in loaded
    later = ("messages.parse", "messages.system", "messages.result", "interfaces.session", "interfaces.turn")
    later += ("asking.requests", "asking.questions", "hooks.events", "hooks.table", "policy", "tools", "config.runtime")
    assert not loaded & {f"agent_sdk_core.{module}" for module in later}
