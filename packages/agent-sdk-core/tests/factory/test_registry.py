from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import names
from agent_sdk_core.config.fields import BackendConfig
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.errors import AgentError, ExecutableNotFoundError, InvalidRequestError, SpawnError
from agent_sdk_core.factory.diagnose import AvailableBackend, available_backends
from agent_sdk_core.factory.one_shot import OneShotTurn, query
from agent_sdk_core.factory.registry import create_backend, load_backend
from agent_sdk_core.names import backend_names, parse_backend_type
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.secret import Secret


@pytest.fixture(autouse=True)
def configured_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the configuration of whoever runs the tests out."""
    for name in [name for name in os.environ if name.startswith("AGENT_SDK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AGENT_SDK_CONFIG", os.devnull)
    monkeypatch.chdir(tmp_path)


class Entry:
    """An entry point that loads to something, or fails to."""

    def __init__(self, name: str, loaded: Any, value: str | None = None) -> None:
        self.name = name
        self.value = value or f"{name}_sdk:Backend"
        self._loaded = loaded

    def load(self) -> Any:
        if isinstance(self._loaded, Exception):
            raise self._loaded
        return self._loaded


def located(result: Any) -> type:
    class Located:
        def __init__(self, **settings: Any) -> None:
            self.settings = settings

        @classmethod
        def locate(cls) -> Any:
            if isinstance(result, Exception):
                raise result
            return result

    return Located


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_entries(*entries: Entry, aliases: tuple[Entry, ...] = (), kinds: tuple[Entry, ...] = ()) -> None:
        registered = {names.GROUP: entries, names.ALIAS_GROUP: aliases, names.KIND_GROUP: kinds}

        def entry_points(group: str) -> list[Entry]:
            return list(registered[group])

        monkeypatch.setattr(names, "entry_points", entry_points)

    return set_entries


def test_a_broken_backend_does_not_hide_the_others(register: Any) -> None:
    register(
        Entry("zeta", located(Path("/bin/zeta"))),
        Entry("broken", ImportError("no module named x")),
        Entry("missing", located(ExecutableNotFoundError("Install it."))),
        Entry("faulty", located(KeyError("bug"))),
        Entry("pure", located(None)),
    )
    found = available_backends()
    assert [(one.type, one.usable, one.status, one.executable) for one in found] == [
        ("broken", False, "error", None),
        ("faulty", False, "error", None),
        ("missing", False, "missing", None),
        ("pure", True, "ok", None),
        ("zeta", True, "ok", "/bin/zeta"),
    ]
    assert [(one.problem or "").partition(". ")[0] for one in found] == [
        "broken_sdk:Backend cannot be loaded: no module named x",
        "faulty_sdk:Backend cannot be loaded: 'bug'",
        "Install it",
        "",
        "",
    ]
    assert all(isinstance(one, AvailableBackend) for one in found)


def test_a_backend_is_made_by_its_name_with_its_settings(register: Any) -> None:
    one, two = located(None), located(None)
    register(Entry("codex", one), Entry("Mine", two))
    assert type(create_backend()) is one
    assert type(create_backend("codex")) is one
    for name in ("Mine", "mine", " MINE "):
        backend: Any = create_backend(name, executable="/x")
        assert type(backend) is two
        assert backend.settings == {"executable": "/x"}


def test_an_unknown_name_lists_those_that_are_registered(register: Any) -> None:
    register(Entry("b", located(None)), Entry("a", ImportError()))
    with pytest.raises(InvalidRequestError, match=r"'nobody'.*Registered: a, b\.") as caught:
        create_backend("nobody")
    assert caught.value.details == {"type": "nobody"}


def test_without_any_backend_the_error_says_what_to_install(register: Any) -> None:
    register()
    with pytest.raises(InvalidRequestError) as caught:
        create_backend()
    assert '`pip install "agent-sdk[claude]"` or `pip install "agent-sdk[codex]"` brings one.' in str(caught.value)
    assert available_backends() == []


@pytest.mark.parametrize("name", ["claude", "Claude Code"])
def test_a_backend_of_ours_that_is_not_there_is_an_extra_to_install(register: Any, name: str) -> None:
    register(Entry("codex", located(None)))
    with pytest.raises(InvalidRequestError) as caught:
        create_backend(name)
    assert str(caught.value).endswith('Registered: codex. `pip install "agent-sdk[claude]"` brings claude.')


def test_other_backends_that_are_broken_do_not_matter(register: Any) -> None:
    wanted = located(None)
    register(Entry("broken", ImportError()), Entry("codex", wanted))
    assert type(create_backend()) is wanted


@pytest.mark.anyio
async def test_query_makes_a_backend_by_name_or_takes_one(make_backend: Any, register: Any) -> None:
    register(Entry("memory", make_backend))
    for named in ("memory", make_backend()):
        async with query("hi", backend=named) as turn:
            assert isinstance(turn, OneShotTurn)
    with pytest.raises(InvalidRequestError):
        query("hi", backend="nobody")


def test_the_installed_backends_are_found_by_their_entry_points() -> None:
    assert "codex" in [backend.type for backend in available_backends()]


def test_a_backend_that_is_installed_or_removed_meanwhile_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", [os.fspath(tmp_path), *sys.path])
    before = backend_names()
    installed = tmp_path / "new_agent-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: new-agent\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[agent_sdk.backends]\nnew-agent = new_agent:Backend\n")
    os.utime(tmp_path, ns=(1, 1))
    assert set(backend_names()) == {*before, "new-agent"}
    shutil.rmtree(installed)
    os.utime(tmp_path, ns=(2, 2))
    assert backend_names() == before


def test_a_name_is_found_however_it_is_written_and_by_its_aliases(register: Any) -> None:
    aliases = (Entry("my-code", None, "my_agent_sdk:Backend"), Entry("lost", None, "nobody:Backend"))
    register(Entry("my_agent", located(None)), Entry("codex", located(None)), aliases=aliases)
    for written in ("my_agent", " My-Agent ", "my agent", "MY  AGENT", "my_code", "My Code"):
        assert parse_backend_type(written) == "my_agent"
    with pytest.raises(InvalidRequestError, match="No backend is called 'lost'"):
        parse_backend_type("lost")
    assert backend_names() == ("codex", "my_agent")


@pytest.mark.parametrize(
    ("written", "meant"), [("codx", "codex"), ("my_cod", "my-code"), ("CODEX5", "codex"), ("", None), ("zzz", None)]
)
def test_a_name_that_is_not_found_is_told_with_the_nearest_one(register: Any, written: str, meant: str | None) -> None:
    aliases = (Entry("my-code", None, "my_agent_sdk:Backend"),)
    register(Entry("my_agent", located(None)), Entry("codex", located(None)), aliases=aliases)
    with pytest.raises(InvalidRequestError) as caught:
        parse_backend_type(written)
    hint = f"; did you mean {meant!r}?" if meant else "."
    assert caught.value.message == f"No backend is called {written!r}{hint} Registered: codex, my_agent."


def test_the_configuration_chooses_when_the_caller_does_not(register: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = located(None), located(None)
    register(Entry("codex", one), Entry("other", two))
    assert load_backend() is one
    assert load_backend(config=RuntimeConfig(backend="Other")) is two
    assert load_backend("codex", config=RuntimeConfig(backend="other")) is one
    monkeypatch.setenv("AGENT_SDK_BACKEND", "other")
    assert load_backend() is two
    assert type(create_backend()) is two
    assert type(create_backend(config=RuntimeConfig())) is one


def test_a_configured_backend_that_is_not_there_is_told_with_its_place(register: Any, tmp_path: Path) -> None:
    register(Entry("codex", located(None)))
    file = tmp_path / "config.toml"
    file.write_text('\nbackend = "codx"')
    config = RuntimeConfig.load(user_file=file, env={})
    with pytest.raises(InvalidRequestError, match=rf"'codx' \(from {file}:2\); did you mean 'codex'\? Registered"):
        create_backend(config=config)
    with pytest.raises(InvalidRequestError, match=r"'codx'; did you mean 'codex'\?"):
        RuntimeConfig(backend="codx").chosen_type()


def test_without_a_choice_it_is_the_only_one_or_the_default(register: Any) -> None:
    register(Entry("other", located(None)))
    assert RuntimeConfig().chosen_type() == "other"
    register(Entry("other", located(None)), Entry("codex", located(None)))
    assert RuntimeConfig().chosen_type() == "codex"
    register(Entry("b", located(None)), Entry("a", located(None)))
    with pytest.raises(InvalidRequestError, match=r"Several backends are installed \(a, b\) and none is chosen"):
        RuntimeConfig().chosen_type()


def made(config: RuntimeConfig | None = None, **settings: Any) -> Any:
    backend: Any = create_backend("codex", config=config, **settings)
    return backend.settings


def test_the_configuration_gives_the_executable_and_the_environment(register: Any, tmp_path: Path) -> None:
    register(Entry("codex", located(None)))
    executable = tmp_path / "codex"
    executable.touch(0o755)
    config = RuntimeConfig(backends={"codex": BackendConfig(executable=executable, env={"KEY": Secret("sk-1")})})
    assert made(config) == {"executable": executable, "env": {**os.environ, "KEY": "sk-1"}}
    assert made(config, env={"A": "b"}, more=1) == {"executable": executable, "env": {"A": "b"}, "more": 1}
    assert made(config, executable="/x")["executable"] == "/x"
    assert made(config, executable=None)["executable"] is None
    assert made(RuntimeConfig()) == {}


def test_an_executable_in_the_agents_own_environment_beats_the_configured_one(register: Any, tmp_path: Path) -> None:
    register(Entry("codex", located(None)))
    config = RuntimeConfig(backends={"codex": BackendConfig(executable=tmp_path / "codex")})
    env = {"AGENT_SDK_CODEX_PATH": "/x"}
    assert made(config, env=env) == {"env": env}


def test_the_executables_variable_beats_the_users_file(
    register: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(Entry("codex", located(None)))
    for name in ("of-file", "of-variable"):
        (tmp_path / name).touch(0o755)
    (tmp_path / "config.toml").write_text('backends.codex.executable = "of-file"')
    monkeypatch.setenv("AGENT_SDK_CONFIG", str(tmp_path / "config.toml"))
    assert made() == {"executable": tmp_path / "of-file"}
    monkeypatch.setenv("AGENT_SDK_CODEX_PATH", str(tmp_path / "of-variable"))
    assert made() == {"executable": tmp_path / "of-variable"}


def test_a_configured_executable_that_is_not_there_is_told_with_its_place(
    register: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(Entry("codex", located(Path("/bin/codex"))), Entry("other", located(Path("/bin/other"))))
    (tmp_path / "config.toml").write_text('backends.codex.executable = "none"')
    monkeypatch.setenv("AGENT_SDK_CONFIG", str(tmp_path / "config.toml"))
    place = f"There is no codex executable at {tmp_path}/none (from {tmp_path}/config.toml:1)."
    with pytest.raises(ExecutableNotFoundError) as caught:
        made()
    assert caught.value.message.startswith(place)
    codex, other = available_backends()
    assert (codex.type, (codex.problem or "")[: len(place)]) == ("codex", place)
    assert (codex.status, other.executable, other.usable) == ("error", "/bin/other", True)
    (tmp_path / "none").touch(0o755)
    assert available_backends()[0].executable == str(tmp_path / "none")
    monkeypatch.setenv("AGENT_SDK_CODEX_PATH", "/nowhere/codex")
    with pytest.raises(ExecutableNotFoundError, match=r"/nowhere/codex \(from AGENT_SDK_CODEX_PATH\)"):
        made()


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("folder", ExecutableNotFoundError, "it is a folder"),
        ("plain", SpawnError, "may not be executed"),
        ("missing", ExecutableNotFoundError, "There is no codex executable"),
    ],
)
def test_what_cannot_be_executed_is_told_with_the_variable_that_names_it(
    register: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, error: type[AgentError], words: str
) -> None:
    register(Entry("codex", located(None)))
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain").touch(0o644)
    monkeypatch.setenv("AGENT_SDK_CODEX_PATH", str(tmp_path / kind))
    with pytest.raises(error, match=words) as caught:
        made()
    assert type(caught.value) is error
    assert f"{tmp_path / kind} (from AGENT_SDK_CODEX_PATH)" in caught.value.message
    assert words in (available_backends()[0].problem or "")


def test_a_wrong_configuration_is_told_whatever_backend_is_named(
    register: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(Entry("codex", located(None)))
    monkeypatch.setenv("AGENT_SDK_MODLE", "m")
    with pytest.raises(InvalidRequestError, match="did you mean AGENT_SDK_MODEL"):
        create_backend("codex")
    assert made(RuntimeConfig()) == {}


class Opened(Exception):
    """Carries what a session would be opened with."""


@pytest.mark.anyio
async def test_query_opens_its_session_as_configured(
    make_backend: Any, register: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Watched(make_backend):
        async def create_session(self, options: SessionOptions | None = None) -> Any:
            raise Opened(options)

    async def options_of(**given: Any) -> Any:
        with pytest.raises(Opened) as caught:
            await query("hi", **given).wait()
        return caught.value.args[0]

    register(Entry("memory", Watched))
    monkeypatch.setenv("AGENT_SDK_MODEL", "m")
    assert await options_of() == SessionOptions(model="m")
    options = SessionOptions(cwd="/x", model="n")
    assert await options_of(options=options) == options
    assert await options_of(options=SessionOptions(cwd="/x")) == SessionOptions(cwd="/x", model="m")
    assert await options_of(backend="memory", config=RuntimeConfig()) == SessionOptions()
    assert await options_of(backend=Watched(), options=options) is options
    assert await options_of(backend=Watched(), config=RuntimeConfig(model="k")) == SessionOptions(model="k")


def test_the_installed_agents_have_aliases() -> None:
    assert parse_backend_type("Codex CLI") == "codex"


class Plain:
    """A backend that takes two settings."""

    def __init__(self, *, executable: str | None = None, startup_timeout: float = 1.0) -> None:
        self.settings = (executable, startup_timeout)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("cwd", "The plain backend takes no 'cwd'; it belongs to a session: SessionOptions."),
        ("startup_timout", "takes no 'startup_timout'; did you mean 'startup_timeout'?"),
        ("zzz", "takes no 'zzz'; it takes executable, startup_timeout."),
    ],
)
def test_a_setting_that_a_backend_does_not_take_is_refused(register: Any, setting: str, words: str) -> None:
    register(Entry("plain", Plain))
    settings: dict[str, Any] = {setting: 1}
    with pytest.raises(InvalidRequestError) as caught:
        create_backend("plain", **settings)
    assert words in caught.value.message


def test_a_backend_keeps_the_configuration_that_made_it(register: Any) -> None:
    register(Entry("plain", Plain))
    config = RuntimeConfig(model="one")
    assert create_backend("plain", config=config).configuration is config


class Piped:
    """A backend of a kind: any agent, which a command starts."""

    def __init__(self, *, command: tuple[str, ...], name: str = "pipe", env: Any = None) -> None:
        self.made = command, name, env
        self.configuration: RuntimeConfig | None = None


def piped(**table: Any) -> RuntimeConfig:
    return RuntimeConfig(backends={"Mine": BackendConfig(type="pipe", command=("sh", "-c"), **table)}, backend="mine")


def test_an_agent_that_the_configuration_names_is_made_like_any_other(register: Any) -> None:
    register(Entry("codex", located(None)), kinds=(Entry("pipe", Piped),))
    config = piped(env={"A": Secret("b")})
    for name in ("mine", " MINE ", None):
        made: Any = create_backend(name, config=config)
        command, called, env = made.made
        assert (command, called, env["A"]) == (("sh", "-c"), "mine", "b")
    assert load_backend("mine", config=config) is Piped
    assert load_backend("pipe") is Piped
    other: Any = create_backend("pipe", config=config, command=("cat",))
    assert other.made[:2] == (("cat",), "pipe")
    given: Any = create_backend("mine", config=config, command=("cat",))
    assert given.made[:2] == (("cat",), "mine")


def test_a_kind_of_backends_is_no_backend_to_choose(register: Any) -> None:
    register(Entry("codex", located(Path("/bin/codex"))), kinds=(Entry("pipe", Piped),))
    assert backend_names() == ("codex",)
    assert piped().names() == ("codex", "mine")
    with pytest.raises(InvalidRequestError, match=r"pipe backend needs command: .*\[backends.NAME\]"):
        create_backend("pipe", config=RuntimeConfig())
    shown = {agent.type: agent for agent in available_backends(config=piped())}
    assert shown["mine"].executable is not None
    assert shown["mine"].executable.endswith("/sh")
    missing = RuntimeConfig(backends={"mine": BackendConfig(type="pipe", command=("no-such-program",))})
    assert "'no-such-program'" in str(available_backends(config=missing)[1].problem)
    bare = RuntimeConfig(backends={"mine": BackendConfig(type="pipe")})
    assert "no command" in str(available_backends(config=bare)[1].problem)


@pytest.mark.parametrize(
    ("tables", "name", "words"),
    [
        ({"mine": BackendConfig(command=("sh",))}, "mine", 'a command and no type; add type = "acp"'),
        ({"codex": BackendConfig(type="pipe", command=("sh",))}, "codex", "codex has its own; choose another name"),
        ({"mine": BackendConfig(type="nothing", command=("sh",))}, "mine", "No backend is called 'nothing'"),
        ({"mine": BackendConfig(url="ws://127.0.0.1:1")}, "mine", 'a url and no type; add type = "codex"'),
        ({"mine": BackendConfig(type="pipe", url="ws://127.0.0.1:1")}, "mine", "url is nothing that the pipe backend"),
        ({}, "mine", "No backend is called 'mine'"),
    ],
)
def test_a_table_that_makes_no_agent_says_why(
    register: Any, tables: dict[str, BackendConfig], name: str, words: str
) -> None:
    register(Entry("codex", located(None)), kinds=(Entry("pipe", Piped),))
    with pytest.raises(InvalidRequestError, match=words.replace("(", r"\(")):
        create_backend(name, config=RuntimeConfig(backends=tables))


def test_a_backend_of_one_name_has_no_other(register: Any) -> None:
    class Single:
        def __init__(self, *, url: Any = None) -> None: ...

    register(Entry("codex", Single))
    config = RuntimeConfig(backends={"mine": BackendConfig(type="codex", url="ws://127.0.0.1:1")})
    with pytest.raises(InvalidRequestError, match=r"is 'codex', of which there is one; .* below \[backends.codex\]"):
        create_backend("mine", config=config)


def test_an_agent_that_runs_elsewhere_is_reached_as_configured(register: Any, tmp_path: Path) -> None:
    made: list[dict[str, Any]] = []

    class Reaching:
        def __init__(
            self, *, executable: Any = None, url: Any = None, token: Any = None, name: str = "codex", env: Any = None
        ) -> None:
            made.append({"executable": executable, "url": url, "token": token, "name": name, "env": env})

    register(Entry("codex", Reaching))
    executable = tmp_path / "codex"
    executable.touch()
    table = BackendConfig(
        url="wss://agents.example", token=Secret("t-0"), executable=executable, env={"A": Secret("b")}
    )
    config = RuntimeConfig(backends={"codex": table, "office": table.model_copy(update={"type": "codex"})})
    create_backend("codex", config=config)
    create_backend("office", config=config)
    create_backend("office", config=config, executable="here")
    create_backend("office", config=config, url="unix:///other")
    there = {"executable": None, "url": "wss://agents.example", "token": Secret("t-0"), "env": None}
    nowhere = {"executable": None, "url": None, "token": None, "env": None, "name": "office"}
    assert made == [
        {**there, "name": "codex"},
        {**there, "name": "office"},
        {**nowhere, "executable": "here"},
        {**nowhere, "url": "unix:///other"},  # Another address is not shown this one's token.
    ]
    assert [agent.executable for agent in available_backends(config=config)] == ["wss://agents.example"] * 2
