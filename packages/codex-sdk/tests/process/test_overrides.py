from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import InvalidRequestError
from codex_sdk import CodexBackend
from codex_sdk.process.overrides import override_arguments

SERVER = {"command": "x", "env": {"API_KEY": "quite-secret"}}


def test_overrides_are_values_of_toml_by_dotted_keys_or_tables() -> None:
    overrides = {"model": "m", "features.goals": False, "history": {"max_bytes": 5}}
    assert override_arguments(overrides) == (
        *("-c", 'model="m"'),
        *("-c", "features.goals=false"),
        *("-c", "history={ max_bytes = 5 }"),
    )
    assert override_arguments(None) == ()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"modle": "m"}, r"has 'modle', which Codex does not know; did you mean 'model'\?$"),
        ({"zzzzzz": "m"}, r"has 'zzzzzz', which Codex does not know\.$"),
        ({"sandbox_workspace_write.netwrok_access": True}, "did you mean 'network_access'"),
        ({"model": None}, "None has no form in TOML"),
        ({"model": b"m"}, "of type bytes"),
        ({"mcp_servers": {"a": SERVER}}, "holds a secret in mcp_servers.a.env.API_KEY, and would be on a command line"),
        ({"mcp_servers.a.env.API_KEY": "quite-secret"}, "holds a secret in mcp_servers.a.env.API_KEY"),
        ({"model_providers": {"a": {"experimental_bearer_token": "x"}}}, "a.experimental_bearer_token"),
        ({"notify": ["run", "sk-abcdefghijkl"]}, r"holds a secret in notify\[1\]"),
        ({"openai_base_url": "https://me:password@example.com"}, "holds a secret in openai_base_url"),
    ],
    ids=str,
)
def test_what_cannot_be_overridden_is_refused_when_the_backend_is_made(overrides: Any, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words) as caught:
        CodexBackend(config_overrides=overrides)
    assert caught.value.details["option"] == "config_overrides"
    assert "quite-secret" not in str(caught.value)


def test_names_of_variables_are_no_secrets() -> None:
    overrides = {
        "model_providers": {"a": {"env_key": "MY_API_KEY", "env_http_headers": {"X-Api-Key": "MY_API_KEY"}}},
        "mcp_servers": {"b": {"bearer_token_env_var": "MY_TOKEN", "env_vars": ["MY_TOKEN"]}},
    }
    assert len(override_arguments(overrides)) == 4
