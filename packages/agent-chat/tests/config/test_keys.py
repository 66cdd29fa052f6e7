"""Settings by name: each that can be configured is declared, told with its value, and typed as people type it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from agent_chat.config.keys import SPECS, SettingView, keys_of, spec_of, view_of
from agent_chat.config.texts import typed_value
from agent_sdk_core import RuntimeConfig
from agent_sdk_core.config.fields import BackendConfig, Fields, PolicyRules, RetentionConfig, StoreConfig
from agent_sdk_core.config.flags import FLAGS
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.options import SandboxPolicy
from agent_sdk_core.policy.limits import PolicyLimits


def test_every_setting_is_declared() -> None:
    tables: dict[str, Any] = {
        "policy": PolicyRules,
        "policy.limits": PolicyLimits,
        "retention": RetentionConfig,
        "store": StoreConfig,
        "sandbox": SandboxPolicy,
        "backends.*": BackendConfig,
    }
    wanted = {name for name in Fields.model_fields if name not in ("policy", "retention", "store", "flags", "backends")}
    wanted |= {f"{table}.{name}" for table, model in tables.items() for name in model.model_fields}
    wanted |= {f"flags.{name}" for name in FLAGS}
    wanted -= {"policy.limits", "backends.*.env"}
    assert {spec.key for spec in SPECS} - {"backends.*.env.*"} == wanted


def load(tmp_path: Path, text: str, **env: str) -> RuntimeConfig:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return RuntimeConfig.load(cwd=tmp_path, env=env, user_file=file)


def test_a_view_says_value_and_place(tmp_path: Path) -> None:
    text = 'sandbox = "read-only"\n[backends.codex]\nexecutable = "codex"\n[backends.codex.env]\nA = "secretly"\n'
    config = load(tmp_path, text, AGENT_SDK_FLAGS__REDACT_STORE="false")
    seen = {view.key: view for view in (view_of(key, config) for key in keys_of(config, ("claude",)))}
    assert seen["sandbox"].value == {"mode": "read-only"}
    assert (seen["sandbox.mode"].value, seen["sandbox.network"].value) == ("read-only", None)
    assert seen["sandbox.mode"].place == f"{tmp_path}/config.toml:1"
    assert seen["backends.codex.executable"].value == str(tmp_path / "codex")
    assert seen["backends.codex.env.A"].value == "**********"
    assert (seen["flags.redact_store"].value, seen["flags.redact_store"].place) == (
        False,
        "AGENT_SDK_FLAGS__REDACT_STORE",
    )
    assert (seen["flags.watch_settings"].value, seen["flags.watch_settings"].is_set) == (True, False)
    assert (seen["backend"].value, seen["backend"].source) == ("codex", "default")
    assert seen["backends.claude.model"].value is None
    assert SettingView.from_wire(seen["sandbox"].to_wire()) == seen["sandbox"]
    assert "secretly" not in repr(seen)


def test_a_backend_of_another_name_is_the_same_setting(tmp_path: Path) -> None:
    config = load(tmp_path, '[backends."Claude Code"]\nmodel = "m"\n')
    assert view_of("backends.claude-code.model", config).value == "m"
    assert view_of("backends.claude-code.model", config).key == "backends.claude.model"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("modle", "did you mean 'model'"),
        ("backends.codex.modle", "did you mean 'backends.codex.model'"),
        ("retention", "set one of retention.max_age"),
        ("nothing.at.all", "there are: backend"),
        ("backends..model", "There is no setting"),
        ("", "There is no setting ''"),
    ],
)
def test_a_name_of_nothing_is_told(key: str, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        spec_of(key)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("model", "5", "5"),
        ("request_timeout", "30", 30),
        ("request_timeout", "1.5", 1.5),
        ("request_timeout", "soon", "soon"),
        ("retention.max_age", "90d", "90d"),
        ("flags.redact_store", "No", False),
        ("flags.redact_store", "perhaps", "perhaps"),
        ("tools", "shell", ["shell"]),
        ("tools", '["a", "b"]', ["a", "b"]),
        ("sandbox", "read-only", "read-only"),
        ("sandbox", '{ mode = "read-only" }', {"mode": "read-only"}),
    ],
)
def test_a_text_means_a_value_of_its_kind(key: str, text: str, value: object) -> None:
    assert typed_value(spec_of(key), text) == value


@pytest.mark.parametrize("key", ["tools", "sandbox"])
def test_a_list_or_table_that_is_none_says_how_one_is_written(key: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"{key}: this is not TOML .* write"):
        typed_value(spec_of(key), "[ {" if key == "tools" else "{ [")


def test_without_an_agent_there_is_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*, group: str) -> tuple[()]:
        del group
        return ()

    monkeypatch.setattr("agent_sdk_core.names.entry_points", nothing)
    config = RuntimeConfig.load(cwd=os.devnull, env={}, user_file=os.devnull)
    assert view_of("backend", config).value is None
