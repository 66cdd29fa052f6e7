"""The ways to read what an agent says: the least there is, ours, and the official package's."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, Literal

Agent = Literal["codex", "claude"]

AGENTS: Final[tuple[Agent, ...]] = ("codex", "claude")


@dataclass(frozen=True, slots=True)
class Reader:
    """A way to read what an agent says.

    Attributes:
        name: Its name in the report.
        probe: Its module.
        variant: Its variant there.
        tasks: What it is measured at.
    """

    name: str
    probe: str
    variant: str
    tasks: frozenset[str] = frozenset({"stream", "replay", "converse", "once", "end", "together", "flood"})

    @property
    def official(self) -> bool:
        """Whether it needs the official package."""
        return self.probe.startswith("probes.official")


@dataclass(frozen=True, slots=True)
class Readers:
    """All readers of one agent.

    Attributes:
        raw: What all are compared with.
        ours: What is compared with the official package.
        theirs: The official package.
        others: The rest.
    """

    raw: Reader
    ours: Reader
    theirs: Reader
    others: tuple[Reader, ...]

    def all(self, task: str) -> list[Reader]:
        """Return those that are measured at a task: raw, ours, official."""
        mine = [reader for reader in self.others if not reader.official]
        readers = [self.raw, *mine[:1], self.ours, *mine[1:], *(r for r in self.others if r.official), self.theirs]
        return [reader for reader in readers if task in reader.tasks]


_DELTAS: Final = frozenset({"stream", "replay"})
_STREAM: Final = frozenset({"stream"})

READERS: Final[dict[Agent, Readers]] = {
    "codex": Readers(
        Reader("raw pipe, json.loads", "probes.raw", "json"),
        Reader("codex_sdk, asyncio", "probes.ours", "asyncio"),
        Reader("openai_codex, async", "probes.official_codex", "async"),
        (
            Reader("raw pipe, pydantic_core.from_json", "probes.raw", "from_json", _DELTAS),
            Reader("codex_sdk, trio", "probes.ours", "trio"),
            Reader("codex_sdk, asyncio, no deltas wanted", "probes.ours", "asyncio-whole", _STREAM),
            Reader("openai_codex, sync", "probes.official_codex", "sync", frozenset({"stream", "converse", "once"})),
        ),
    ),
    "claude": Readers(
        Reader("raw pipe, json.loads", "probes.raw", "json"),
        Reader("claude_sdk, asyncio", "probes.ours", "asyncio"),
        Reader("claude_agent_sdk, asyncio", "probes.official_claude", "asyncio"),
        (
            Reader("raw pipe, pydantic_core.from_json", "probes.raw", "from_json", _DELTAS),
            Reader("claude_sdk, trio", "probes.ours", "trio"),
            Reader("claude_sdk, asyncio, no deltas wanted", "probes.ours", "asyncio-whole", _STREAM),
        ),
    ),
}


def official_installed(agent: Agent) -> bool:
    """Tell whether the official package of an agent can be imported."""
    # The workspace has claude_agent_sdk for the executable that it carries, without what it needs to be imported.
    needed = ("openai_codex",) if agent == "codex" else ("claude_agent_sdk", "mcp")
    return all(find_spec(name) is not None for name in needed)
