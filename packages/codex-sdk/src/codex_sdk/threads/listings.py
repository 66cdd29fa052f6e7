"""What an app-server can list: models and stored threads."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from agent_sdk_core.errors import AgentError, InvalidRequestError, ProtocolError, UnsupportedOptionError
from agent_sdk_core.interfaces.pages import SessionPage, StoredSession, require_sessions
from agent_sdk_core.models import ChatModel
from agent_sdk_core.paths import off_the_loop, resolved_path
from agent_sdk_core.rpc.jsonrpc import Peer
from agent_sdk_core.runtime.settings import require_known
from agent_sdk_core.wire.reading import (
    Json,
    as_record,
    optional_text_at,
    record_at,
    record_of,
    records_at,
    text_at,
    texts_at,
)
from codex_sdk.process.errors import translate
from codex_sdk.threads.calls import every_entry

_EFFORTS: Final = frozenset({"none", "minimal", "low", "medium", "high"})
"""What Codex's own configuration takes for models that it does not list (0.163)."""


_MOST: Final = 100
"""How many threads one answer of Codex's has at most, whatever is asked for (0.163)."""

_TRIES: Final = 4
"""How often an answer is asked for that begins with threads of one moment."""

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_PLACE: Final = re.compile(rf"(?P<time>{_TIME.pattern}) (?P<id>\S+)")
"""A cursor of ours: Codex's own, and the last thread before it."""

_ARCHIVE: Final = "archived_sessions"
_NO_METHOD: Final = re.compile(r"unknown variant|method not found|not supported", re.IGNORECASE)
_TIERS: Final = frozenset({"flex", "priority", "fast"})
"""Service tiers that Codex takes for models that it does not list; "fast" is its own word for "priority" (0.163)."""


async def list_models(peer: Peer) -> list[ChatModel]:
    """Return the models that Codex offers, hidden ones left out."""
    listed = await every_entry(partial(peer.request, "model/list", idempotent=True), {})
    return [_model(entry) for entry in listed]


async def require_effort(peer: Peer, effort: str | None) -> None:
    """Refuse a reasoning effort that no model takes.

    Raises:
        InvalidRequestError: There is no such effort; the message lists those there are.
    """
    if effort is None or effort in _EFFORTS:
        return
    known = {name for model in await list_models(peer) for name in model.efforts}
    if known:
        require_known("reasoning effort", effort, known | _EFFORTS, backend="codex")


async def require_tier(peer: Peer, tier: str | None) -> None:
    """Refuse a service tier that no model has; Codex itself passes it over in silence (0.163).

    Raises:
        InvalidRequestError: There is no such tier; the message lists those there are.
    """
    if tier is None or tier in _TIERS:
        return
    page = as_record(await peer.request("model/list", {}, idempotent=True)) or {}
    listed = {text_at(found, "id") for model in records_at(page, "data") for found in records_at(model, "serviceTiers")}
    faster = {name for model in records_at(page, "data") for name in texts_at(model, "additionalSpeedTiers")}
    require_known("service tier", tier, {*_TIERS, *listed, *faster} - {""}, backend="codex")


async def list_threads(
    peer: Peer, *, cwd: str | os.PathLike[str] | None, limit: int, cursor: str | None
) -> SessionPage:
    """Return stored threads, newest first."""
    found, following = await _listed(peer, "thread/list", {}, cwd=cwd, limit=limit, cursor=cursor)
    return SessionPage([stored_session(thread) for thread in found if thread.get("id")], following)


async def search_threads(peer: Peer, text: str, *, limit: int, cursor: str | None) -> SessionPage:
    """Return stored threads in which a text was said, newest first, as Codex's own index finds them.

    Raises:
        InvalidRequestError: The text is blank, or the limit is not positive.
        UnsupportedOptionError: This codex has no search.
    """
    if not text.strip():
        raise InvalidRequestError("A search for nothing finds nothing; say what was said.", backend="codex")
    try:
        found, following = await _listed(
            peer, "thread/search", {"searchTerm": text}, cwd=None, limit=limit, cursor=cursor
        )
    except AgentError as error:
        if _NO_METHOD.search(str(error)):
            raise UnsupportedOptionError("This codex cannot search sessions: it is too old.", backend="codex") from None
        raise
    return SessionPage(
        [
            replace(stored_session(thread), snippet=optional_text_at(each, "snippet"))
            for each in found
            if (thread := record_at(each, "thread")).get("id")
        ],
        following,
    )


async def _listed(
    peer: Peer, method: str, wanted: Json, *, cwd: str | os.PathLike[str] | None, limit: int, cursor: str | None
) -> tuple[list[Json], str | None]:
    """Return what is listed on a page of ours, and where the next begins: Codex's own has a hundred at most (0.163)."""
    require_sessions(limit, backend="codex")
    query: Json = {**wanted, "sortKey": "updated_at", "sortDirection": "desc"}
    if cwd is not None:
        query["cwd"] = await off_the_loop(partial(resolved_path, "cwd", cwd, backend="codex"))
    found: list[Json] = []
    while True:
        walk = _Walk(peer, method, query, limit - len(found))
        listed, cursor, is_short = await walk.go_on(cursor)
        found.extend(listed)
        if cursor is None or is_short or len(found) >= limit:
            return found, cursor


class _Walk:
    """One step of a walk through Codex's list, which loses nothing of one moment.

    Codex's cursor is the time of the last thread, in milliseconds, and its next answer has those before that time
    alone: others of the same time, as a copied or restored folder has many, would be in no answer (0.163). A cursor of
    ours goes on with that thread's id, and an answer is asked for that begins with all threads of that time.

    Args:
        peer: JSON-RPC with an app-server.
        method: What lists.
        query: What is listed.
        wanted: How many at most.
    """

    def __init__(self, peer: Peer, method: str, query: Json, wanted: int) -> None:
        self._peer = peer
        self._method = method
        self._query = query
        self._wanted = wanted

    async def go_on(self, cursor: str | None) -> tuple[list[Json], str | None, bool]:
        """Return what comes behind a cursor, the next one, and whether Codex had less than it was asked for."""
        place = None if cursor is None else _PLACE.fullmatch(cursor)
        if place is None:
            return await self._ask(min(self._wanted, _MOST), cursor)
        begin, last, size = _moment_after(place["time"]), place["id"], min(self._wanted + 1, _MOST)
        is_gone = False
        for _ in range(_TRIES):
            listed, following, is_short = await self._ask(size, begin)
            ids = [_id_of(each) for each in listed]
            goes_beyond = following is None or following.partition(" ")[0] != place["time"]
            is_gone = is_gone or (goes_beyond and last not in ids)
            new = listed if is_gone else listed[ids.index(last) + 1 :] if last in ids else []
            if len(new) > self._wanted:
                size = len(listed) - len(new) + self._wanted
            elif new or is_short:
                return new, following, is_short
            else:
                size = _MOST
        return await self._ask(min(self._wanted, _MOST), place["time"])  # There are more than an answer has.

    async def _ask(self, size: int, cursor: str | None) -> tuple[list[Json], str | None, bool]:
        params: Json = {**self._query, "limit": size}
        if cursor is not None:
            params["cursor"] = cursor
        try:
            page = record_of(await self._peer.request(self._method, params, idempotent=True))
        except ProtocolError as error:
            raise translate(error) from error
        listed, following = records_at(page, "data"), optional_text_at(page, "nextCursor")
        if following is not None and listed and _TIME.fullmatch(following):
            following = f"{following} {_id_of(listed[-1])}"
        return listed, following, len(listed) < size


def _id_of(listed: Json) -> str:
    return text_at(listed, "id") or text_at(record_at(listed, "thread"), "id")


def _moment_after(time: str) -> str:
    """Return the time that is a millisecond later."""
    later = datetime.fromisoformat(time) + timedelta(milliseconds=1)
    return later.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _model(entry: Json) -> ChatModel:
    efforts = [option.get("reasoningEffort") for option in entry.get("supportedReasoningEfforts") or ()]
    return ChatModel(
        id=entry.get("model") or entry.get("id") or "",
        label=entry.get("displayName") or entry.get("id") or "",
        backend="codex",
        description=entry.get("description") or "",
        is_default=entry.get("isDefault") is True,
        efforts=tuple(effort for effort in efforts if isinstance(effort, str)),
        default_effort=entry.get("defaultReasoningEffort"),
        input_modalities=tuple(entry.get("inputModalities") or ("text",)),
    )


def stored_session(thread: Json) -> StoredSession:
    """Return what a thread tells of itself; whether it was archived, only the folder of its file does (0.163)."""
    path = thread.get("path")
    return StoredSession(
        session_id=thread["id"],
        title=thread.get("name") or thread.get("preview") or "",
        cwd=thread.get("cwd"),
        created_at=thread.get("createdAt"),
        updated_at=thread.get("updatedAt"),
        first_prompt=thread.get("preview") or None,
        branch=optional_text_at(record_at(thread, "gitInfo"), "branch"),
        model=thread.get("model"),
        archived=isinstance(path, str) and _ARCHIVE in Path(path).parts,
    )
