"""`Intake`: the messages of a session on their way in: they begin and end turns, and then all who watch see them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final
from weakref import WeakSet

from agent_sdk_core.interfaces.goal import Goal
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import ApiRetry, GoalChanged, InitMessage, TaskNotification, TaskStarted
from agent_sdk_core.runtime.buffer import MessageBuffer
from agent_sdk_core.runtime.driver import SessionDriver
from agent_sdk_core.runtime.goals import next_goal
from agent_sdk_core.runtime.recording import SessionRecorder
from agent_sdk_core.runtime.turns.meter import Meter
from agent_sdk_core.runtime.turns.records import Ending
from agent_sdk_core.runtime.turns.runner import Turns

_REMEMBERED: Final = 10_000
"""Messages whose turn is known without the agent's history."""


class Intake:
    """Takes messages in the agent's order, synchronously and in batches.

    Args:
        driver: The agent's side.
        turns: The turns that they begin and end.
        recorder: Counts and times what they tell.
        on_idle: Told when background work has ended.
        meter: Counts what turns use, where that is limited.

    Attributes:
        background: Ids of the tasks that go on in the background.
        goal: What the agent pursues, as it last told.
    """

    def __init__(
        self,
        driver: SessionDriver,
        turns: Turns,
        recorder: SessionRecorder,
        on_idle: Callable[[], None],
        meter: Meter | None = None,
    ) -> None:
        self.background: set[str] = set()
        self.goal: Goal | None = None
        self._driver = driver
        self._turns = turns
        self._recorder = recorder
        self._on_idle = on_idle
        self._meter = meter
        self._places: OrderedDict[str, str] = OrderedDict()
        self._begun: set[str | None] = set()
        self._listeners: WeakSet[MessageBuffer] = WeakSet()

    def listen(self, buffer: MessageBuffer) -> None:
        """Let a buffer have every message from now on, for as long as somebody holds it."""
        self._listeners.add(buffer)

    def place_of(self, uuid: str) -> str:
        """Return what names the turn of a message to the agent, for a fork; the uuid itself where nothing else does."""
        return self._places.get(uuid, uuid)

    def deliver(self, batch: Iterable[SDKMessage]) -> None:
        """Take messages and hand them on; never waits."""
        batch = list(batch)
        if self._turns.running is None and batch and not isinstance(batch[0], InitMessage):
            self._begun.add(None)  # Told between two turns: what it begins, no turn ends.
        if self._turns.watchdog is not None:
            self._turns.watchdog.take(batch)
        if self._recorder.awaits_first:
            self._recorder.first_of(batch)
        start = 0
        for index, message in enumerate(batch):
            if isinstance(message, StreamEvent):
                continue
            if self._meter is not None:
                self._meter.take(message)
            self._recorder.take(message)
            if message.parent_tool_use_id is not None:
                self._note_nested(message)
                continue
            self._note(message)
            if isinstance(message, ResultMessage):
                self._begun.discard(_turn_id(message))
                owed = self._turns.owed(self._turns.settled(message))
                before = batch[start:index]
                if left_out := self._turns.left_out(owed):
                    self._hand_on(before)
                    before = []
                    for uuid in left_out:
                        self._turns.dropped(uuid)
                self._hand_on([*before, owed])
                start = index + 1
                self._turns.end(owed)
        self._hand_on(batch[start:] if start else batch)
        if self._meter is not None:
            self._turns.limit(self._meter.due())

    def tell(self, batch: Sequence[SDKMessage]) -> None:
        """Give messages that belong to no turn to all who listen."""
        if self._listeners:
            for listener in list(self._listeners):
                listener.publish(batch)

    def inform(self, message: SDKMessage) -> None:
        """Give a message of ours to who watches the session or its turn; it begins and ends nothing."""
        self._hand_on((message,))

    def close(self) -> None:
        """End the stream of all who listen."""
        for listener in list(self._listeners):
            listener.close()

    def end_all(self, ending: Ending) -> None:
        """Tell the end of what no turn's end told: it outlived its turn, or it had none."""
        if self.background or self._begun:
            self._turns.close_open(None, ending)
            self.background.clear()
            self._begun.clear()
            self._on_idle()

    def _hand_on(self, batch: Sequence[SDKMessage]) -> None:
        """Give messages of which none but the last ends a turn to all who watch."""
        self.tell(batch)
        self._turns.show(batch)

    def _note(self, message: SDKMessage) -> None:
        """Note what a message of the main thread tells, but for a result."""
        if message.uuid is not None and (place := self._driver.fork_place(message)) is not None:
            self._note_place(message.uuid, place)
        if isinstance(message, InitMessage):
            self._begun.add(_turn_id(message))
            self._turns.begin(message)
        elif isinstance(message, AssistantMessage):
            self._turns.note_text(message)
        elif isinstance(message, TaskStarted):
            self.background.add(message.task_id)
        elif isinstance(message, TaskNotification):
            self.background.discard(message.task_id)
            self._on_idle()
        elif isinstance(message, ApiRetry):
            if self._turns.watchdog is not None:
                self._turns.watchdog.take_retry(message)
        elif isinstance(message, GoalChanged):
            self.goal = next_goal(self.goal, message)

    def _note_nested(self, message: SDKMessage) -> None:
        """Note the tasks of sub-agents, whose ends are told when the agent is lost."""
        if isinstance(message, TaskStarted):
            self._begun.add(message.task_id)
        elif isinstance(message, TaskNotification):
            self._begun.discard(message.task_id)

    def _note_place(self, uuid: str, place: str) -> None:
        self._places[uuid] = place
        if len(self._places) > _REMEMBERED:
            self._places.popitem(last=False)


def _turn_id(message: SDKMessage) -> str | None:
    return None if message.source is None else message.source.turn_id
