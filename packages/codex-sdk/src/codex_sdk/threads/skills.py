"""Skills that a thread finds in its folder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from agent_sdk_core.interfaces.session import AgentCommand
from agent_sdk_core.wire.reading import Json, record_of, records_at, text_at


async def list_skills(call: Callable[[str, Json], Awaitable[object]], cwd: str | None) -> list[AgentCommand]:
    """Return the skills that are switched on in a folder."""
    answer = record_of(await call("skills/list", {"cwds": [cwd]}))
    return [
        AgentCommand(text_at(skill, "name"), text_at(skill, "description"), "skill", path=text_at(skill, "path"))
        for entry in records_at(answer, "data")
        for skill in records_at(entry, "skills")
        if skill.get("enabled") is not False
    ]
