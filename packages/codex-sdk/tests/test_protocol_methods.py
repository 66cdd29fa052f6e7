"""The method tables of the typed protocol agree with the bundle, name existing types and cost no pydantic."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import codex_sdk.protocol
from codex_sdk.protocol import methods

MANIFEST: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[3] / "schemas" / "codex" / "manifest.json").read_text()
)
EXPERIMENTAL = MANIFEST["methods"]["experimental"]
STABLE = MANIFEST["methods"]["stable"]


def test_version_is_the_one_of_the_bundle() -> None:
    assert MANIFEST["codex"] == methods.VERSION


def test_tables_hold_exactly_the_methods_of_the_bundle() -> None:
    assert sorted(methods.CLIENT_REQUESTS) == EXPERIMENTAL["client_requests"]
    assert sorted(methods.SERVER_REQUESTS) == EXPERIMENTAL["server_requests"]
    assert sorted(methods.SERVER_NOTIFICATIONS) == EXPERIMENTAL["server_notifications"]
    assert sorted(methods.CLIENT_NOTIFICATIONS) == EXPERIMENTAL["client_notifications"] == ["initialized"]


def test_experimental_is_what_the_stable_bundle_lacks() -> None:
    assert sorted(name for name, row in methods.CLIENT_REQUESTS.items() if not row[2]) == STABLE["client_requests"]
    assert sorted(name for name, row in methods.SERVER_REQUESTS.items() if not row[2]) == STABLE["server_requests"]


@pytest.mark.parametrize("method", [*methods.CLIENT_REQUESTS, *methods.SERVER_REQUESTS])
def test_every_request_names_types_that_exist(method: str) -> None:
    params, response, _ = {**methods.CLIENT_REQUESTS, **methods.SERVER_REQUESTS}[method]
    assert response is not None, "its response type could not be derived"
    assert hasattr(codex_sdk.protocol, response)
    assert params is None or hasattr(codex_sdk.protocol, params)


@pytest.mark.parametrize("method", methods.SERVER_NOTIFICATIONS)
def test_every_notification_names_a_type_that_exists(method: str) -> None:
    params = methods.SERVER_NOTIFICATIONS[method]
    assert params is not None
    assert hasattr(codex_sdk.protocol, params)


@pytest.mark.parametrize(
    ("method", "response"),
    [
        ("thread/start", "ThreadStartResponse"),
        ("turn/interrupt", "TurnInterruptResponse"),
        ("account/logout", "LogoutAccountResponse"),
        ("account/workspaceMessages/read", "GetWorkspaceMessagesResponse"),
        ("config/batchWrite", "ConfigWriteResponse"),
        ("config/mcpServer/reload", "McpServerRefreshResponse"),
        ("externalAgentConfig/import/readHistories", "ExternalAgentConfigImportHistoriesReadResponse"),
    ],
)
def test_responses_are_derived_also_where_names_are_irregular(method: str, response: str) -> None:
    assert methods.CLIENT_REQUESTS[method][1] == response


@pytest.mark.parametrize("module", ["codex_sdk.protocol", "codex_sdk.protocol.methods"])
def test_tables_load_without_pydantic(module: str) -> None:
    code = f"import sys, {module}; print(sorted(n for n in sys.modules if n.split('.')[0] == 'pydantic'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "[]\n"


def test_types_load_only_the_areas_they_need() -> None:
    code = (
        "import sys; from codex_sdk.protocol import ThreadItem, TurnCompletedNotification\n"
        "print(sorted(n.rsplit('.', 1)[1] for n in sys.modules if n.startswith('codex_sdk.protocol.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "['common', 'items', 'model', 'turn']\n"
