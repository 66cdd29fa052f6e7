"""`SentPrompts`: the prompts of one session on their way to its host: stored before they are sent, and sent once.

When the host is gone, those that were handed to the agent end with a result that says what became of them, those that
were not are sent.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import anyio

from agent_fleet.driving.way import HostWay, Json
from agent_fleet.errors import FleetStoreError, HostGoneError
from agent_fleet.store.fleet_store import FleetStore
from agent_sdk_core.errors import AgentError
from agent_sdk_core.hosting.forms import prompt_to_wire
from agent_sdk_core.hosting.options_form import turn_options_to_wire
from agent_sdk_core.prompts import Prompt

if TYPE_CHECKING:
    from agent_sdk_core.turn_options import TurnOptions

_log = logging.getLogger(__name__)

_PAUSE: Final = 1.0


class SentPrompts:
    """Prompts that were sent, and have no result.

    Args:
        way: The way to the host.
        store: Keeps them.
        recovery_seconds: How long a prompt waits for a store that is gone.
    """

    def __init__(self, way: HostWay, store: FleetStore, recovery_seconds: float) -> None:
        self._way = way
        self._store = store
        self._recovery_seconds = recovery_seconds
        self._sent: dict[str, Json] = {}
        self._sending: set[str] = set()

    def __contains__(self, uuid: str) -> bool:
        return uuid in self._sent

    @property
    def uuids(self) -> list[str]:
        """All of them, in their order."""
        return list(self._sent)

    def is_being_sent(self, uuid: str) -> bool:
        """Tell whether somebody is about to send a prompt, and does so again by itself."""
        return uuid in self._sending

    def forget(self, uuid: str) -> None:
        """Note that a prompt has ended."""
        self._sent.pop(uuid, None)

    async def accept(self, uuid: str, content: Mapping[str, Any]) -> None:
        """Store a prompt, unless that was done.

        Raises:
            FleetStoreError: It cannot be stored.
        """
        known = await self._store.prompts(self._way.key, uuids=[uuid])
        if not known:
            await self._store.accept(self._way.key, uuid, content)

    async def refuse(self, uuid: str, error: AgentError) -> None:
        """Note that a prompt ends unsent, for its sender was told so; one that a host has is the host's."""
        try:
            await self._store.end(self._way.key, [uuid], {"refused": error.message})
        except FleetStoreError as failed:
            _log.warning("session %s: prompt %s may be sent when it is resumed: %s", self._way.key, uuid, failed)

    async def send(self, uuid: str, prompt: Prompt, options: TurnOptions | None) -> None:
        """Have the host send a prompt; one that it has is never sent again, whatever becomes of the host.

        Raises:
            AgentError: It is not sent.
        """
        sent: Json = {"prompt": prompt_to_wire(prompt), "options": turn_options_to_wire(options), "uuid": uuid}
        await self.accept(uuid, sent)
        self._sent[uuid] = sent
        try:
            await self.send_again(uuid)
        except AgentError as error:
            self._sent.pop(uuid, None)
            await self.refuse(uuid, error)
            raise

    async def send_again(self, uuid: str) -> None:
        """Send a prompt that waits in the store; raises what sending it raises."""
        self._sending.add(uuid)
        try:
            await self._send_once(uuid, self._sent[uuid])
        finally:
            self._sending.discard(uuid)

    async def steer(self, uuid: str, prompt: Prompt) -> Json:
        """Have the host add a prompt to the turn that runs, and return what it answers: whether it "joined".

        Raises:
            AgentError: It is not sent.
        """
        sent: Json = {"prompt": prompt_to_wire(prompt), "uuid": uuid}
        await self.accept(uuid, sent)
        self._sent[uuid] = sent
        try:
            answer = await self._way.call("steer", sent)
        except HostGoneError as error:
            answer = {"joined": not await self._waits_after(error, uuid)}
            if answer["joined"]:
                return answer
        except AgentError as error:
            self._sent.pop(uuid, None)
            await self.refuse(uuid, error)
            raise
        if not answer["joined"]:
            self._sent.pop(uuid, None)
        return answer

    async def _send_once(self, uuid: str, sent: Json) -> None:
        deadline = anyio.current_time() + self._recovery_seconds
        while True:
            try:
                await self._way.call("send", sent)
            except HostGoneError as error:
                if not await self._waits_after(error, uuid):
                    return
            except AgentError as error:
                # It was not given to the agent, for that could not be noted: it waits in the store as it did.
                if error.code != FleetStoreError.default_code or anyio.current_time() >= deadline:
                    raise
                _log.warning("session %s: prompt %s waits for the store: %s", self._way.key, uuid, error)
                await anyio.sleep(_PAUSE)
            else:
                return

    async def _waits_after(self, error: HostGoneError, uuid: str) -> bool:
        """Tell, once the host that was lost is back, whether a prompt still waits: else the agent has it, or it ended.

        Raises:
            AgentError: The session does not go on, or the store is gone.
        """
        self._way.lose(error)
        await self._way.ready()
        if uuid not in self._sent:
            return False
        rows = await self._store.prompts(self._way.key, uuids=[uuid])
        return bool(rows) and rows[0].state == "accepted"
