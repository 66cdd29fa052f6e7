"""Permission modes, settings and options in the words of agents: each has ids of its own, and some have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from acp_sdk.protocol.settings import BooleanConfig, ConfigOption, SelectConfig
from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.errors import UnsupportedOptionError
from agent_sdk_core.hooks.names import HookName
from agent_sdk_core.models import ChatModel
from agent_sdk_core.runtime.driver import Setting

UNSUPPORTED_OPTIONS: Final = (
    *("system_prompt", "append_system_prompt", "session_id", "fork_at", "tools", "sandbox", "env", "inherit_env"),
    *("allowed_tools", "disallowed_tools", "setting_sources", "max_turns", "max_budget_usd", "output_schema"),
    *("agents", "builtin_tools", "skills", "plugins", "fallback_model", "betas", "max_thinking_tokens"),
    *("reasoning_summary", "personality", "service_tier", "strict_mcp_servers", "ephemeral"),
)
"""Fields that the protocol has no word for."""

TURN_OPTIONS: Final = ("model", "reasoning_effort", "permission_mode")
HOOKS: Final[Sequence[HookName]] = ("prompt_submit", "session_start", "session_end")
"""Hooks that our side runs; what a tool does, an agent tells when it asks or afterwards."""

MODES: Final[Mapping[PermissionMode, Sequence[str]]] = {
    "default": ("default", "ask", "readonly", "build", "code"),
    "accept_edits": ("acceptedits", "autoedit"),
    "plan": ("plan", "architect"),
    "auto": ("auto",),
    "dont_ask": ("dontask",),
    "bypass": ("bypasspermissions", "bypass", "yolo", "fullaccess", "autoapprove", "dangerfullaccess"),
}
"""What agents call each permission mode, in small letters alone; the first that an agent has is meant."""

CATEGORIES: Final[Mapping[Setting, str]] = {
    "permission_mode": "mode",
    "model": "model",
    "reasoning_effort": "thought_level",
}
"""The category of the configuration option behind each setting; the mode first, for it may bring a model along."""


def option_of(setting: Setting, options: Sequence[ConfigOption]) -> SelectConfig | None:
    """Return the configuration option behind a setting; None: the agent has none."""
    wanted = CATEGORIES[setting]
    return next((each for each in options if isinstance(each, SelectConfig) and each.category == wanted), None)


def values_of(options: Sequence[ConfigOption]) -> dict[str, str | bool]:
    """Return what is chosen, by the agent's ids."""
    return {each.config_id: each.current_value for each in options if isinstance(each, SelectConfig | BooleanConfig)}


def models_of(options: Sequence[ConfigOption], backend: str) -> list[ChatModel]:
    """Return the models that an agent offers in a session, of which the chosen one is the default."""
    option, effort = option_of("model", options), option_of("reasoning_effort", options)
    efforts = () if effort is None else tuple(each.value for each in effort.values())
    return [
        ChatModel(
            each.value,
            each.name,
            backend,
            description=each.description or "",
            is_default=option is not None and each.value == option.current_value,
            efforts=efforts,
        )
        for each in (() if option is None else option.values())
    ]


def value_for(setting: Setting, value: str, options: Sequence[ConfigOption], *, backend: str) -> tuple[str, str]:
    """Return the configuration option behind a setting, and the value in the agent's words.

    Raises:
        UnsupportedOptionError: The agent does not offer it; the message says what it offers.
    """
    option = option_of(setting, options)
    if option is None:
        raise UnsupportedOptionError(
            f"The {backend} agent offers no {setting.replace('_', ' ')} to choose: leave SessionOptions.{setting} out.",
            backend=backend,
            details={"option": setting},
        )
    offered = [each.value for each in option.values()]
    found = _mode(value, offered) if setting == "permission_mode" else value if value in offered else None
    if found is None:
        raise UnsupportedOptionError(
            f"The {backend} agent has no {setting} {value!r}; it offers: {', '.join(offered)}.",
            backend=backend,
            details={"option": setting, "offered": offered},
        )
    return option.config_id, found


def permission_mode(options: Sequence[ConfigOption]) -> PermissionMode | None:
    """Return the permission mode that the agent's own mode amounts to; None: it has none, or one of another kind."""
    option = option_of("permission_mode", options)
    if option is None:
        return None
    own = _letters(option.current_value)
    return next((mode for mode, words in MODES.items() if own in words), None)


def permission_modes(options: Sequence[ConfigOption]) -> tuple[PermissionMode, ...]:
    """Return the permission modes that an agent has a mode for."""
    option = option_of("permission_mode", options)
    offered = [] if option is None else [each.value for each in option.values()]
    return tuple(mode for mode in MODES if _mode(mode, offered) is not None)


def _mode(mode: str, offered: Sequence[str]) -> str | None:
    words = next((words for name, words in MODES.items() if name == mode), ())
    own = {_letters(each): each for each in reversed(offered)}
    return next((own[word] for word in words if word in own), None)


def _letters(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())
