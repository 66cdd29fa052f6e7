"""Methods of the protocol by name: what serves each of them, and in which version there is none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from agent_chat.acp.failures import INVALID_PARAMS, RefusalError
from agent_sdk_core.wire.reading import as_record

if TYPE_CHECKING:
    from agent_chat.acp.methods import Sessions

STEERING: Final = "_session/steering"
"""The extension method by which a prompt joins the running turn, as other agents' adapters have it too."""

Params = Mapping[str, object]
Serve = Callable[["Sessions", Params], Awaitable[object]]


class Reply:
    """An answer, and what is to happen once it has been written.

    Args:
        result: What the client is answered.
        after: Called when it is written, or cannot be.
    """

    def __init__(self, result: object, after: Callable[[], None]) -> None:
        self.result = result
        self.after = after


async def _new(sessions: Sessions, params: Params) -> object:
    session, told = await sessions.new(params)
    return Reply(told, session.follow)


async def _load(sessions: Sessions, params: Params) -> object:
    session, told = await sessions.resume(params, replays=True)
    return Reply(told, session.follow)


async def _resume(sessions: Sessions, params: Params) -> object:
    replays = False
    if (wanted := params.get("replayFrom")) is not None:
        if (as_record(wanted) or {}).get("type") != "start":
            raise RefusalError(INVALID_PARAMS, "A session can be replayed from its start alone.")
        replays = True
    session, told = await sessions.resume(params, replays=replays)
    return Reply(told, session.follow)


async def _fork(sessions: Sessions, params: Params) -> object:
    session, told = await sessions.fork(params)
    return Reply(told, session.follow)


async def _list(sessions: Sessions, params: Params) -> object:
    return await sessions.list(params)


async def _close(sessions: Sessions, params: Params) -> object:
    await sessions.close(params)
    return {}


async def _delete(sessions: Sessions, params: Params) -> object:
    await sessions.delete(params)
    return {}


async def log_out(sessions: Sessions, params: Params) -> object:
    """Have the agent forget its login; only where it was offered."""
    del params
    await sessions.logins.log_out()
    return {}


async def _archive(sessions: Sessions, params: Params) -> object:
    await sessions.archive(params, archived=True)
    return {}


async def _unarchive(sessions: Sessions, params: Params) -> object:
    await sessions.archive(params, archived=False)
    return {}


async def _status(sessions: Sessions, params: Params) -> object:
    return await sessions.status(params)


async def _set_title(sessions: Sessions, params: Params) -> object:
    return await sessions.set_title(params)


async def _prompt(sessions: Sessions, params: Params) -> object:
    sent = await sessions.get(params).prompt(params)
    return Reply(sent.answer.result(), sent.told.set)


async def _steer(sessions: Sessions, params: Params) -> object:
    return await sessions.get(params).prompts.steer(params)


async def _set_mode(sessions: Sessions, params: Params) -> object:
    await sessions.get(params).settings.set_mode(params.get("modeId"))
    return {}


async def _set_config_option(sessions: Sessions, params: Params) -> object:
    settings = sessions.get(params).settings
    return {"configOptions": await settings.choose(params.get("configId"), params.get("value"))}


async def _cancel_one(sessions: Sessions, params: Params) -> object:
    """Refuse to end one call or terminal: none is told with the capability, and this answer is what the protocol wants.

    Of an agent's commands only those that go on in the background can be ended by themselves, and their calls are over.
    """
    sessions.get(params)
    raise RefusalError(INVALID_PARAMS, "It cannot be cancelled by itself; `session/cancel` ends the turn.")


METHODS: Final[Mapping[str, Serve]] = {
    "logout": log_out,
    "auth/logout": log_out,
    "session/new": _new,
    "session/load": _load,
    "session/resume": _resume,
    "session/fork": _fork,
    "session/list": _list,
    "session/close": _close,
    "session/delete": _delete,
    "session/archive": _archive,
    "session/unarchive": _unarchive,
    "session/status": _status,
    "session/set_title": _set_title,
    "session/prompt": _prompt,
    "session/set_mode": _set_mode,
    "session/set_config_option": _set_config_option,
    "tool_call/cancel": _cancel_one,
    "terminal/cancel": _cancel_one,
    STEERING: _steer,
}
NOT_IN: Final[Mapping[int, frozenset[str]]] = {
    1: frozenset({"auth/logout", "tool_call/cancel", "terminal/cancel"}),
    2: frozenset({"logout", "session/load", "session/set_mode"}),
}
LOGIN: Final[Mapping[int, str]] = {1: "authenticate", 2: "auth/login"}
"""What logs in by a way that is not offered here: the one for terminals is none of its."""
