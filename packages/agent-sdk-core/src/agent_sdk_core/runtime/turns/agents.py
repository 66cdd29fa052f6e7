"""Usage of the sub-agents of a session: the tokens of their calls of the model, by the tool use that started each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from agent_sdk_core.messages.conversation import AssistantMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import UsageMessage
from agent_sdk_core.messages.usage import Usage
from agent_sdk_core.wire.reading import count_of, record_of

_COUNTS: Final = tuple(Usage.model_fields)


class AgentLedger:
    """What sub-agents used. Pure.

    Codex tells each call in a message of its own. Claude tells the input with the assistant message, whose frames
    repeat it, and of the output what there was at its beginning. The rest is in the result, by model, for all together:
    it is counted where one sub-agent alone used the model in that turn, and nowhere where nobody can tell them apart.
    """

    def __init__(self) -> None:
        self._used: dict[str, Usage] = {}
        self._last: dict[str, tuple[str | None, Usage]] = {}
        self._since: dict[str, dict[str, int]] = {}

    def take(self, message: SDKMessage) -> Usage | None:
        """Take a message of a sub-agent; return the tokens that it adds to what is known, None for one of none."""
        parent = message.parent_tool_use_id
        if parent is None:
            return None
        if isinstance(message, UsageMessage):
            return self._add(parent, message.usage)
        if not isinstance(message, AssistantMessage) or (usage := message.message.usage) is None:
            return None
        identity, before = self._last.get(parent, (None, Usage()))
        if identity is None or identity != message.message.id:
            before = Usage()
        highest = _each(before, usage, max)
        self._last[parent] = message.message.id, highest
        grown = _each(highest, before, int.__sub__)
        outputs = self._since.setdefault(message.message.model or "", {})
        outputs[parent] = outputs.get(parent, 0) + grown.output_tokens
        return self._add(parent, grown)

    def settle(self, result: ResultMessage, model: str | None) -> Usage | None:
        """Take the result of a turn, and return the output that it adds to what is known of a sub-agent.

        Args:
            result: The result.
            model: The model of the main thread.
        """
        since, self._since = self._since, {}
        told = record_of((result.model_extra or {}).get("model_usage_since_last_result"))
        added = Usage()
        for name, outputs in since.items():
            if len(outputs) == 1:
                [(parent, known)] = outputs.items()
                main = result.usage.output_tokens if result.usage is not None and name == model else 0
                rest = Usage(
                    output_tokens=max(0, count_of(record_of(told.get(name)).get("outputTokens")) - main - known)
                )
                self._add(parent, rest)
                added = _each(added, rest, int.__add__)
        return added if added.total_tokens else None

    def by_agent(self) -> Mapping[str, Usage]:
        """Return the tokens of each sub-agent so far, by the id of the tool use that started it."""
        return dict(self._used)

    def _add(self, parent: str, usage: Usage) -> Usage | None:
        self._used[parent] = _each(self._used.get(parent, Usage()), usage, int.__add__)
        return usage if usage.total_tokens else None


def _each(one: Usage, other: Usage, join: Callable[[int, int], int]) -> Usage:
    """Return the counts of two joined one by one; a count that neither tells stays untold."""
    counts: dict[str, int] = {}
    for name in _COUNTS:
        mine, theirs = getattr(one, name), getattr(other, name)
        if mine is not None or theirs is not None:
            counts[name] = join(mine or 0, theirs or 0)
    return Usage(**counts)
