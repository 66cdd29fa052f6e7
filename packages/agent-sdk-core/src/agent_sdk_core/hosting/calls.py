"""Calls of clients that a host passes on to its backend or to a session as they are, each with its wire form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from agent_sdk_core.hosting.forms import Json
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.session import AgentSession

Given: TypeAlias = Mapping[str, Any]


async def _told(asked: Awaitable[Any]) -> Json:
    return (await asked).to_wire()


async def _listed(name: str, asked: Awaitable[Sequence[Any]]) -> Json:
    return {name: [each.to_wire() for each in await asked]}


async def _done(asked: Awaitable[object]) -> Json:
    await asked
    return {}


async def _url(asked: Awaitable[str | None]) -> Json:
    return {"url": await asked}


def _page(given: Given) -> Json:
    return {"limit": given.get("limit"), "cursor": given.get("cursor")}


def _edit(backend: AgentBackend, given: Given) -> Awaitable[Json]:
    session_id = str(given["session_id"])
    match given["do"]:
        case "rename":
            return _done(backend.rename_session(session_id, str(given["title"])))
        case "tag":
            return _done(backend.tag_session(session_id, given["tag"]))
        case "archive":
            return _done(backend.archive_session(session_id))
        case "unarchive":
            return _done(backend.unarchive_session(session_id))
        case _:
            return _done(backend.delete_session(session_id))


def _mcp(session: AgentSession, given: Given) -> Awaitable[Json]:
    name = str(given.get("name"))
    match given["do"]:
        case "reload":
            return _url(session.reload_mcp_servers())
        case "enable":
            return _url(session.enable_mcp_server(name))
        case "disable":
            return _url(session.disable_mcp_server(name))
        case _:
            return _url(session.login_mcp_server(name))


def _set_goal(session: AgentSession, given: Given) -> Awaitable[Json]:
    return _done(session.set_goal(str(given["objective"]), token_budget=given.get("token_budget")))


BACKEND_CALLS: Final[Mapping[str, Callable[[AgentBackend, Given], Awaitable[Json]]]] = {
    "list_models": lambda backend, _: _listed("models", backend.list_models()),
    "list_sessions": lambda backend, given: _told(backend.list_sessions(cwd=given.get("cwd"), **_page(given))),
    "search_sessions": lambda backend, given: _told(backend.search_sessions(given["text"], **_page(given))),
    "read_history": lambda backend, given: _told(backend.read_history(str(given["session_id"]), **_page(given))),
    "session_info": lambda backend, given: _told(backend.session_info(str(given["session_id"]))),
    "account": lambda backend, _: _told(backend.account()),
    "edit": _edit,
}
"""What is asked of the agent, by name."""

SESSION_CALLS: Final[Mapping[str, Callable[[AgentSession, Given], Awaitable[Json]]]] = {
    "history": lambda session, given: _told(session.history(**_page(given))),
    "commands": lambda session, _: _listed("commands", session.commands()),
    "background_tasks": lambda session, _: _listed("tasks", session.background_tasks()),
    "stop_task": lambda session, given: _done(session.stop_task(str(given["task_id"]))),
    "set_goal": _set_goal,
    "clear_goal": lambda session, _: _done(session.clear_goal()),
    "mcp_status": lambda session, _: _listed("servers", session.mcp_status()),
    "mcp": _mcp,
}
"""What is asked of a session, by name."""
