"""The shell tool: runs one program in the workspace, once policy, mode and a person allow it.

It is off unless it is named. The program gets a list of arguments, so that no shell reads them; that part of this
process's environment which holds no secrets; and an end, with all that it started, when its time or its turn is over.
"""

from __future__ import annotations

import os
import shlex
import signal
from codecs import getincrementaldecoder
from pathlib import Path
from typing import Annotated, Final

import anyio
from pydantic import Field

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.tools.context import ToolContext
from agent_sdk_core.tools.results import ToolResult
from agent_sdk_core.tools.tool import tool
from agent_sdk_core.transport.process.child import ChildProcess

_MOST_CHARS: Final = 64_000
"""What the model is shown of the output, the last of it; programs that fail say why at the end."""

_HARMLESS: Final = frozenset({"HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"})


@tool(ask="never", open_world=True)
async def shell(
    arguments: Annotated[list[str], Field(min_length=1, description="The program and its arguments, one an entry.")],
    context: ToolContext,
    cwd: Annotated[str, Field(description="Folder to run in, below the workspace.")] = ".",
    timeout: Annotated[float, Field(gt=0, le=600, description="Seconds that it may take.")] = 120,
) -> ToolResult:
    """Run one program in the workspace and return what it prints. There is no shell: no pipes, no globs, no `cd`."""
    folder = _folder(cwd, context.cwd)
    command = shlex.join(arguments)
    # It asks itself, as about the command that it is: rules and people know that, and not the name of this tool.
    if (refusal := await context.refusal("Bash", {"command": command, "cwd": str(folder)})) is not None:
        return ToolResult.failed(refusal)
    process = await ChildProcess.spawn(
        arguments, env=_environment(), cwd=folder, parent_death_signal=signal.SIGKILL, name=arguments[0]
    )
    output, left_out, ended = "", 0, None
    decode = getincrementaldecoder("utf-8")("replace").decode
    try:
        process.close_input()
        with anyio.move_on_after(timeout):
            while chunk := await process.read():
                text = decode(chunk)
                context.progress(text)
                output += text
                left_out += max(len(output) - _MOST_CHARS, 0)
                output = output[-_MOST_CHARS:]
            ended = await process.wait()
    finally:
        await process.stop(grace=0, term=0.5)
    if left_out:
        output = f"[{left_out} characters left out]\n{output}"
    if errors := process.stderr_tail():
        output = f"{output}\n[stderr]\n{errors}" if output else errors
    code = None if ended is None else ended.exit_code
    structured = {"stdout": output, "exitCode": code, "interrupted": ended is None}
    if ended is None:
        output = f"{output}\n[it took more than {timeout:g} s and was ended]"
    elif code != 0:
        output = f"{output}\n[{ended}]"
    return ToolResult((output.strip("\n") or "[no output]",), is_error=code != 0, structured=structured)


def _folder(cwd: str, workspace: str | None) -> Path:
    """Return the folder to run in, with its links resolved."""
    if workspace is None:
        raise InvalidRequestError("There is no workspace to run in.")
    root = Path(workspace).resolve()
    folder = (root / cwd).resolve()
    if not folder.is_relative_to(root):
        raise InvalidRequestError(f"{cwd!r} is not below the workspace, {root}.")
    if not folder.is_dir():
        raise InvalidRequestError(f"{cwd!r} is no folder of the workspace, {root}.")
    return folder


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in _HARMLESS or name.startswith("LC_")}
