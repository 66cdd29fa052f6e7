from __future__ import annotations

import subprocess
import sys

import pytest

import acp_sdk
import agent_sdk_core

OURS = {"AcpBackend", "AcpSession"}


def test_the_public_names_are_the_cores_and_these() -> None:
    assert set(acp_sdk.__all__) == set(agent_sdk_core.__all__) | OURS
    assert set(acp_sdk.__all__) <= set(dir(acp_sdk))
    for name in acp_sdk.__all__:
        assert getattr(acp_sdk, name) is not None
        assert name in OURS or getattr(acp_sdk, name) is getattr(agent_sdk_core, name)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = acp_sdk.nonsense


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.split())


def test_the_import_costs_next_to_nothing() -> None:
    loaded = loaded_by("import acp_sdk")
    assert not loaded & {"pydantic", "anyio", "asyncio", "acp_sdk.backend"}


def test_the_backend_loads_only_what_it_runs_on() -> None:
    loaded = loaded_by("from acp_sdk import AcpBackend; AcpBackend(command=['x'])")
    assert {"pydantic", "anyio"} <= loaded
    assert not loaded & {"typer", "rich", "jsonschema", "stamina", "agent_sdk_testing", "claude_sdk", "codex_sdk"}
    assert not loaded & {f"acp_sdk.{module}" for module in ("session", "driver", "sessions", "normalizer.session")}
