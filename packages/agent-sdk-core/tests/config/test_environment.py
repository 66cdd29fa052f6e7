from __future__ import annotations

import pytest

from agent_sdk_core.config.environment import path_variable, settings, unknown_variables, variable
from agent_sdk_core.config.fields import BackendConfig, Fields
from agent_sdk_core.errors import InvalidRequestError

NAMES = tuple(Fields.model_fields)


def read(**variables: str) -> dict[str, object]:
    return settings({f"AGENT_SDK_{name}": value for name, value in variables.items()}, NAMES)


def test_every_setting_has_its_variable() -> None:
    for name in NAMES:
        if name not in ("backends", "flags", "policy", "retention", "store", "tools", "trusted_folders"):
            assert read(**{name.upper(): "x"}) == {name: "x"}
    for name in BackendConfig.model_fields:
        if name != "env":
            assert read(**{f"BACKENDS__MY_AGENT__{name.upper()}": "x"}) == {"backends": {"my_agent": {name: "x"}}}


def test_parts_of_a_table_have_their_variables() -> None:
    assert read(FLAGS__REDACT_STORE="false", RETENTION__MAX_AGE="90d") == {
        "flags": {"redact_store": "false"},
        "retention": {"max_age": "90d"},
    }
    for name in ("FLAGS", "RETENTION", "BACKENDS"):
        with pytest.raises(InvalidRequestError, match=f"AGENT_SDK_{name} is not a table in JSON"):
            read(**{name: "x"})


def test_the_store_has_one_variable() -> None:
    assert read(STORE_URL="/chats.db", MODEL="m") == {"model": "m", "store": {"url": "/chats.db"}}
    for name in ("STORE", "STORE__URL"):
        with pytest.raises(InvalidRequestError, match=f"AGENT_SDK_{name} is not a setting; did you mean .*STORE_URL"):
            read(**{name: "/chats.db"})


def test_tables_may_be_json() -> None:
    assert read(SANDBOX='{"mode": "read-only"}') == {"sandbox": {"mode": "read-only"}}
    assert read(SANDBOX="read-only") == {"sandbox": "read-only"}
    given = read(BACKENDS='{"a": {"model": "m"}}', BACKENDS__A__REASONING_EFFORT="low")
    assert given == {"backends": {"a": {"model": "m", "reasoning_effort": "low"}}}


@pytest.mark.parametrize("name", ["POLICY", "POLICY__ALLOW"])
def test_rules_are_no_variables(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="the rules of a policy stand in a file"):
        read(**{name: '["Bash"]'})


def test_the_path_of_an_agent_is_its_executable_and_comes_first() -> None:
    assert read(CODEX_PATH="/x") == {"backends": {"codex": {"executable": "/x"}}}
    assert read(MY_AGENT_PATH="/x") == {"backends": {"my_agent": {"executable": "/x"}}}
    both = read(CODEX_PATH="/x", BACKENDS__CODEX__EXECUTABLE="/y", BACKENDS__CODEX__MODEL="m")
    assert both == {"backends": {"codex": {"executable": "/x", "model": "m"}}}
    assert path_variable("my-agent") == "AGENT_SDK_MY_AGENT_PATH"


def test_empty_variables_and_those_of_others_are_left_alone() -> None:
    assert read(MODEL="", CODEX_PATH="", CONFIG="/x", SESSION="uuid", WEB_PORT="1", _PATH="/x") == {}
    assert settings({"MODEL": "m", "agent_sdk_model": "m"}, NAMES) == {}


def test_variables_that_mean_nothing_are_told() -> None:
    env = {f"AGENT_SDK_{name}": "x" for name in ("MODEL", "CODEX_PATH", "CONFIG", "SESSION", "WEB_PORT", "BACKENDS__A")}
    assert unknown_variables({**env, "AGENT_SDK_EMPTY": "", "OTHER": "x"}, NAMES) == ("AGENT_SDK_WEB_PORT",)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MODLE", "m", "AGENT_SDK_MODLE is not a setting; did you mean AGENT_SDK_MODEL?"),
        (
            "BACKEND__CODEX__MODEL",
            "m",
            "AGENT_SDK_BACKEND__CODEX__MODEL is not a setting; did you mean AGENT_SDK_BACKENDS__CODEX__MODEL?",
        ),
        (
            "BACKNDS__A__MODEL",
            "m",
            "AGENT_SDK_BACKNDS__A__MODEL is not a setting; did you mean AGENT_SDK_BACKENDS__A__MODEL?",
        ),
        ("BACKENDS", "{", "AGENT_SDK_BACKENDS is not a table in JSON."),
        (
            "BACKENDS__A__ENV__B",
            "c",
            (
                "AGENT_SDK_BACKENDS__A__ENV__B is not a setting: the agent sees this environment anyway, set its "
                "variables here."
            ),
        ),
        (
            "TRUSTED_FOLDERS",
            "/",
            "AGENT_SDK_TRUSTED_FOLDERS is not a setting: only your own file says which folders are trusted.",
        ),
        ("TOOLS", "shell", "AGENT_SDK_TOOLS is not a setting: only your own file names tools to be loaded."),
    ],
)
def test_what_cannot_be_read_names_the_variable(name: str, value: str, sentence: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(**{name: value})
    assert caught.value.message == sentence
    assert caught.value.details == {"variable": f"AGENT_SDK_{name}"}


@pytest.mark.parametrize(("mistyped", "meant"), [("CODEX_PAHT", "CODEX_PATH"), ("STORE_ULR", "STORE_URL")])
def test_a_mistyped_path_or_store_is_told_as_well(mistyped: str, meant: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"AGENT_SDK_{mistyped} is not a setting; .* AGENT_SDK_{meant}"):
        settings({f"AGENT_SDK_{mistyped}": "x"}, NAMES, ("claude", "codex"))
    assert settings({"AGENT_SDK_CODEX_SOMETHING": "x"}, NAMES, ("claude", "codex")) == {}


def test_a_setting_knows_its_variable() -> None:
    env = {"AGENT_SDK_BACKENDS": "{}", "AGENT_SDK_A_PATH": "/x", "AGENT_SDK_BACKENDS__B_C__MODEL": "m"}
    assert variable(env, ("backends", "a", "executable")) == "AGENT_SDK_A_PATH"
    assert variable(env, ("backends", "b-c", "model")) == "AGENT_SDK_BACKENDS__B_C__MODEL"
    assert variable(env, ("backends", "a", "model")) == "AGENT_SDK_BACKENDS"
    assert variable({}, ("model",)) == "AGENT_SDK_MODEL"
