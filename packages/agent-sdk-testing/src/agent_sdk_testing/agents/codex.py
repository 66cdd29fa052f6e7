"""Makes the real codex binary talk to a `ScriptedModel`: finds the binary and writes its CODEX_HOME.

Facts are those of codex 0.163: a custom provider without a key needs no login, the bundled catalogue knows ``gpt-5.5``,
which gets plain function tools and ``apply_patch``, while later models run their tools from JavaScript.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from agent_sdk_core.errors import StartError
from agent_sdk_core.transport.process.executable import ExecutableSearch
from agent_sdk_testing.agents import toml
from agent_sdk_testing.agents.toml import TomlValue
from agent_sdk_testing.model.scripted_model import ScriptedModel

_SEARCH = ExecutableSearch(
    name="codex",
    variable="AGENT_SDK_CODEX_PATH",
    bundled=("codex_cli_bin", "bin/codex"),
    advice="Install it with `pip install 'agent-sdk[codex]'`, put it on PATH, or set AGENT_SDK_CODEX_PATH to it.",
)

PROVIDER = "scripted"
"""The id of the model provider in the configuration."""

_FEATURES: Mapping[str, TomlValue] = {
    # A refused connection would otherwise be retried for ever, whatever the retry counts say.
    "unbounded_connection_retries": False,
    # The server reads bodies as they come.
    "enable_request_compression": False,
    # These two ask servers of their own.
    "plugins": False,
    "apps": False,
}


def write_codex_home(
    path: Path,
    model: ScriptedModel | str,
    *,
    slug: str = "gpt-5.5",
    features: Mapping[str, bool] | None = None,
    provider: Mapping[str, TomlValue] | None = None,
    **config: TomlValue,
) -> Path:
    """Fill a folder so that codex, with CODEX_HOME set to it, asks the scripted model; return the folder.

    Args:
        path: the folder; made if absent. It must not be below the system's temporary folder, see `scratch_folder`.
        model: the server, or its address without a path.
        slug: the name of the model that codex asks for.
        features: feature flags to set besides those that keep codex offline.
        provider: keys of the model provider to set, such as ``stream_max_retries`` (0 here by default),
            ``request_max_retries`` (0) and ``stream_idle_timeout_ms``.
        config: further keys and tables of config.toml, such as ``show_raw_agent_reasoning=True``.
    """
    url = model if isinstance(model, str) else model.url
    document: dict[str, TomlValue] = {
        "model": slug,
        "model_provider": PROVIDER,
        "check_for_update_on_startup": False,
        "cli_auth_credentials_store": "file",
        "analytics": {"enabled": False},
        "feedback": {"enabled": False},
        "otel": {"exporter": "none", "metrics_exporter": "none", "trace_exporter": "none"},
        **config,
        "features": {**_FEATURES, **(features or {})},
        "model_providers": {
            PROVIDER: {
                "name": "Scripted model",
                "base_url": f"{url}/v1",
                "wire_api": "responses",
                "requires_openai_auth": False,
                "request_max_retries": 0,
                "stream_max_retries": 0,
                **(provider or {}),
            }
        },
    }
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.toml").write_text(toml.dumps(document), encoding="utf-8")
    return path


def find_codex() -> Path:
    """Return the codex binary: AGENT_SDK_CODEX_PATH, then the one of ``agent-sdk[codex]``, then PATH.

    Raises:
        FileNotFoundError: there is none; the message says how to install it.
    """
    try:
        return _SEARCH.find(None, os.environ)
    except StartError as error:
        raise FileNotFoundError(error.message) from error
