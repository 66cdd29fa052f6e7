"""`SessionFacts`: what an agent told of a session: its options, commands, title, context and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from acp_sdk.modes import option_of, permission_mode
from acp_sdk.protocol.settings import ConfigOption
from acp_sdk.protocol.updates import AvailableCommand, Cost
from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.messages.usage import ContextWindow, SessionUsage, Usage


@dataclass(slots=True)
class SessionFacts:
    """A session as it stands.

    Attributes:
        backend: What the agent is called.
        session_id: The agent's id of it.
        own_id: The one that it had first, by which it is known here, whatever the agent calls it later.
        cwd: The folder that it works in.
        version: The agent's version.
        mcp_servers: Names of the application's MCP servers.
        options: The configuration options.
        commands: The commands.
        title: Its title.
        used: Tokens in the context.
        size: Tokens that fit.
        cost: What it cost so far.
        total: Tokens of all turns.
    """

    backend: str
    session_id: str
    cwd: str
    version: str | None = None
    mcp_servers: tuple[str, ...] = ()
    options: Sequence[ConfigOption] = ()
    commands: Sequence[AvailableCommand] = field(default_factory=tuple[AvailableCommand, ...])
    title: str | None = None
    used: int | None = None
    size: int | None = None
    cost: Cost | None = None
    total: Usage = field(default_factory=Usage)
    own_id: str = ""

    def __post_init__(self) -> None:
        self.own_id = self.own_id or self.session_id

    @property
    def model(self) -> str | None:
        """The model, where the agent tells."""
        option = option_of("model", self.options)
        return None if option is None else option.current_value

    @property
    def effort(self) -> str | None:
        """The reasoning effort, where the agent tells."""
        option = option_of("reasoning_effort", self.options)
        return None if option is None else option.current_value

    @property
    def mode(self) -> PermissionMode | None:
        """The permission mode that the agent's own amounts to."""
        return permission_mode(self.options)

    @property
    def own_mode(self) -> str | None:
        """The mode in the agent's words."""
        option = option_of("permission_mode", self.options)
        return None if option is None else option.current_value

    @property
    def cost_usd(self) -> float | None:
        """The cost in US dollars, where the agent tells it in them."""
        return self.cost.amount if self.cost is not None and self.cost.currency.upper() == "USD" else None

    def usage(self) -> SessionUsage:
        """Return what the session used so far."""
        context = None if self.used is None else ContextWindow(self.used, self.size)
        cost = self.cost_usd
        return SessionUsage(self.total, context=context, cost_usd=cost, cost_source=None if cost is None else "agent")

    def add(self, usage: Usage) -> None:
        """Count the tokens of a turn."""
        before = self.total
        self.total = Usage(
            input_tokens=before.input_tokens + usage.input_tokens,
            output_tokens=before.output_tokens + usage.output_tokens,
            cache_read_input_tokens=(before.cache_read_input_tokens or 0) + (usage.cache_read_input_tokens or 0),
            cache_creation_input_tokens=(before.cache_creation_input_tokens or 0)
            + (usage.cache_creation_input_tokens or 0),
        )
