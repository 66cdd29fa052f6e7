"""A claude without a session: how it is started, to be asked for its account or to log in, and its own commands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from uuid import uuid4

import anyio

from agent_sdk_core.errors import AgentError, StartupTimeoutError
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.transport.process.child import ChildProcess
from agent_sdk_core.transport.process.stderr import reason_in
from claude_sdk.process.launching import Launch, launch_plan

_COMMAND_SECONDS: Final = 60.0
_SPOKEN: Final = 64 * 1024


async def plan_alone(env: Mapping[str, str]) -> Launch:
    """Return how to start it: in the user's folder, with the user's own settings."""
    options = SessionOptions(setting_sources=("user",))
    return await off_the_loop(lambda: launch_plan(options, env=env, session_id=str(uuid4()), cwd=_home()))


def _home() -> Path:
    """Return the user's folder; of a user without one the root of the file system, which has no project either."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


async def run_command(executable: Path, env: Mapping[str, str], *arguments: str) -> str:
    """Run claude with a command of its own to its end, and return the start of what it printed.

    Raises:
        StartupTimeoutError: It did not end in time.
        AgentError: It failed; the message is what it said last.
    """
    launch = await plan_alone(env)
    child = await ChildProcess.spawn([str(executable), *arguments], env=launch.env, cwd=launch.cwd, name="claude")
    command = f"{executable} {' '.join(arguments)}"
    said = b""
    try:
        child.close_input()
        with anyio.fail_after(_COMMAND_SECONDS):
            while chunk := await child.read():
                said += chunk[: _SPOKEN - len(said)]
            ended = await child.wait()
    except TimeoutError:
        raise StartupTimeoutError(f"`{command}` did not end within {_COMMAND_SECONDS:g} s.", backend="claude") from None
    finally:
        await child.stop(grace=0, term=0.2)
    text = said.decode("utf-8", "replace")
    if ended.exit_code != 0:
        reason = reason_in(child.stderr_tail()) or text.strip().rpartition("\n")[2]
        raise AgentError(f"`{command}` failed: {reason or ended}", backend="claude")
    return text
