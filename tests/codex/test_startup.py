from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from tests.codex.driving import Codex

from agent_sdk_core import AgentError, InvalidRequestError, UnsupportedVersionError
from agent_sdk_testing import text, write_codex_home
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


async def refused(codex: Codex, kind: type[AgentError], **arguments: object) -> AgentError:
    """Start a backend that cannot start, and return how it says so."""
    backend = codex.backend(**arguments)
    with pytest.raises(kind) as caught:
        await backend.start()
    assert "\n" not in str(caught.value)
    return caught.value


async def test_a_version_without_the_command_that_we_need_is_too_old(codex: Codex) -> None:
    other = codex.folder / "other"
    other.write_text("#!/bin/sh\necho \"error: unrecognized subcommand 'app-server'\" >&2; exit 2\n")
    other.chmod(0o755)
    error = await refused(codex, UnsupportedVersionError, executable=other)
    assert "too old" in str(error)
    assert "pip install" in str(error)


async def test_a_broken_configuration_names_its_file_and_line(codex: Codex) -> None:
    config = Path(codex.env["CODEX_HOME"]) / "config.toml"
    config.write_text('model = "gpt-5.5"\nthis is not toml\n')
    error = await refused(codex, InvalidRequestError)
    assert "config.toml:2" in str(error)
    assert "Correct the file" in str(error)
    assert error.code == "config_invalid"


async def test_a_setting_that_the_agent_refuses_is_told(codex: Codex) -> None:
    config = Path(codex.env["CODEX_HOME"]) / "config.toml"
    config.write_text('approval_policy = "untrusted"\n' + config.read_text())
    assert "untrusted" in str(await refused(codex, AgentError))


async def test_a_backend_that_could_not_start_may_be_started_once_the_cause_is_gone(codex: Codex) -> None:
    codex.model.reply(text("Fine."))
    config = Path(codex.env["CODEX_HOME"]) / "config.toml"
    good = config.read_text()
    config.write_text("this is not toml\n")
    backend = codex.backend()
    with pytest.raises(InvalidRequestError):
        await backend.start()
    config.write_text(good)
    async with await codex.open(backend) as session:
        assert (await run(session, "Talk.")).result.outcome == "completed"


@pytest.mark.parametrize("attempt", range(3))
async def test_several_first_starts_at_once_on_a_new_home_all_work(codex: Codex, attempt: int) -> None:
    home = codex.folder / f"new-{attempt}"
    home.mkdir()
    write_codex_home(home, codex.model)
    backends = [codex.backend(env={**codex.env, "CODEX_HOME": str(home)}) for _ in range(4)]
    async with anyio.create_task_group() as tasks:
        for backend in backends:
            tasks.start_soon(backend.start)
    for backend in backends:
        async with await backend.create_session():
            continue
