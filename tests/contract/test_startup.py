from __future__ import annotations

from pathlib import Path

import pytest
from tests.contract.agents import Agent
from tests.contract.watching import run

from agent_sdk_core import (
    AgentError,
    ExecutableNotFoundError,
    HandshakeError,
    InvalidRequestError,
    SpawnError,
    StartupTimeoutError,
    UnsupportedVersionError,
)
from agent_sdk_testing import http_error, text

pytestmark = pytest.mark.anyio


def script(agent: Agent, body: str) -> Path:
    path = agent.folder / "other"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def one_sentence(error: AgentError, *words: str) -> None:
    """Check that a person can act on the message: no traceback, no line breaks, and it says what to do."""
    assert "\n" not in str(error)
    assert "Traceback" not in str(error)
    for word in words:
        assert word in str(error)


async def refused(agent: Agent, kind: type[AgentError], **arguments: object) -> AgentError:
    """Start a backend that cannot start, and return how it says so; every later call says the same."""
    backend = agent.backend(**arguments)
    with pytest.raises(kind) as caught:
        await backend.start()
    assert type(caught.value) is kind
    assert not backend.sessions
    await backend.aclose()
    return caught.value


async def test_a_missing_executable_says_how_to_install_it(agent: Agent) -> None:
    error = await refused(agent, ExecutableNotFoundError, executable=agent.folder / "missing")
    one_sentence(error, str(agent.folder / "missing"), "pip install")


async def test_no_executable_at_all_says_how_to_install_it(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{agent.name}_sdk.executable._bundled", lambda: None)
    unnamed = {name: value for name, value in agent.env.items() if not name.startswith("AGENT_SDK_")}
    error = await refused(agent, ExecutableNotFoundError, executable=None, env={**unnamed, "PATH": "/nowhere"})
    one_sentence(error, "not found", "pip install")


async def test_an_executable_that_cannot_be_run_says_so(agent: Agent) -> None:
    path = script(agent, "exit 0")
    path.chmod(0o644)
    error = await refused(agent, SpawnError, executable=path)
    one_sentence(error, str(path))


async def test_a_version_that_is_too_old_names_both_versions(agent: Agent) -> None:
    old = 'read line; echo \'{"id":1,"result":{"userAgent":"agent-sdk-python/0.1.0 (Linux)"}}\'; read line'
    error = await refused(agent, UnsupportedVersionError, executable=script(agent, old))
    one_sentence(error, "0.1.0", "or newer", "pip install")


async def test_a_version_without_the_command_that_we_need_is_too_old(agent: Agent) -> None:
    clap = "echo \"error: unrecognized subcommand 'app-server'\" >&2; exit 2"
    error = await refused(agent, UnsupportedVersionError, executable=script(agent, clap))
    one_sentence(error, "too old", "pip install")


async def test_an_executable_that_ends_at_once_tells_its_last_words(agent: Agent) -> None:
    error = await refused(agent, HandshakeError, executable=script(agent, "echo 'No licence.' >&2; exit 7"))
    one_sentence(error, "No licence.")
    assert error.details["exit_code"] == 7


async def test_an_executable_that_is_something_else_is_refused(agent: Agent) -> None:
    other = 'read line; echo \'{"id":1,"result":{"hello":"world"}}\'; read line'
    error = await refused(agent, HandshakeError, executable=script(agent, other))
    one_sentence(error, "did not introduce itself")


async def test_an_executable_that_says_nothing_times_out(agent: Agent) -> None:
    error = await refused(agent, StartupTimeoutError, executable=script(agent, "exec sleep 600"), startup_timeout=0.2)
    one_sentence(error, "0.2 s", "by hand")


async def test_a_broken_configuration_names_its_file_and_line(agent: Agent) -> None:
    config = Path(agent.env["CODEX_HOME"]) / "config.toml"
    config.write_text('model = "gpt-5.5"\nthis is not toml\n')
    error = await refused(agent, InvalidRequestError)
    one_sentence(error, "config.toml:2", "Correct the file")
    assert error.code == "config_invalid"


async def test_a_setting_that_the_agent_refuses_is_told(agent: Agent) -> None:
    config = Path(agent.env["CODEX_HOME"]) / "config.toml"
    config.write_text('approval_policy = "untrusted"\n' + config.read_text())
    backend = agent.backend()
    with pytest.raises(AgentError) as caught:
        await backend.start()
    one_sentence(caught.value, "untrusted")


@pytest.mark.parametrize("status", [400, 404])
async def test_a_bad_model_fails_its_turn_with_what_the_provider_says(agent: Agent, status: int) -> None:
    agent.model.reply(http_error(status, "The model 'nonsense' does not exist.")).reply(text("Fine."))
    async with agent.session(model="nonsense") as session:
        ran = await run(session, "Talk.")
        error = ran.result.error
        assert isinstance(error, InvalidRequestError)
        one_sentence(error, "The model 'nonsense' does not exist.")
        await session.set_model("gpt-5.5")
        assert (await run(session, "Talk.")).result.outcome == "completed"


async def test_a_backend_that_could_not_start_may_be_started_once_the_cause_is_gone(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    config = Path(agent.env["CODEX_HOME"]) / "config.toml"
    good = config.read_text()
    config.write_text("this is not toml\n")
    backend = agent.backend()
    with pytest.raises(InvalidRequestError):
        await backend.start()
    config.write_text(good)
    async with await agent.open(backend) as session:
        assert (await run(session, "Talk.")).result.outcome == "completed"
