"""The contract suite as a stranger runs it: agents are named on the command line or in the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

_ROOT = Path(__file__).parents[4]
_ONE = "agent_sdk_testing.contract.cases.test_queue"


@pytest.fixture
def stranger(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project that has an agent of its own, in a module `my_agent`."""
    pytester.makeini("[pytest]")  # A configuration in a folder above has no part in it.
    monkeypatch.setenv("PYTHONPATH", f"{pytester.path}:{_ROOT}")
    pytester.makepyfile(
        my_agent="""
        from tests.example.mini_agent import MiniAgent as MyAgent

        class Twin(MyAgent):
            traits = frozenset({"flight"})

        class OnAsyncio(MyAgent):
            loops = ("asyncio",)
        """
    )
    return pytester


def run(stranger: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return stranger.runpytest_subprocess("-p", "no:cacheprovider", "--pyargs", _ONE, *arguments)


def test_the_suite_runs_on_a_strangers_agent(stranger: pytest.Pytester) -> None:
    result = run(stranger, "--contract-agent", "my_agent:MyAgent", "-W", "error")
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed"}
    assert outcomes["passed"] > 20


def test_an_agent_may_be_named_in_the_configuration(stranger: pytest.Pytester) -> None:
    stranger.makeini("[pytest]\ncontract_agents = my_agent:MyAgent")
    result = run(stranger, "-k", "wait_idle")
    assert result.parseoutcomes() == {"passed": 2, "deselected": result.parseoutcomes()["deselected"]}


def test_an_agent_that_lacks_what_a_case_needs_has_no_such_case(stranger: pytest.Pytester) -> None:
    result = run(stranger, "--contract-agent", "my_agent:OnAsyncio", "--collect-only", "-q")
    assert "test_wait_idle" in result.stdout.str()
    assert "test_a_steered_prompt_joins" not in result.stdout.str()
    assert "asyncio" in result.stdout.str()
    assert "trio" not in result.stdout.str()


def test_without_an_agent_the_suite_says_how_to_name_one(stranger: pytest.Pytester) -> None:
    result = run(stranger)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*needs an agent*--contract-agent MODULE:CLASS*"])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere:MyAgent", "*'nowhere:MyAgent'*cannot be loaded: No module named 'nowhere'*"),
        ("my_agent:Missing", "*cannot be loaded*Missing*"),
        ("my_agent", "*(MODULE:CLASS) cannot be loaded*"),
        ("pathlib:Path", "*is no subclass of agent_sdk_testing.contract.agent.Agent*"),
        ("my_agent:Twin", "*my_agent:Twin.traits has what does not exist: flight*"),
    ],
)
def test_a_name_that_leads_to_no_agent_is_told(stranger: pytest.Pytester, name: str, says: str) -> None:
    result = run(stranger, "--contract-agent", name, "--collect-only")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([says])


def test_two_agents_of_one_name_are_refused(stranger: pytest.Pytester) -> None:
    result = run(stranger, "--contract-agent", "my_agent:MyAgent", "--contract-agent", "my_agent:MyAgent")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*have the same name*"])
