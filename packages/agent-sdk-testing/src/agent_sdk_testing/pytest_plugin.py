"""The pytest fixtures of agent-sdk-testing, loaded through the ``pytest11`` entry point.

Everything but pytest is imported in the fixtures, so that a test run which does not use them pays nothing.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from agent_sdk_core import AgentBackend
    from agent_sdk_testing.model.scripted_model import ScriptedModel

# An installation in development mode does not tell pytest which modules belong to the plugin.
pytest.register_assert_rewrite("agent_sdk_testing.contract")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that name the agents which the contract suite runs on."""
    group = parser.getgroup("agent-sdk")
    group.addoption(
        "--agents", metavar="NAMES", help="the agents that tests with agent_backend run on, such as claude,codex"
    )
    parser.addini("agents", "the agents that tests with agent_backend run on", default="claude,codex")
    group.addoption(
        "--contract-agent",
        action="append",
        metavar="MODULE:CLASS",
        help="run the contract suite on this agent, a subclass of agent_sdk_testing.contract.agent.Agent; repeatable",
    )
    group.addoption(
        "--contract-loops",
        dest="contract_loops",
        choices=["both", "declared"],
        default="declared",
        help="run each case on both event loops, also for agents that ask for one of them a case",
    )
    parser.addini("contract_agents", "the agents that the contract suite runs on, as MODULE:CLASS", type="args")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `agent_backend` once for each agent."""
    if "agent_backend" in metafunc.fixturenames:
        config = metafunc.config
        named = config.getoption("agents") or config.getini("agents")
        names = [name for name in re.split(r"[\s,]+", str(named)) if name]
        metafunc.parametrize("agent_backend", names, indirect=True)


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark of the contract suite."""
    config.addinivalue_line("markers", "contract(needs, lacks): a case of the contract suite for some agents only")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say with the failure of a test of codex that its folders are where codex does not work as elsewhere."""
    report = yield
    if report.failed and any("codex" in name for name in (item.name, *getattr(item, "fixturenames", ()))):
        from agent_sdk_testing.agents.environment import cache_folder, unfit_for_codex

        if (why := unfit_for_codex(cache_folder())) is not None:
            report.sections.append(("scratch folders", why))
    return report


@pytest.fixture
def scripted_model() -> Iterator[ScriptedModel]:
    """A running `ScriptedModel`; the test fails if it was asked something that its script does not answer."""
    from agent_sdk_testing.model.scripted_model import ScriptedModel

    with ScriptedModel() as model:
        yield model
    try:
        model.check()
    except AssertionError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def codex_home(scripted_model: ScriptedModel) -> Iterator[Path]:
    """A CODEX_HOME whose codex asks `scripted_model`; call `write_codex_home` on it again for other settings."""
    from agent_sdk_testing.agents.codex import write_codex_home
    from agent_sdk_testing.agents.environment import scratch_folder

    with scratch_folder(prefix="codex-") as path:
        yield write_codex_home(path, scripted_model)


@pytest.fixture
def codex_env(codex_home: Path) -> dict[str, str]:
    """The environment for a codex that asks `scripted_model`, with nothing of an agent inherited."""
    from agent_sdk_testing.agents.environment import clean_env

    return clean_env(codex_home=codex_home)


@pytest.fixture(scope="session")
def codex_executable() -> Path:
    """The real codex binary; a test that needs it fails where it is missing, and says how to install it."""
    from agent_sdk_testing.agents.codex import find_codex

    try:
        return find_codex()
    except FileNotFoundError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def claude_config() -> Iterator[Path]:
    """A CLAUDE_CONFIG_DIR past its first start; call `write_claude_config` on it again for other settings."""
    from agent_sdk_testing.agents.claude import write_claude_config
    from agent_sdk_testing.agents.environment import scratch_folder

    with scratch_folder(prefix="claude-") as path:
        yield write_claude_config(path)


@pytest.fixture
def claude_env(claude_config: Path, scripted_model: ScriptedModel) -> dict[str, str]:
    """The environment for a claude that asks `scripted_model` and nobody else, with nothing of an agent inherited."""
    from agent_sdk_testing.agents.environment import clean_env

    return clean_env(claude_config_dir=claude_config, model=scripted_model)


@pytest.fixture(scope="session")
def claude_executable() -> Path:
    """The real claude binary; a test that needs it fails where it is missing, and says how to install it."""
    from agent_sdk_testing.agents.claude import find_claude

    try:
        return find_claude()
    except FileNotFoundError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def agent_backend(request: pytest.FixtureRequest) -> AgentBackend:
    """A backend that is not started, and whose agent asks `scripted_model`: one for each agent that `--agents` names.

    A test that takes it runs once an agent; `agent_backend.type` is its name.
    """
    from agent_sdk_core import RuntimeConfig, create_backend

    name: str = request.param
    try:
        settings = {key: request.getfixturevalue(f"{name}_{key}") for key in ("executable", "env")}
    except pytest.FixtureLookupError:
        pytest.fail(f"--agents names {name!r}: define the fixtures {name}_executable and {name}_env.", pytrace=False)
    return create_backend(name, config=RuntimeConfig(), **settings)


@pytest.fixture
def agent_workspace() -> Iterator[Path]:
    """An empty folder for an agent to work in, in no git repository and not in the temporary folder."""
    from agent_sdk_testing.agents.environment import scratch_folder

    with scratch_folder(prefix="workspace-") as path:
        yield path
