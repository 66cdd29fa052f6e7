"""What a thread is to do without: MCP servers and skills that are configured elsewhere, switched off for it alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from agent_sdk_core.errors import InvalidRequestError, ProtocolError
from agent_sdk_core.names import nearest
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.rpc.jsonrpc import Peer
from agent_sdk_core.wire.reading import Json, as_record, record_at, records_at, text_at
from codex_sdk.process.config_keys import merged
from codex_sdk.process.errors import translate
from codex_sdk.threads.history import stored_facts


async def limited(peer: Peer, params: Json, options: SessionOptions) -> Json:
    """Return the parameters of a request that opens a thread, with what its options leave out switched off.

    Raises:
        InvalidRequestError: There is no skill of a name.
    """
    if options.strict_mcp_servers:
        params = await only_servers(peer, params, options.mcp_servers)
    if options.skills is not None:
        params = await only_skills(peer, params, options.skills)
    return params


async def only_servers(peer: Peer, params: Json, names: Collection[str]) -> Json:
    """Return the parameters of a request that opens a thread, with all other MCP servers switched off."""
    answer = await _ask(peer, "config/read", {"cwd": await _folder(peer, params), "includeLayers": True})
    layers = [record_at(layer, "config") for layer in records_at(answer, "layers")]
    found = {name for config in (record_at(answer, "config"), *layers) for name in record_at(config, "mcp_servers")}
    off: Json = {"mcp_servers": {name: {"enabled": False} for name in sorted(found) if name not in names}}
    return {**params, "config": merged(off, as_record(params.get("config")) or {})}


async def only_skills(peer: Peer, params: Json, names: Sequence[str]) -> Json:
    """Return the parameters of a request that opens a thread, with all other skills switched off.

    Raises:
        InvalidRequestError: There is no skill of a name.
    """
    answer = await _ask(peer, "skills/list", {"cwds": [await _folder(peer, params)], "forceReload": True})
    skills = [skill for entry in records_at(answer, "data") for skill in records_at(entry, "skills")]
    known = sorted({text_at(skill, "name") for skill in skills})
    for name in names:
        if name not in known:
            meant = nearest(name, known)
            hint = f"did you mean {meant!r}?" if meant else f"there are: {', '.join(known) or 'none'}."
            raise InvalidRequestError(
                f"SessionOptions.skills: Codex has no skill {name!r}; {hint}",
                backend="codex",
                details={"option": "skills"},
            )
    off = [{"path": skill.get("path"), "enabled": False} for skill in skills if text_at(skill, "name") not in names]
    config = as_record(params.get("config")) or {}
    theirs = record_at(config, "skills")
    return {**params, "config": {**config, "skills": {**theirs, "config": [*off, *records_at(theirs, "config")]}}}


async def _folder(peer: Peer, params: Json) -> object:
    return params.get("cwd") or (await stored_facts(peer, params["threadId"])).cwd


async def _ask(peer: Peer, method: str, params: Json) -> Json:
    try:
        return as_record(await peer.request(method, params, idempotent=True)) or {}
    except ProtocolError as error:
        raise translate(error) from error
