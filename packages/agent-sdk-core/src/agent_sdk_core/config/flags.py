"""Feature flags: each is declared here, with who answers for it, what it does, and what holds when nobody says."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent_sdk_core.records import dataclass


@dataclass(frozen=True, slots=True)
class Flag:
    """A feature that can be switched.

    Attributes:
        name: Its name in `[flags]`, and in `AGENT_SDK_FLAGS__…`.
        owner: The package that reads it.
        text: What it does while it is on, in one sentence.
        default: Whether it is on when nobody says.
        stricter: The value that is on the safe side, which every workspace may choose; None: neither is.
    """

    name: str
    owner: str
    text: str
    default: bool
    stricter: bool | None = None


FLAGS: Final[Mapping[str, Flag]] = MappingProxyType(
    {
        flag.name: flag
        for flag in (
            Flag(
                "redact_store",
                "agent-sdk-chat",
                "Secrets that are known are left out of what is stored and of what front ends are told.",
                default=True,
                stricter=True,
            ),
            Flag(
                "watch_settings",
                "agent-sdk-chat",
                "A change of a configuration file is read while chats run.",
                default=True,
            ),
        )
    }
)
"""Every flag, by its name."""
