from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]


def run(pytester: pytest.Pytester, source: str) -> pytest.RunResult:
    pytester.makepyfile(source)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider")


def test_a_request_that_is_not_scripted_fails_the_test_readably(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import urllib.error, urllib.request

        def test_it(scripted_model):
            try:
                urllib.request.urlopen(scripted_model.url + "/v1/responses", data=b'{"input": "hello"}')
            except urllib.error.HTTPError as error:
                error.close()
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*no scripted reply is left for request 1*'hello'*"])


def test_the_fixtures_fit_together(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        def test_it(scripted_model, codex_home, codex_env, agent_workspace):
            assert scripted_model.url in (codex_home / "config.toml").read_text()
            assert codex_env["CODEX_HOME"] == str(codex_home)
            assert list(agent_workspace.iterdir()) == []
        """,
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(("home", "told"), [("codex_home", 1), ("claude_config", 0)])
def test_a_failure_of_codex_says_that_its_folders_are_below_the_temporary_one(
    home: str, told: int, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(f"def test_it({home}): assert not {home}\ndef test_other({home}): pass")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path))
    monkeypatch.setattr("tempfile.tempdir", str(pytester.path))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    assert result.stdout.str().count("Set XDG_CACHE_HOME to a folder elsewhere.") == told


def test_the_fixtures_of_claude_fit_together(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        def test_it(scripted_model, claude_config, claude_env):
            assert (claude_config / "settings.json").is_file()
            assert claude_env["CLAUDE_CONFIG_DIR"] == str(claude_config)
            assert claude_env["ANTHROPIC_BASE_URL"] == scripted_model.url
        """,
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("agent", ["codex", "claude"])
def test_the_binary_is_found(agent: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"AGENT_SDK_{agent.upper()}_PATH", sys.executable)
    result = run(
        pytester, f"def test_it({agent}_executable):\n    assert str({agent}_executable) == {sys.executable!r}"
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("agent", ["codex", "claude"])
def test_a_missing_binary_fails_the_test_and_does_not_skip_it(
    agent: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"AGENT_SDK_{agent.upper()}_PATH"
    monkeypatch.setenv(variable, str(pytester.path / "none"))
    result = run(pytester, f"def test_it({agent}_executable): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*There is no {agent} executable at {pytester.path}/none (from {variable})*"])


def test_the_plugin_costs_nothing_where_it_is_not_used() -> None:
    code = "import sys, agent_sdk_testing.pytest_plugin; print([m for m in sys.modules if m.startswith('agent_sdk')])"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert loaded.strip() == "['agent_sdk_testing', 'agent_sdk_testing.pytest_plugin']"


def test_a_test_of_a_backend_runs_on_each_agent(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(agent_backend, scripted_model): print('ran on', agent_backend.type)")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-s")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*ran on claude*", "*ran on codex*"])


@pytest.mark.parametrize("how", ["option", "file"])
def test_the_agents_can_be_chosen(pytester: pytest.Pytester, how: str) -> None:
    pytester.makepyfile("def test_it(agent_backend): print('ran on', agent_backend.type)")
    pytester.makeini(f"[pytest]\nagents = {'codex' if how == 'file' else 'claude, codex'}\n")
    chosen = ["--agents", "codex"] if how == "option" else []
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-s", *chosen)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*ran on codex*"])


def test_an_agent_without_fixtures_is_told_what_it_needs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(agent_backend): pass")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--agents", "mine")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*--agents names 'mine': define the fixtures mine_executable and mine_env.*"])
