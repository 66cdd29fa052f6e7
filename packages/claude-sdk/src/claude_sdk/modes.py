"""Permission modes, setting sources and options in claude's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.options import SettingSource

UNSUPPORTED_OPTIONS: Final = ("sandbox", "personality", "reasoning_summary", "service_tier")
"""Fields that this backend cannot honour."""


MODES: Final[Mapping[PermissionMode, str]] = {
    "default": "default",
    "accept_edits": "acceptEdits",
    "plan": "plan",
    "auto": "auto",
    "dont_ask": "dontAsk",
    "bypass": "bypassPermissions",
}
"""Permission modes as Claude spells them."""


DEFAULT_SOURCES: Final[tuple[SettingSource, ...]] = ("user",)
"""Whose settings a session reads if nothing is said: a project's may come from a stranger, and its hooks run code."""
