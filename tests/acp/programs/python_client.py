"""A client of the official Python package: `python … CHOICE COMMAND…`, where CHOICE is the kind of an option.

It asks, is asked, cancels and loads what was said; the last line of stdout is what it saw.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from typing import Any

acp: Any = importlib.import_module("acp")  # In the environment of this program alone.


class Seen:
    """What the client saw; it is the client."""

    def __init__(self, choice: str) -> None:
        self.choice = choice
        self.asked: list[list[str]] = []
        self.said: list[str] = []
        self.tools: dict[str, list[str]] = {}
        self.spoke = asyncio.Event()

    async def request_permission(self, session_id: str, tool_call: Any, options: list[Any], **_: Any) -> Any:
        """Choose the option of a kind."""
        self.asked.append([option.kind for option in options])
        option = next(option for option in options if option.kind == self.choice)
        outcome = acp.schema.AllowedOutcome(outcome="selected", option_id=option.option_id)
        return acp.RequestPermissionResponse(outcome=outcome)

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        """Note an update."""
        if update.session_update == "agent_message_chunk":
            self.said.append(update.content.text)
            if "word" in update.content.text:
                self.spoke.set()
        if update.session_update in ("tool_call", "tool_call_update"):
            statuses = self.tools.setdefault(update.tool_call_id, [])
            statuses += [update.status] if update.status else []

    def on_connect(self, conn: Any) -> None:
        """Take the connection."""


async def main(choice: str, program: str, *rest: str) -> dict[str, Any]:
    """Talk with the agent."""
    seen = Seen(choice)
    stops: list[str] = []
    client: Any = seen
    async with acp.spawn_agent_process(client, program, *rest, env=dict(os.environ)) as (agent, process):
        hello = await agent.initialize(protocol_version=acp.PROTOCOL_VERSION)
        opened = await agent.new_session(cwd=os.getcwd(), mcp_servers=[])  # noqa: PTH109  # as a user would
        session = opened.session_id

        async def ask(text: str) -> None:
            answer = await agent.prompt(session_id=session, prompt=[acp.text_block(text)])
            stops.append(answer.stop_reason)

        await ask("make it")
        counting = asyncio.create_task(ask("count"))
        await seen.spoke.wait()
        await agent.cancel(session_id=session)
        await counting
        # What was told before an answer is handled by the next one.
        await agent.close_session(session_id=session)
        live, seen.said = "".join(seen.said), []
        await agent.load_session(session_id=session, cwd=os.getcwd(), mcp_servers=[])  # noqa: PTH109  # as a user would
        listed = await agent.list_sessions()
        found = {
            "version": hello.protocol_version,
            "modes": [mode.id for mode in opened.modes.available_modes] if opened.modes else [],
            "asked": seen.asked,
            "tools": seen.tools,
            "stops": stops,
            "live": live,
            "replayed": "".join(seen.said),
            "listed": any(each.session_id == session for each in listed.sessions),
        }
        if process.stdin is not None:
            process.stdin.close()
        found["exit"] = await process.wait()
    return found


if __name__ == "__main__":
    sys.stdout.write(f"{json.dumps(asyncio.run(main(*sys.argv[1:])))}\n")
