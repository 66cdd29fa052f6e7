"""`Replay`: what an agent tells of a session while it opens it, read as the history that it is."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Final

import anyio

from acp_sdk.normalizer.facts import SessionFacts
from acp_sdk.normalizer.session import SessionNormalizer, history_of
from acp_sdk.process.agent import AcpAgent
from acp_sdk.protocol import methods
from acp_sdk.protocol.content import text_of_blocks
from acp_sdk.protocol.updates import SessionUpdate, UserMessageChunk, read_update
from acp_sdk.protocol.upgrade import SessionUpgrade
from agent_sdk_core.errors import ProtocolError, RequestTimeoutError
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.wire.reading import Json, record_of

_log = logging.getLogger(__name__)

BARRIER_SECONDS: Final = 2.0
"""How long an agent may take to refuse a method that it does not know."""

REPLAY_SECONDS: Final = 30.0
"""How long an agent may tell of a session behind its answer that opened it."""

_OWN_WORDS: Final = ("<session_context>", "<hook_context>", "[Function Response: ")
"""How a message begins that Gemini CLI (0.61) told its model in the user's name: its circumstances, and results."""


class Replay:
    """One opening of a stored session.

    Args:
        agent: Who tells.
        facts: What is known of the session; kept up to date.
        upgrade: Reads the updates of an agent of version 1.

    Attributes:
        facts: Likewise.
        told: What a history has of what was told so far.
    """

    def __init__(self, agent: AcpAgent, facts: SessionFacts, upgrade: SessionUpgrade) -> None:
        self.facts = facts
        self.told: list[SDKMessage] = []
        self._agent = agent
        self._upgrade = upgrade
        self._reading = SessionNormalizer(facts, partial=False)
        self._updates = 0

    def take(self, update: Json) -> None:
        """Read an update."""
        self._updates += 1
        first = self._agent.version == 1
        read = self._upgrade.update(update) if first else read_update(record_of(update.get("update")))
        if not _is_the_agents_own(read):
            self.told.extend(history_of(self._reading.feed(read, update)))

    async def rest(self) -> None:
        """Wait until all is told: Gemini CLI answers `session/load` first, and tells what was said afterwards.

        A request that no agent knows is refused in its turn. Where nothing was told between two of these, that was all.

        Raises:
            ConnectionLostError: The agent is gone.
        """
        before = -1
        with anyio.move_on_after(REPLAY_SECONDS):
            while before != self._updates:
                before = self._updates
                try:
                    with suppress(ProtocolError):
                        await self._agent.peer.request(methods.BARRIER, {}, timeout=BARRIER_SECONDS, counted=False)
                except RequestTimeoutError as error:
                    _log.debug("%s", error)
                    return

    def end(self) -> None:
        """Close what the agent left open."""
        self.told.extend(history_of(self._reading.abandon(code="", message="", terminal_reason="")))


def _is_the_agents_own(update: SessionUpdate) -> bool:
    return isinstance(update, UserMessageChunk) and text_of_blocks([update.content]).lstrip().startswith(_OWN_WORDS)
