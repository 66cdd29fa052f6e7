"""What a session runs with and what it used, as claude's frames tell it. Pure."""

from __future__ import annotations

import contextlib
from typing import Final

from pydantic import ValidationError

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.interfaces.session import AgentCommand, SessionInfo
from agent_sdk_core.messages.usage import ContextWindow, ModelUsage, SessionUsage, Usage
from agent_sdk_core.runtime.settings import require_known
from agent_sdk_core.wire.reading import Json, count_of, filled_text, record_of, records_of, texts_of
from claude_sdk.modes import MODES

_MODES_BACK: Final[dict[str, PermissionMode]] = {theirs: ours for ours, theirs in MODES.items()}
TOKENS: Final = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
"""The counts of one call of the model, each token in one of them."""


class SessionFacts:
    """The facts of one session, kept up to date by its frames.

    Args:
        cwd: Folder that it works in.
        model: Model that was asked for.
        effort: Reasoning effort that was asked for.
        mode: Permission mode that was asked for.
        title: The name that it has.

    Attributes:
        version: Version of claude.
        effort: Reasoning effort, as last set.
        default_mode: Permission mode that the session had when none was asked for.
        commands: The commands that there are, its skills among them.
        efforts: The efforts that any of the account's models takes; empty when claude did not tell.
    """

    def __init__(
        self,
        *,
        cwd: str,
        model: str | None = None,
        effort: str | None = None,
        mode: PermissionMode | None = None,
        title: str | None = None,
    ) -> None:
        self.version: str | None = None
        self.effort = effort
        self.default_mode: str = "default"
        self.efforts: frozenset[str] = frozenset()
        self._cwd = cwd
        self._model = model
        self._mode: PermissionMode | None = mode
        self._tools: tuple[str, ...] = ()
        self._mcp_servers: tuple[str, ...] = ()
        self._total = dict.fromkeys(TOKENS, 0)
        self._by_model: dict[str, ModelUsage] = {}
        self._title = title
        self._agents: tuple[str, ...] = ()
        self._style: str | None = None
        self._styles: tuple[str, ...] = ()
        self.commands: list[AgentCommand] = []
        self._cost: float | None = None
        self._context: int | None = None
        self._window: int | None = None

    @property
    def info(self) -> SessionInfo:
        """What the session runs with."""
        return SessionInfo(
            model=self._model,
            reasoning_effort=self.effort,
            permission_mode=self._mode,
            cwd=self._cwd,
            tools=self._tools,
            mcp_servers=self._mcp_servers,
            version=self.version,
            title=self._title,
            agents=self._agents,
            output_style=self._style,
            output_styles=self._styles,
        )

    @property
    def usage(self) -> SessionUsage:
        """What the session used."""
        return SessionUsage(
            total=Usage.model_validate(self._total),
            by_model=dict(self._by_model),
            context=self.context,
            cost_usd=self._cost,
            cost_source=None if self._cost is None else "agent",
        )

    @property
    def context(self) -> ContextWindow | None:
        """How full the context is, or None before the first call."""
        return None if self._context is None else ContextWindow(self._context, self._window)

    def take_initialize(self, answer: Json) -> None:
        """Note the answer to `initialize`."""
        self.version = filled_text(answer.get("claude_code_version"))
        self._agents = tuple(_names(answer.get("agents")))
        self._style = filled_text(answer.get("output_style"))
        self._styles = tuple(texts_of(answer.get("available_output_styles")))
        self._take_commands(answer.get("commands"))
        models = records_of(answer.get("models"))
        self.efforts = frozenset(effort for model in models for effort in texts_of(model.get("supportedEffortLevels")))
        if self._mode is None and (mode := filled_text(answer.get("current_permission_mode"))) is not None:
            self.default_mode = mode
            self._mode = _MODES_BACK.get(mode)

    def require_effort(self, effort: str | None) -> None:
        """Refuse an effort that no model takes: claude passes it over, with a word on stderr at most (2.1.329).

        Raises:
            InvalidRequestError: There is no such effort; the message lists those there are.
        """
        if effort is not None and self.efforts:
            require_known("reasoning effort", effort, self.efforts, backend="claude")

    def take_init(self, frame: Json) -> None:
        """Note a `system/init` frame."""
        self._cwd = filled_text(frame.get("cwd")) or self._cwd
        self._model = filled_text(frame.get("model")) or self._model
        self._tools = tuple(texts_of(frame.get("tools"))) or self._tools
        self._mcp_servers = tuple(_names(frame.get("mcp_servers")))
        self._style = filled_text(frame.get("output_style")) or self._style
        self.take_mode(frame.get("permissionMode"))

    def take_mode(self, mode: object) -> None:
        """Note a permission mode, as claude spells it."""
        if isinstance(mode, str):
            self._mode = _MODES_BACK.get(mode) or self._mode

    def take_news(self, frame: Json) -> None:
        """Note what a system frame tells of the session's name and commands."""
        match frame.get("subtype"):
            case "session_title_changed":
                self._title = filled_text(frame.get("title"))
            case "commands_changed":
                self._take_commands(frame.get("commands"))
            case _:
                pass

    def _take_commands(self, told: object) -> None:
        self.commands = [
            AgentCommand(
                name,
                filled_text(command.get("description")) or "",
                argument_hint=filled_text(command.get("argumentHint")),
            )
            for command in records_of(told)
            if (name := filled_text(command.get("name"))) is not None
        ]

    def take_model(self, model: object) -> None:
        """Note a model that claude confirmed."""
        self._model = filled_text(model) or self._model

    def note_call(self, usage: Json) -> None:
        """Note the tokens of a call on the main thread: they tell how full the context is now."""
        used = sum(count_of(usage.get(name)) for name in TOKENS)
        if used:
            self._context = used

    def take_result(self, frame: Json) -> None:
        """Note the usage of a turn: its own tokens, and what is cumulative."""
        usage = record_of(frame.get("usage"))
        for name in TOKENS:
            self._total[name] += count_of(usage.get(name))
        for model, used in record_of(frame.get("modelUsage")).items():
            with contextlib.suppress(ValidationError):  # Counts that cannot be read must not cost the turn its end.
                self._by_model[model] = ModelUsage.model_validate(record_of(used))
        cost = frame.get("total_cost_usd")
        if isinstance(cost, int | float):
            with contextlib.suppress(OverflowError):
                self._cost = float(cost)
        windows = [window for used in self._by_model.values() if (window := used.context_window) is not None]
        main = self._by_model.get(self._model or "")
        self._window = main.context_window if main is not None and main.context_window else max(windows, default=None)


def _names(entries: object) -> list[str]:
    """Return the names of objects that have one."""
    return [name for entry in records_of(entries) if (name := filled_text(entry.get("name"))) is not None]
