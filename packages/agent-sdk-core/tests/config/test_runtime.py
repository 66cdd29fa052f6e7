from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_sdk_core import names
from agent_sdk_core.config.fields import BackendConfig
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.config.sources import ValueSource
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.options import SandboxPolicy
from agent_sdk_core.policy.limits import PolicyLimits
from agent_sdk_core.secret import Secret


class Named:
    """An entry point of which only the name is looked at."""

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self.value = value


@pytest.fixture(autouse=True)
def backends(monkeypatch: pytest.MonkeyPatch) -> None:
    registered = {
        names.GROUP: [Named("codex", "c:B"), Named("claude", "d:B")],
        names.ALIAS_GROUP: [Named("claude-code", "d:B"), Named("lost", "e:B")],
        names.KIND_GROUP: [Named("pipe", "f:B")],
    }

    def entry_points(group: str) -> list[Named]:
        return registered[group]

    monkeypatch.setattr(names, "entry_points", entry_points)


class Place:
    """A user's file, a workspace, and an environment."""

    def __init__(self, folder: Path) -> None:
        self.user_file = folder / "config" / "config.toml"
        self.workspace = folder / "work" / ".agent-sdk.toml"
        for file in (self.user_file, self.workspace):
            file.parent.mkdir()
        (self.workspace.parent / ".git").mkdir()
        self.env: dict[str, str] = {}

    def user(self, text: str) -> None:
        self.user_file.write_text(text, encoding="utf-8")

    def theirs(self, text: str) -> None:
        self.workspace.write_text(text, encoding="utf-8")

    def load(self, **arguments: object) -> RuntimeConfig:
        env = {"AGENT_SDK_CONFIG": str(self.user_file), **self.env} if self.user_file.exists() else self.env
        user_file = None if self.user_file.exists() else os.devnull
        return RuntimeConfig.load(cwd=self.workspace.parent, env=env, user_file=user_file, **arguments)

    def refused(self, **arguments: object) -> str:
        with pytest.raises(InvalidRequestError) as caught:
            self.load(**arguments)
        assert caught.value.code == "invalid_configuration"
        return caught.value.message


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_nothing_configured_leaves_everything_to_the_agent(place: Place) -> None:
    config = place.load()
    assert config == RuntimeConfig() or config.model_dump() == RuntimeConfig().model_dump()
    assert config.source("model") == ValueSource("default")
    assert str(config.source("model")) == "default"
    assert config.session_options("codex").model_fields_set == set()
    assert config.backend_settings("codex") == {}


def test_each_layer_beats_the_ones_below_it_and_says_so(place: Place) -> None:
    place.user('model = "user"')
    assert (place.load().model, str(place.load().source("model"))) == ("user", f"{place.user_file}:1")
    place.theirs('\nmodel = "workspace"')
    assert (place.load().model, str(place.load().source("model"))) == ("workspace", f"{place.workspace}:2")
    place.env["AGENT_SDK_MODEL"] = "environment"
    assert (place.load().model, str(place.load().source("model"))) == ("environment", "AGENT_SDK_MODEL")
    config = place.load(model="argument", backend=None)
    assert (config.model, config.source("model")) == ("argument", ValueSource("argument"))
    assert config.source("backend").kind == "default"


LAYERS = ("user", "workspace", "environment", "argument")
SETTINGS = (("backend",), ("model",), ("reasoning_effort",), ("backends", "codex", "model"), ("backends", "x", "model"))


@given(
    said=st.dictionaries(
        st.tuples(st.sampled_from(LAYERS), st.sampled_from(SETTINGS)), st.sampled_from(["claude", "b", "c"])
    )
)
def test_the_highest_layer_that_says_something_decides(
    tmp_path_factory: pytest.TempPathFactory, said: dict[tuple[str, tuple[str, ...]], str]
) -> None:
    place = Place(tmp_path_factory.mktemp("place"))
    lines: dict[str, list[str]] = {layer: [] for layer in LAYERS}
    arguments: dict[str, Any] = {}
    for (layer, path), value in said.items():
        lines[layer].append(f"{'.'.join(path)} = {json.dumps(value)}")
        if layer == "environment":
            place.env[f"AGENT_SDK_{'__'.join(path).upper()}"] = value
        if layer == "argument":
            at = arguments
            for name in path[:-1]:
                at = at.setdefault(name, {})
            at[path[-1]] = value
    place.user("\n".join(lines["user"]))
    place.theirs("\n".join(lines["workspace"]))
    config = place.load(**arguments)
    data = config.model_dump()
    for path in SETTINGS:
        deciding = next((layer for layer in reversed(LAYERS) if (layer, path) in said), "default")
        value = data
        for name in path:
            value = (value or {}).get(name)
        assert value == said.get((deciding, path))
        assert config.source(".".join(path)).kind == deciding


def test_the_files_and_the_folder_are_told(place: Place) -> None:
    place.user("")
    place.env["AGENT_SDK_OF_SOMEBODY"] = "1"
    config = place.load()
    assert [(file.kind, file.path, file.exists) for file in config.files] == [
        ("user", place.user_file, True),
        ("workspace", place.workspace, False),
    ]
    assert config.workspace is not None
    assert (config.workspace.root, config.workspace.trusted) == (place.workspace.parent, False)
    assert config.unknown_variables == ("AGENT_SDK_OF_SOMEBODY",)
    assert (RuntimeConfig().files, RuntimeConfig().workspace, RuntimeConfig().unknown_variables) == ((), None, ())


def test_without_a_workspace_there_is_only_the_users_file(place: Place) -> None:
    config = RuntimeConfig.load(cwd="\0", env={}, user_file=os.devnull)
    assert (len(config.files), config.workspace) == (1, None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('modle = "m"', "line 1: there is no setting 'modle'; did you mean 'model'?"),
        (
            '[backends.codex]\nexecutible = "m"',
            "line 2: there is no setting 'backends.codex.executible'; did you mean 'executable'?",
        ),
        ("[sandbox]\nnetwrk = true\nmode = 'read-only'", "line 2: there is no setting 'sandbox.netwrk'; did you mean "),
        (
            "extras = []",
            (
                "line 1: there is no setting 'extras'; there are: backend, model, reasoning_effort, permission_mode, "
                "sandbox, request_timeout, trusted_folders, policy, store, retention, flags, tools, backends."
            ),
        ),
        ("model = 3", "line 1: model must be text, not a number."),
        ("model = true", "line 1: model must be text, not true or false."),
        ("model = 2020-01-01", "line 1: model must be text, not this."),
        ('model = " "', "line 1: model is empty; leave it out."),
        ('reasoning_effort = ""', "line 1: reasoning_effort is empty; leave it out."),
        ("backends = 3", "line 1: backends must be a table, not a number."),
        ("backends.codex = []", "line 1: backends.codex must be a table, not a list."),
        ("sandbox = 3", "line 1: sandbox must be a table, not a number."),
        ("[sandbox]\nnetwork = true", "line 1: sandbox.mode is missing."),
        ('trusted_folders = "/"', "line 1: trusted_folders must be a list, not text."),
        ("trusted_folders = [1]", "line 1: trusted_folders must be a path, not a number."),
        ('request_timeout = "5"', "line 1: request_timeout must be a number, not text."),
        ("request_timeout = 0", "line 1: request_timeout must be greater than 0."),
        ("request_timeout = inf", "line 1: request_timeout must be a finite number."),
        (
            'permission_mode = "yolo"',
            (
                "line 1: permission_mode must be 'default', 'accept_edits', 'plan', 'auto', 'dont_ask' or 'bypass', "
                "not 'yolo'."
            ),
        ),
        ("permission_mode = []", "line 1: permission_mode must be 'default', 'accept_edits', 'plan', 'auto', "),
        ("backends.codex.env.A = 5", "line 1: backends.codex.env.A must be text, not a number."),
        ("backends.codex.env = 'A=5'", "line 1: backends.codex.env must be a table, not text."),
        ('backends.codex.env."A=B" = "c"', "line 1: backends.codex.env 'A=B' is no name of an environment variable."),
        ('backends.codex.env.A = "\\u0000"', "line 1: backends.codex.env the value of 'A' holds a NUL character."),
        ('[backends.codx]\nmodel = "m"', "line 2: there is no backend for 'backends.codx'; did you mean 'codex'?"),
        (
            '[backends.claude]\nmodel = "a"\n[backends."Claude Code"]\nmodel = "b"',
            "line 4: backends.Claude Code.model and backends.claude.model are the same setting; keep one.",
        ),
        ('[backends." "]\nmodel = "x"', "line 2: the table of backends.' ' names no backend."),
    ],
)
def test_a_setting_that_is_of_no_use_is_one_sentence_with_its_place(place: Place, text: str, sentence: str) -> None:
    place.user(text)
    said = place.refused()
    assert said.startswith(f"{place.user_file}, {sentence}")
    assert "\n" not in said


def test_an_error_tells_programs_where_it_is(place: Place) -> None:
    place.user("model = 3")
    with pytest.raises(InvalidRequestError) as caught:
        place.load()
    assert caught.value.details == {"key": "model", "file": str(place.user_file), "line": 1}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("REQUEST_TIMEOUT", "x", "AGENT_SDK_REQUEST_TIMEOUT must be a number, not text."),
        ("SANDBOX", "yolo", "sandbox.mode in AGENT_SDK_SANDBOX must be 'read-only', "),
        ("BACKENDS", '{"codex": {"model": 3}}', "backends.codex.model in AGENT_SDK_BACKENDS must be text, not "),
        ("BACKENDS__CODEX", "x", "AGENT_SDK_BACKENDS__CODEX must be a table, not text."),
        (
            "BACKENDS__CODEX__MODLE",
            "x",
            "there is no setting 'AGENT_SDK_BACKENDS__CODEX__MODLE'; did you mean 'model'?",
        ),
        (
            "BACKENDS__CODX__MODEL",
            "x",
            "there is no backend for 'AGENT_SDK_BACKENDS__CODX__MODEL'; did you mean 'codex'",
        ),
    ],
)
def test_a_variable_that_is_of_no_use_is_named(place: Place, name: str, value: str, sentence: str) -> None:
    place.env[f"AGENT_SDK_{name}"] = value
    assert place.refused().startswith(sentence)


def test_an_argument_that_is_of_no_use_is_named(place: Place) -> None:
    assert place.refused(modle="m") == "there is no setting 'modle'; did you mean 'model'?"
    assert place.refused(model=3) == "model must be text, not a number."


def test_values_of_the_environment_are_read_from_text(place: Place) -> None:
    place.env |= {
        "AGENT_SDK_REQUEST_TIMEOUT": "2.5",
        "AGENT_SDK_SANDBOX": '{"mode": "workspace-write", "network": false}',
        "AGENT_SDK_PERMISSION_MODE": "Accept-Edits",
        "AGENT_SDK_BACKEND": "Claude Code",
    }
    config = place.load()
    assert (config.request_timeout, config.permission_mode, config.backend) == (2.5, "accept_edits", "claude")
    assert config.sandbox == SandboxPolicy(mode="workspace-write", network=False)


def test_an_error_shows_no_secret(place: Place) -> None:
    place.user('[backends.codex.env]\nTOKEN = ["sk-1"]')
    assert "sk-1" not in place.refused()


def test_secrets_are_not_shown_by_the_configuration(place: Place) -> None:
    place.user('[backends.codex.env]\nTOKEN = "sk-1"')
    config = place.load()
    assert config.backends["codex"].env == {"TOKEN": Secret("sk-1")}
    for shown in (repr(config), str(config), config.model_dump_json(), str(config.model_dump())):
        assert "sk-1" not in shown
    settings = config.backend_settings("codex", {"PATH": "/bin", "TOKEN": "old"})
    assert settings == {"env": {"PATH": "/bin", "TOKEN": "sk-1"}}
    assert config.backend_settings("codex").get("env") == {**os.environ, "TOKEN": "sk-1"}


def test_paths_are_relative_to_the_file_that_names_them(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    root = place.workspace.parent
    place.user(
        f'trusted_folders = ["../work", "~/a", {json.dumps(str(root / "b"))}]\n'
        '[sandbox]\nmode = "workspace-write"\nwritable_roots = ["x", "~/y"]'
    )
    place.theirs('backends.codex.executable = "bin/codex"')
    place.env["AGENT_SDK_CLAUDE_PATH"] = "claude"
    config = place.load()
    assert config.trusted_folders == (root, Path("/home/me/a"), root / "b")
    assert config.sandbox is not None
    assert config.sandbox.writable_roots == (str(place.user_file.parent / "x"), "/home/me/y")
    assert config.backend_settings("codex") == {"executable": root / "bin" / "codex"}
    assert config.backend_settings("claude_code") == {"executable": Path.cwd() / "claude"}


REFUSED = [
    ('backends.codex.executable = "x"', "backends.codex.executable"),
    ('backends.codex.env.PATH = "x"', "backends.codex.env.PATH"),
    ("request_timeout = 5", "request_timeout"),
    ('permission_mode = "bypass"', "permission_mode"),
    ('sandbox = "danger-full-access"', "sandbox"),
]


@pytest.mark.parametrize(("text", "key"), REFUSED)
def test_a_strangers_file_is_refused_by_name_until_the_folder_is_trusted(place: Place, text: str, key: str) -> None:
    place.theirs(f"# comment\n{text}")
    root = place.workspace.parent
    place.user("")
    said = place.refused()
    assert said.startswith(f"{place.workspace}, line 2: a workspace file may not set {key}: ")
    assert said.endswith(f'trust the folder: add "{root}" to trusted_folders in {place.user_file}.')
    place.user(f"trusted_folders = [{json.dumps(str(root))}]")
    config = place.load()
    assert config.source(key).kind == "workspace"
    assert config.workspace is not None
    assert config.workspace.trusted
    place.user_file.unlink()
    assert place.load(trusted_folders=[root]).source(key).kind == "workspace"


def test_what_the_environment_or_an_argument_says_does_not_excuse_the_file(place: Place) -> None:
    place.theirs('permission_mode = "bypass"')
    place.env["AGENT_SDK_PERMISSION_MODE"] = "bypass"
    assert "'bypass' is not stricter" in place.refused(permission_mode="bypass")


def test_a_tool_that_is_not_installed_is_named_with_the_nearest_where_it_stands(place: Place) -> None:
    place.user('model = "m"\ntools = ["shell", "shel"]')
    with pytest.raises(InvalidRequestError) as caught:
        place.load()
    words = "tools names what cannot be used: No tool is installed as 'shel'; 'shell' is."
    assert caught.value.message == f"{place.user_file}, line 2: {words}"
    assert caught.value.code == "invalid_configuration"
    with pytest.raises(InvalidRequestError, match="No tool is installed as 'hammer'; there are: shell"):
        RuntimeConfig(tools=("hammer",))


def test_only_the_users_own_file_names_tools(place: Place) -> None:
    place.user('tools = ["shell"]')
    config = place.load()
    assert config.tools == ("shell",)
    assert [registry.names for registry in config.session_options("codex").registries] == [("mcp__tools__shell",)]
    assert config.session_options("codex", tools=None).registries == ()
    place.theirs('tools = ["shell"]')
    place.user(f'trusted_folders = ["{place.workspace.parent}"]')
    with pytest.raises(InvalidRequestError, match="only your own file names tools to be loaded"):
        place.load()


def test_a_strangers_file_cannot_trust_itself(place: Place) -> None:
    place.theirs(f"trusted_folders = [{json.dumps(str(place.workspace.parent))}]")
    assert place.refused().endswith("only your own file says which folders are trusted. Remove it.")


def test_a_strangers_file_may_choose_and_tighten(place: Place) -> None:
    place.user('permission_mode = "auto"\nsandbox = "workspace-write"')
    place.theirs(
        'backend = "claude"\nmodel = "m"\nreasoning_effort = "low"\npermission_mode = "plan"\nsandbox = "read-only"'
    )
    config = place.load()
    assert {config.source(name).kind for name in ("backend", "model", "permission_mode", "sandbox")} == {"workspace"}


def test_a_link_in_a_trusted_folder_to_a_strangers_is_not_trusted(place: Place, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / ".agent-sdk.toml").write_text('backends.codex.executable = "x"')
    (place.workspace.parent / "link").symlink_to(stranger)
    with pytest.raises(InvalidRequestError, match=r"may not set backends\.codex\.executable"):
        RuntimeConfig.load(
            cwd=place.workspace.parent / "link",
            env={},
            user_file=os.devnull,
            trusted_folders=[place.workspace.parent, place.workspace.parent / "lin"],
        )


def chosen(config: RuntimeConfig, backend: str) -> tuple[str | None, str]:
    setting = config.chosen("model", backend)
    assert setting.source == config.source(setting.key) or setting.value is None
    return setting.value, setting.key


def test_a_backends_own_model_beats_the_general_one_of_the_same_layer(place: Place) -> None:
    place.user('model = "general"\n[backends.codex]\nmodel = "own"')
    config = place.load()
    assert chosen(config, "codex") == ("own", "backends.codex.model")
    assert chosen(config, "Claude Code") == ("general", "model")
    place.env["AGENT_SDK_MODEL"] = "urgent"
    assert chosen(place.load(), "codex") == ("urgent", "model")


def test_a_model_named_along_with_a_backend_is_for_that_backend(place: Place) -> None:
    place.user('backend = "codex"\nmodel = "of codex"')
    place.env["AGENT_SDK_BACKEND"] = "claude"
    config = place.load()
    assert chosen(config, "claude") == (None, "model")
    assert config.chosen("model", "codex").value == "of codex"
    assert config.session_options().model is None
    place.env["AGENT_SDK_MODEL"] = "of claude"
    config = place.load()
    assert config.session_options().model == "of claude"
    assert config.session_options("codex").model == "of codex"


def test_session_options_hold_what_is_configured_and_what_is_given(place: Place) -> None:
    place.user(
        'model = "m"\nreasoning_effort = "low"\npermission_mode = "plan"\nsandbox = "read-only"\nrequest_timeout = 5'
    )
    config = place.load()
    options = config.session_options("codex", cwd="/x", reasoning_effort=None, permission_mode="default")
    assert options.model_dump(exclude_unset=True) == {
        "cwd": "/x",
        "model": "m",
        "reasoning_effort": None,
        "permission_mode": "default",
        "sandbox": {"mode": "read-only"},
        "request_timeout": 5.0,
    }


def test_a_configuration_can_be_made_by_hand() -> None:
    config = RuntimeConfig(
        model="m", backend="Codex", backends={"claude-code": BackendConfig(model="n", executable=Path("/x"))}
    )
    assert config.source("model").kind == "argument"
    assert config.source("backends.claude.executable").kind == "argument"
    assert config.source("permission_mode").kind == "default"
    assert config.backend_settings("claude") == {"executable": Path("/x")}
    assert chosen(config, "claude") == ("n", "backends.claude.model")
    assert config.chosen("model", "codex").value == "m"
    assert config.session_options().model == "m"


def test_what_is_said_to_be_none_is_not_said() -> None:
    config = RuntimeConfig(model=None, backends={"codex": BackendConfig(model=None)})
    assert config.source("model").kind == config.source("backends.codex.model").kind == "default"


def test_the_rules_of_all_files_apply_each_with_its_place(place: Place) -> None:
    place.user('[policy]\nallow = ["Bash(ls *)"]\ndeny = ["Bash(rm *)"]\nscope = "asked_only"')
    place.theirs('\n[policy]\ndeny = ["Edit(.git/**)"]\nask = ["Bash"]')
    config = place.load(policy={"deny": ["WebFetch"]})
    assert config.policy.deny == ("Bash(rm *)", "Edit(.git/**)", "WebFetch")
    guard = config.policy_guard()
    assert guard is not None
    assert [(rule.verdict, rule.text, rule.source) for rule in guard.rules] == [
        ("deny", "Bash(rm *)", f"{place.user_file}:3"),
        ("deny", "Edit(.git/**)", f"{place.workspace}:3"),
        ("deny", "WebFetch", "argument"),
        ("ask", "Bash", f"{place.workspace}:4"),
        ("allow", "Bash(ls *)", f"{place.user_file}:2"),
    ]
    options = config.session_options("codex")
    assert (options.policy, options.policy_scope) == (guard, "asked_only")
    assert RuntimeConfig().policy_guard() is None
    assert RuntimeConfig().session_options("codex").policy is None


def test_of_the_limits_of_all_files_the_tightest_applies(place: Place) -> None:
    place.user("[policy.limits]\nturns = 5\ntokens = 100")
    place.theirs("\n[policy.limits]\nturns = 9\ntokens = 50\ntool_calls = 0")
    config = place.load(policy={"limits": {"cost_usd": 1.5, "tokens": 70}})
    assert config.policy.limits == PolicyLimits(turns=5, tokens=50, tool_calls=0, cost_usd=1.5)
    assert str(config.source("policy.limits.turns")) == f"{place.user_file}:2"
    assert str(config.source("policy.limits.tokens")) == f"{place.workspace}:4"
    guard = config.policy_guard()
    assert guard is not None
    assert (guard.rules, guard.limits) == ((), config.policy.limits)
    assert config.session_options("codex").policy == guard


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[policy.limits]\nturn = 1", "there is no setting 'policy.limits.turn'; did you mean 'turns'?"),
        ("[policy.limits]\nturns = 0", "policy.limits.turns must be greater than 0"),
        ('[policy]\nallow = ["Bash"]', "a workspace file may not set policy.allow: a repository may refuse more"),
        ('[policy]\nscope = "asked_only"', "a workspace file may not set policy.scope: only your own file"),
        ('[policy]\ndeny = ["bash"]', "policy.deny has the rule 'bash': the tool is spelt Bash."),
        ('[policy]\ndeny = ["Bsh(x)"]', "'Bsh(x)': no tool 'Bsh' takes a pattern; did you mean 'Bash'?"),
        ('[policy]\ndney = ["Bash"]', "there is no setting 'policy.dney'; did you mean 'deny'?"),
        ('[policy]\ndeny = "Bash"', "policy.deny must be"),
    ],
)
def test_rules_of_a_workspace_that_cannot_be_used_are_refused(place: Place, text: str, sentence: str) -> None:
    place.theirs(text)
    assert sentence in place.refused()
    assert "?." not in place.refused()


def test_a_configuration_does_not_change() -> None:
    config = RuntimeConfig(model="m")
    with pytest.raises(InvalidRequestError, match="RuntimeConfig cannot be changed; make a copy"):
        config.model = "n"  # type: ignore[misc]  # frozen: what is tested


def test_importing_the_package_loads_nothing_that_configuration_needs() -> None:
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "import agent_sdk_core\n"
        "from agent_sdk_core import AgentBackend, SessionOptions, create_backend\n"
        "print(*sorted((set(sys.modules) - before) & {'pydantic_settings', 'platformdirs', 'tomllib', 'dotenv'}))\n"
        "agent_sdk_core.RuntimeConfig.load(env={'AGENT_SDK_CODEX_PATH': '/x'}, user_file='/dev/null', model='m')\n"
        "print(*sorted(set(sys.modules) & {'pydantic_settings', 'platformdirs', 'dotenv'}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout.split("\n")[:2] == ["", ""]


def test_an_error_of_the_configuration_crosses_processes(place: Place) -> None:
    place.user("model = 3")
    with pytest.raises(InvalidRequestError) as caught:
        place.load()
    assert pickle.loads(pickle.dumps(caught.value)).message == caught.value.message


def test_an_agent_of_a_kind_is_named_in_a_file(place: Place) -> None:
    place.user('backend = "open-code"\n[backends.open-code]\ntype = "pipe"\ncommand = ["opencode", "acp"]')
    config = place.load()
    assert config.chosen_type() == "open-code"
    assert config.kind_of("Open Code") == "pipe"
    assert config.kind_of("codex") is None
    assert config.backend_settings("open-code") == {"command": ("opencode", "acp")}
    assert str(config.source("backends.open-code.command")).endswith(":4")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ('"opencode acp"', "must be a list, the program and each argument by itself: ['opencode', 'acp']"),
        ("[]", "is empty; name a program"),
        ("[1]", "backends.mine.command"),
    ],
)
def test_a_command_is_a_list_of_texts(place: Place, command: str, words: str) -> None:
    place.user(f'[backends.mine]\ntype = "pipe"\ncommand = {command}')
    assert words in place.refused()


def test_a_strangers_file_names_no_command(place: Place) -> None:
    place.theirs('[backends.mine]\ntype = "pipe"\ncommand = ["sh"]')
    assert "a workspace file may not set backends.mine" in place.refused()


def test_a_name_of_ones_own_may_look_like_a_registered_one(place: Place) -> None:
    place.user('[backends.codex2]\ntype = "pipe"\ncommand = ["sh"]')
    assert place.load().names() == ("claude", "codex", "codex2")


def test_an_agent_that_runs_elsewhere_is_named_in_a_file(place: Place) -> None:
    place.user(
        '[backends.office]\ntype = "codex"\nurl = "wss://agents.example"\ntoken = { env = "OFFICE_TOKEN" }\n'
        '[backends.codex]\nurl = "unix:///run/codex"\nexecutable = "codex"\n'
    )
    os.environ["OFFICE_TOKEN"] = "t-0"
    try:
        config = place.load()
    finally:
        del os.environ["OFFICE_TOKEN"]
    assert config.kind_of("office") == "codex"
    assert config.backend_settings("office") == {"url": "wss://agents.example", "token": Secret("t-0")}
    # How it would be started says nothing of one that runs already.
    assert config.backend_settings("codex") == {"url": "unix:///run/codex"}
    assert "t-0" not in repr(config)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('url = ""', "backends.codex.url is empty"),
        ('url = "wss://me:sekret@agents.example/a"', "backends.codex.url holds credentials"),
        ("token = 3", "backends.codex.token"),
        ('token = { env = "NO_SUCH_TOKEN" }', "NO_SUCH_TOKEN"),
    ],
)
def test_an_address_holds_no_secret_and_a_token_is_one(place: Place, table: str, words: str) -> None:
    place.user(f"[backends.codex]\n{table}")
    assert words in (said := place.refused())
    assert "sekret" not in said


def test_a_token_needs_an_address(place: Place) -> None:
    place.user('[backends.codex]\ntoken = "t-0"')
    with pytest.raises(InvalidRequestError, match=r"line 2: .*has a token and no url to show it at"):
        place.load().backend_settings("codex")


@pytest.mark.parametrize("setting", ['url = "ws://127.0.0.1:1"', 'token = "t"'])
def test_a_strangers_file_names_no_address(place: Place, setting: str) -> None:
    place.theirs(f"[backends.codex]\n{setting}")
    assert "a workspace file may not set backends.codex" in place.refused()
