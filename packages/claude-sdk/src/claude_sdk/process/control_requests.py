"""What claude's control protocol offers beyond the interface that all agents share, a method each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

from agent_sdk_core.errors import InvalidRequestError

Answer = Mapping[str, Any]
"""The payload of an answer, as the wire spells it."""


class Controls:
    """Control requests of one session; every one raises what `control` raises."""

    @abstractmethod
    async def control(self, subtype: str, **fields: object) -> Answer:
        """Send any control request."""

    async def context_usage(self, *, summary: bool = False) -> Answer:
        """Return what fills the context: `categories` with their tokens; a `summary` needs no count by the API."""
        return await self.control("get_context_usage", **({"detail": "summary"} if summary else {}))

    async def session_cost(self) -> str:
        """Return what the session has cost, as claude words it for people."""
        return str((await self.control("get_session_cost")).get("text", ""))

    async def settings(self) -> Answer:
        """Return the settings in force, `effective` and `applied`, and the `sources` that they come from."""
        return await self.control("get_settings")

    async def hooks_listing(self) -> Answer:
        """Return the hooks that are configured."""
        return await self.control("get_hooks_listing")

    async def permission_rules(self) -> Answer:
        """Return the permission rules in force, and the folders that claude may work in."""
        return (await self.control("list_permission_rules")).get("state", {})

    async def set_thinking(
        self, max_tokens: int | None, *, display: Literal["summarized", "omitted"] | None = None
    ) -> None:
        """Limit the tokens that the model may think with; None: its default.

        Args:
            max_tokens: The limit; 0 switches thinking off where the model allows it.
            display: Whether thinking is shown as a summary, or left out.
        """
        shown = {} if display is None else {"thinking_display": display}
        await self.control("set_max_thinking_tokens", max_thinking_tokens=max_tokens, **shown)

    async def rename(self, title: str) -> None:
        """Give the session a name."""
        await self.control("rename_session", title=title)

    async def rewind_files(self, user_message_uuid: str, *, dry_run: bool = False) -> Answer:
        """Restore the files that claude edited to what they were before a prompt.

        Args:
            user_message_uuid: The prompt's uuid.
            dry_run: Only tell what would change: `canRewind`, `filesChanged`, `insertions`, `deletions`.
        """
        return await self.control("rewind_files", user_message_id=user_message_uuid, dry_run=dry_run)

    async def cancel_message(self, uuid: str) -> bool:
        """Take back a steering prompt that claude has and did not take up; False when it is too late."""
        return (await self.control("cancel_async_message", message_uuid=uuid)).get("cancelled") is True

    async def move_to_background(self, tool_use_id: str | None = None) -> None:
        """Let the command of a tool use, or every running one, go on in the background.

        Only one that has been announced by a `TaskStarted` can: a few seconds after it began (2.1.329).

        Raises:
            InvalidRequestError: There is no such command, or it was not announced yet.
        """
        named = {} if tool_use_id is None else {"tool_use_id": tool_use_id}
        if (await self.control("background_tasks", **named)).get("backgrounded") is False:
            raise InvalidRequestError(
                f"The command of tool use {tool_use_id} cannot be moved: it has ended, or has only just begun.",
                backend="claude",
            )
