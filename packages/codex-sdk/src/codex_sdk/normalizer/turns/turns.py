"""The turns of a thread: which one an event belongs to, what is known of each, and the messages that open it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Final

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.system import Informational, InitMessage, StatusMessage
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json
from agent_sdk_core.wire.recent import Recent
from codex_sdk.normalizer.emitter import Frames
from codex_sdk.normalizer.items.agents import SubAgent
from codex_sdk.normalizer.turns.thread_facts import ThreadFacts, init_fields
from codex_sdk.normalizer.turns.usage import Tokens

BACKEND: Final = "codex"
"""Name of this backend in every `source`."""

_REMEMBERED_TURNS: Final = 256


@dataclass(slots=True, eq=False)
class Turn:
    """What is known of one turn.

    Attributes:
        id: The id under which it was seen first.
        source: Origin of its own messages.
        begun: Whether its opening messages were emitted.
        ended: Whether its result was.
        interrupting: Whether we asked Codex to interrupt it.
        prompted: Whether somebody's prompt belongs to it.
        prompts: Uuids of the prompts that its result ends.
        denials: Tool uses that were refused.
        calls: Model calls.
        tokens: Tokens of those.
        error: The last error that is not retried.
        diff: The last turn/diff/updated.
        answer: The last final answer that is no asynchronous one.
        said: The last text of any kind.
        model: The model in use; Codex may reroute a turn.
        plans: How many plan checklists were emitted.
        tool_uses: How many tool uses were emitted.
        foreground: When it has ended, the processes of the commands that it was waiting for.
        unnamed: Likewise, the items of those whose process Codex did not name.
    """

    id: str
    source: Source
    begun: bool = False
    ended: bool = False
    interrupting: bool = False
    prompted: bool = False
    prompts: list[str] = field(default_factory=list[str])
    denials: list[Json] = field(default_factory=list[Json])
    calls: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    error: Json | None = None
    diff: str | None = None
    answer: str | None = None
    said: str | None = None
    model: str | None = None
    plans: int = 0
    tool_uses: int = 0
    foreground: list[str] = field(default_factory=list[str])
    unnamed: list[str] = field(default_factory=list[str])

    def item_source(self, item_id: str, *, synthetic: bool = False) -> Source:
        """Return the origin of the messages of one of its items."""
        return Source(BACKEND, self.source.thread_id, self.id, item_id, synthetic=synthetic)

    @property
    def synthetic(self) -> Source:
        """Origin of messages that we made up for it."""
        return Source(BACKEND, self.source.thread_id, self.id, synthetic=True)


class Turns:
    """The turns that run, and the ones that ended last.

    A turn may go by two ids: a review's items and its end carry the id that review/start returned, its turn/started
    another one that names the first as its root.

    Args:
        frames: Where messages are added.
        facts: The thread.
        agent: The sub-agent that the thread is of; its turns are told as a task.
        root: The turns of the session's main thread, whose results list what a sub-agent was refused.

    Attributes:
        held: Warnings for the beginning of the first turn, for before it hardly anybody listens; None after that.
    """

    def __init__(
        self, frames: Frames, facts: ThreadFacts, *, agent: SubAgent | None = None, root: Turns | None = None
    ) -> None:
        self.facts = facts
        self.agent = agent
        self._root = root
        self._frames = frames
        self.held: list[str] | None = []
        self._running: dict[str, Turn] = {}
        self._ended = Recent(_REMEMBERED_TURNS)

    @property
    def active(self) -> Turn | None:
        """The turn that began last and has not ended."""
        return next(reversed(self._running.values()), None)

    def running(self) -> Iterator[Turn]:
        """Every turn that has not ended, each once, the oldest first."""
        return iter(dict.fromkeys(self._running.values()))

    def known(self, turn_id: str) -> Turn | None:
        """Return the turn of this id, running or ended; None if it was never heard of."""
        return self._running.get(turn_id) or self._ended.get(turn_id)

    def expect(self, turn_id: str) -> Turn:
        """Return the turn of this id, made if need be; its opening messages wait for its first event."""
        turn = self.known(turn_id)
        if turn is None:
            turn = Turn(turn_id, Source(BACKEND, self.facts.thread_id, turn_id), model=self.facts.model)
            if self._root is not None and (main := self._root.active) is not None:
                turn.denials = main.denials
            self._running[turn_id] = turn
        return turn

    def begin(self, turn_id: str, root_id: str | None = None) -> Turn:
        """Return the turn of this id, made if need be, with its opening messages emitted."""
        if root_id and root_id != turn_id and self.known(turn_id) is None:
            if root_id in self._running:
                self._running[turn_id] = self._running[root_id]
            elif root_id not in self._ended:
                self._running[root_id] = self.expect(turn_id)
        turn = self.expect(turn_id)
        if not turn.begun:
            turn.begun = True
            turn.model = self.facts.model
            if self.agent is not None:
                self.agent.start(self._frames)
            else:
                self._frames.system(InitMessage, "init", turn.synthetic, init_fields(self.facts))
                for content in self.held or ():
                    fields: Json = {"content": content, "level": "warning"}
                    self._frames.system(Informational, "informational", turn.synthetic, fields)
                self._frames.system(StatusMessage, "status", turn.source, {"status": "requesting"})
            self.held = None
        return turn

    def of(self, turn_id: str) -> Turn:
        """Return the turn of an event, with its opening messages emitted.

        An id that nobody heard of is a damaged one while a turn runs, for a thread runs one at a time and says when it
        begins another; when none runs, the turn's beginning was lost.
        """
        active = self.active
        if active is not None and active.begun and self.known(turn_id) is None:
            return active
        return self.begin(turn_id)

    def end(self, turn: Turn) -> None:
        """Note that the turn's result was emitted."""
        turn.ended = True
        # What was told is not kept; ended turns are remembered for long.
        turn.diff = turn.error = turn.answer = turn.said = None
        for turn_id in [key for key, value in self._running.items() if value is turn]:
            del self._running[turn_id]
            self._ended.note(turn_id, turn)
