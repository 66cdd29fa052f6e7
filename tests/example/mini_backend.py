"""A whole backend for an agent that lives in this process: what a new backend writes, and nothing else."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

from tests.example.mini_driver import DEFAULT_MODEL, MiniDriver

from agent_sdk_core import (
    BackendCapabilities,
    ChatModel,
    SessionInfo,
    SessionOptions,
)
from agent_sdk_core.paths import off_the_loop, working_folder
from agent_sdk_core.runtime import BaseBackend, BaseSession, Host

_UNSUPPORTED: Final = (
    *("reasoning_effort", "append_system_prompt", "resume", "fork", "session_id", "tools", "add_dirs", "sandbox"),
    *("inherit_env", "mcp_servers", "allowed_tools", "disallowed_tools", "setting_sources"),
    *("idle_timeout", "max_budget_usd", "output_schema", "native", "fork_at"),
    *("agents", "builtin_tools", "skills", "plugins", "fallback_model", "betas", "max_thinking_tokens"),
    *(
        "idle_timeout",
        "reasoning_summary",
        "personality",
        "service_tier",
        "settings",
        "strict_mcp_servers",
        "ephemeral",
    ),
)


class MiniSession(BaseSession):
    """One conversation with the mini agent."""

    def __init__(self, options: SessionOptions, host: Host, driver: MiniDriver) -> None:
        super().__init__(str(uuid4()), options, host, driver)
        self._mini = driver

    @property
    def info(self) -> SessionInfo:
        """What the session runs with."""
        mini = self._mini
        return SessionInfo(model=mini.model, permission_mode=mini.mode, cwd=str(mini.cwd), tools=("Bash",))


class MiniBackend(BaseBackend[MiniSession]):
    """The mini agent.

    Args:
        url: A server that speaks the Responses API.
    """

    type = "mini"
    capabilities = BackendCapabilities(
        permission_modes=("default", "bypass"),
        hooks=frozenset({"pre_tool_use", "post_tool_use", "prompt_submit", "session_start", "session_end"}),
        turn_options=frozenset({"model", "permission_mode"}),
        unsupported_options=frozenset(_UNSUPPORTED),
    )

    def __init__(self, *, url: str) -> None:
        super().__init__()
        self._url = url

    async def list_models(self) -> list[ChatModel]:
        """Return the one model that needs no name; others are taken as they are."""
        return [ChatModel(DEFAULT_MODEL, "Mini", self.type, is_default=True)]

    async def _plan(self, options: SessionOptions) -> Path:
        return await off_the_loop(partial(working_folder, options.cwd or ".", backend=self.type))

    async def _open(self, options: SessionOptions, plan: Path) -> MiniSession:
        driver = MiniDriver(self._host, self._url, plan, model=options.model, mode=options.permission_mode)
        return MiniSession(options, self._host, driver)
