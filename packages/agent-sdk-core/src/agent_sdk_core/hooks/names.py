"""Names of the hooks, as `Hooks` has them; apart from their events, which a backend need not load to declare them."""

from __future__ import annotations

from typing import Literal, get_args

HookName = Literal[
    "pre_tool_use",
    "post_tool_use",
    "prompt_submit",
    "session_start",
    "session_end",
    "stop",
    "pre_compact",
    "post_compact",
    "subagent_start",
    "subagent_stop",
    "pre_skill_command",
]
"""The fields of `Hooks`."""

HOOK_NAMES: tuple[HookName, ...] = get_args(HookName)
