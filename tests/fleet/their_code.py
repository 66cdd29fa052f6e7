"""What an application runs on the hosts: a tool and a hook, which a host imports by their names."""

from __future__ import annotations

import os

from agent_sdk_core import Block, PreToolUseEvent, tool


@tool
async def whereabouts(word: str) -> str:
    """Say a word, and where this runs."""
    return f"{word} from process {os.getpid()}."


async def no_removal(event: PreToolUseEvent) -> Block | None:
    """Let no file be removed."""
    return Block("Nothing is removed here.") if "rm -" in str(event.input.get("command")) else None
