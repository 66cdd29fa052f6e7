"""Opener of threads: sends the request that opens one, with the trust, limits and roles that belong to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, cast

from agent_sdk_core.errors import NOTHING_STORED, AgentError, InvalidRequestError, ProtocolError
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.rpc.jsonrpc import Peer
from agent_sdk_core.sub_agents import AgentDefinition
from agent_sdk_core.transport.process.executable import parse_version
from agent_sdk_core.wire.reading import Json
from codex_sdk.normalizer import ThreadFacts
from codex_sdk.process.config_keys import merged
from codex_sdk.process.errors import translate
from codex_sdk.process.executable import VERSIONS
from codex_sdk.process.link import AppServerLink
from codex_sdk.routing.novelty_counter import Unknowns
from codex_sdk.threads.history import turn_of
from codex_sdk.threads.limits import limited
from codex_sdk.threads.listings import require_effort, require_tier
from codex_sdk.threads.opening import Opening
from codex_sdk.threads.project_trust import with_trust
from codex_sdk.threads.roles import RoleFiles

_OPEN_SECONDS: Final = 120.0
"""A thread starts its MCP servers first, which may take their time."""

_NO_SUCH_TURN: Final = "turn not found"


class ThreadOpener:
    """Opens the threads of one backend.

    Args:
        link: The way to its app-server.
        plan: Returns the request that opens a thread with these options.
        unknowns: Counts what this package does not know of the answers.
        warn: Takes sentences about what this package does not know of the options.
    """

    def __init__(
        self,
        link: AppServerLink,
        plan: Callable[[SessionOptions], Awaitable[Opening]],
        unknowns: Unknowns,
        warn: Callable[[Iterable[str]], object],
    ) -> None:
        self._link = link
        self._plan = plan
        self._unknowns = unknowns
        self._warn = warn
        self._roles = RoleFiles()

    async def open(self, options: SessionOptions, plan: Opening) -> ThreadFacts:
        """Open the thread of a session.

        Args:
            options: The session's options.
            plan: The request that opens it.

        Raises:
            AgentError: It cannot be opened.
        """
        server = await self._link.connect()
        self._require_known(plan.unknown, server.version)
        try:
            response = await self._request(server.peer, plan, options)
        except ProtocolError as error:
            raise translate(error, session_id=options.resume) from error
        answer = cast("Json", response) if isinstance(response, dict) else {}
        self._unknowns.response(plan.method, answer)
        tools = tuple(name for registry in options.registries for name in registry.names)
        facts = ThreadFacts.from_response(answer, tools=tools)
        if not facts.thread_id:
            raise ProtocolError(
                f"codex answered {plan.method} without a thread.", backend="codex", details={"response": answer}
            )
        return facts

    async def reopen(self, options: SessionOptions, thread_id: str, *, stored: bool) -> ThreadFacts:
        """Open the thread of a session again, whose app-server was lost or which was unloaded.

        Args:
            options: The session's options.
            thread_id: The thread.
            stored: Whether it must be on disk; else one that is not there, or cannot be read, is started anew.

        Raises:
            AgentError: It cannot be opened.
        """
        copied = {"fork": False, "fork_at": None, "session_id": None}
        native = {name: value for name, value in options.native.items() if name not in ("ephemeral", "dynamicTools")}
        known = {**copied, "resume": thread_id, "tools": None, "ephemeral": False, "native": native}
        again = options.model_copy(update=known)
        try:
            return await self.open(again, await self._plan(again))
        except AgentError as error:
            if stored or error.code not in NOTHING_STORED:
                raise
        return await self.open(options, await self._plan(options))

    def remove_roles(self) -> None:
        """Remove the files of the sub-agents' roles; never raises."""
        self._roles.remove()

    def _require_known(self, unknown: Sequence[str], running: str) -> None:
        """Refuse names that Codex does not know; one that is newer than this SDK may."""
        if not unknown:
            return
        version = parse_version(running)
        if version is not None and VERSIONS.is_newer(version):
            self._warn((f"This SDK does not know, and passes on: {' '.join(unknown)}",))
            return
        raise InvalidRequestError(f"Codex knows no {' '.join(unknown)}", backend="codex", details={"option": "native"})

    async def _request(self, peer: Peer, plan: Opening, options: SessionOptions) -> object:
        await require_effort(peer, options.reasoning_effort)
        await require_tier(peer, options.service_tier)
        params = await with_trust(peer, plan.params, options.setting_sources, named=options.cwd)
        params = await limited(peer, params, options)
        if options.agents:
            params = await off_the_loop(self._with_roles, params, options.agents)
        try:
            return await peer.request(plan.method, params, timeout=_OPEN_SECONDS)
        except ProtocolError as error:
            if options.fork_at is None or _NO_SUCH_TURN not in str(error):
                raise
        turn_id = await turn_of(peer, str(options.resume), options.fork_at)
        return await peer.request(plan.method, {**params, "lastTurnId": turn_id}, timeout=_OPEN_SECONDS)

    def _with_roles(self, params: Json, agents: Mapping[str, AgentDefinition]) -> Json:
        return {**params, "config": merged({"agents": self._roles.entries(agents)}, params.get("config") or {})}
