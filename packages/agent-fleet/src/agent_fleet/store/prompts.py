"""`PromptTable`: how far each prompt came: accepted, dispatched, ended."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from agent_fleet.store.base import Tables, fence, now_of
from agent_fleet.store.records import FleetPromptRow
from agent_fleet.store.tables import prompts
from agent_sdk_core.errors import InvalidRequestError


class PromptTable(Tables):
    """The prompts."""

    async def accept(self, key: str, uuid: str, content: Any) -> None:
        """Add a prompt; it is sent from now on, whatever happens.

        Raises:
            InvalidRequestError: The uuid was used before.
        """

        def do(connection: Connection) -> None:
            if _prompt_row(connection, key, uuid) is not None:
                raise InvalidRequestError(f"A prompt with uuid {uuid!r} was sent before; give each prompt its own.")
            at = now_of(connection)
            row = {"session": key, "uuid": uuid, "content": json.dumps(content), "state": "accepted", "at": at}
            connection.execute(insert(prompts).values(**row))

        await self._write(do)

    async def dispatch(self, key: str, uuid: str, generation: int) -> None:
        """Note that a prompt is about to be handed to the agent.

        Raises:
            SessionClosedError: The lease is lost.
            InvalidRequestError: It does not wait: it was sent, or has ended, or was never accepted.
        """

        def do(connection: Connection) -> None:
            fence(connection, key, generation)
            waits = (prompts.c.session == key) & (prompts.c.uuid == uuid) & (prompts.c.state == "accepted")
            sent = update(prompts).where(waits).values(state="dispatched", generation=generation)
            if connection.execute(sent).rowcount != 1:
                row = _prompt_row(connection, key, uuid)
                said = "was never accepted" if row is None else f"is {row.state} already"
                raise InvalidRequestError(f"Prompt {uuid} is not sent: it {said}.", code="prompt_not_waiting")

        await self._write(do)

    async def refused(self, key: str, uuid: str, generation: int) -> None:
        """Note that the agent did not take a prompt: it waits again.

        Raises:
            SessionClosedError: The lease is lost.
        """

        def do(connection: Connection) -> None:
            fence(connection, key, generation)
            sent = (prompts.c.session == key) & (prompts.c.uuid == uuid) & (prompts.c.state == "dispatched")
            connection.execute(update(prompts).where(sent).values(state="accepted"))

        await self._write(do)

    async def end(self, key: str, uuids: Sequence[str], result: Any, *, generation: int | None = None) -> None:
        """Note the result of prompts; one that has ended keeps its own.

        Args:
            key: The session.
            uuids: The prompts.
            result: The message, as it crosses.
            generation: Whose owner notes it; None: the client, for prompts that no host was given.

        Raises:
            SessionClosedError: The lease is lost.
        """

        def do(connection: Connection) -> None:
            open_ = (prompts.c.session == key) & prompts.c.uuid.in_(list(uuids))
            if generation is None:
                open_ &= prompts.c.state == "accepted"
            else:
                fence(connection, key, generation)
                open_ &= prompts.c.state != "ended"
            connection.execute(update(prompts).where(open_).values(state="ended", result=json.dumps(result)))

        await self._write(do)

    async def prompts(
        self, key: str, *, state: str | None = None, uuids: Iterable[str] | None = None
    ) -> list[FleetPromptRow]:
        """Return prompts of a session, the oldest first.

        Args:
            key: The session.
            state: Only those of this state.
            uuids: Only these.
        """

        def do(connection: Connection) -> list[FleetPromptRow]:
            query = select(prompts).where(prompts.c.session == key).order_by(prompts.c.seq)
            query = query.where(prompts.c.state == state) if state is not None else query
            query = query.where(prompts.c.uuid.in_(list(uuids))) if uuids is not None else query
            return [_prompt(row) for row in connection.execute(query)]

        return await self._write(do)

    async def counts(self) -> dict[str, int]:
        """Return how many prompts wait and run, of all sessions."""

        def do(connection: Connection) -> dict[str, int]:
            counted = select(prompts.c.state, func.count()).where(prompts.c.state != "ended").group_by(prompts.c.state)
            found = {str(state): int(count) for state, count in connection.execute(counted)}
            return {"accepted": found.get("accepted", 0), "dispatched": found.get("dispatched", 0)}

        return await self._write(do)


def _prompt_row(connection: Connection, key: str, uuid: str) -> Row[Any] | None:
    query = select(prompts).where(prompts.c.session == key, prompts.c.uuid == uuid)
    return connection.execute(query).one_or_none()


def _prompt(row: Row[Any]) -> FleetPromptRow:
    result = None if row.result is None else json.loads(row.result)
    return FleetPromptRow(row.uuid, json.loads(row.content), row.state, int(row.generation), result)
