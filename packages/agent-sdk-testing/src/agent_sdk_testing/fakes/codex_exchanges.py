"""What passes between a `FakeCodex` and the SDK: requests of either side, and turns, with what can be done to each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agent_sdk_core.wire.reading import Json
from agent_sdk_testing.fakes.agent import WaitUntil, Wire
from agent_sdk_testing.signals import DEFAULT_TIMEOUT


@dataclass(frozen=True, slots=True)
class FakeRequest:
    """A request of the SDK.

    Attributes:
        id: Its id.
        method: Its method.
        params: Its parameters; empty if it has none.
        process: Where it came from, and its answer goes.
        usual: What the fake answers on its own.
    """

    id: int
    method: str
    params: Json
    process: Wire = field(repr=False, compare=False)
    usual: Callable[[FakeRequest], Json] = field(repr=False, compare=False)

    def answer(self, result: object = None) -> None:
        """Answer it, by default as the fake does on its own; a second call sends a second answer."""
        self.process.write({"id": self.id, "result": self.usual(self) if result is None else result})

    def refuse(self, message: str, *, code: int = -32600, data: object = None) -> None:
        """Answer it with an error."""
        self.process.write({"id": self.id, "error": {"code": code, "message": message, "data": data}})


class FakeTurn:
    """One turn of a fake thread. Nothing is sent but by its methods.

    Args:
        process: Where it runs.
        thread_id: Its thread.
        turn_id: Its id.
        ended: Called when it ends.
    """

    def __init__(
        self, process: Wire, thread_id: str, turn_id: str, *, ended: Callable[[FakeTurn], object] = lambda turn: None
    ) -> None:
        self.thread_id = thread_id
        self.id = turn_id
        self._process = process
        self._ended = ended
        self._items = 0

    def as_json(self, status: str = "inProgress", **fields: object) -> Json:
        """Return the turn as the protocol has it."""
        return {"id": self.id, "status": status, "items": [], "itemsView": "notLoaded", "error": None, **fields}

    def notify(self, method: str, **params: object) -> None:
        """Send a notification that names this turn."""
        self._send(method, turnId=self.id, **params)

    def started(self) -> None:
        """Send turn/started."""
        self._send("turn/started", turn=self.as_json())

    def item(self, item_type: str, *, open: bool = False, **fields: object) -> str:  # as the state is
        """Send item/started, and unless `open` item/completed; return the item's id."""
        self._items += 1
        item: Json = {"type": item_type, "id": f"{self.id}-item-{self._items}", **fields}
        for method in ("item/started",) if open else ("item/started", "item/completed"):
            stamp = "startedAtMs" if method == "item/started" else "completedAtMs"
            self.notify(method, item=item, **{stamp: 0})
        return item["id"]

    def prompt(self, uuid: str | None, text: str) -> None:
        """Send the userMessage item that repeats a prompt."""
        content: list[Json] = [{"type": "text", "text": text, "text_elements": []}]
        self.item("userMessage", clientId=uuid, content=content)

    def say(self, text: str) -> None:
        """Send an agentMessage item."""
        self.item("agentMessage", text=text)

    def completed(self, status: str = "completed", **fields: object) -> None:
        """Send turn/completed."""
        self._ended(self)
        self._send("turn/completed", turn=self.as_json(status, **fields))

    def _send(self, method: str, **params: object) -> None:
        self._process.write({"method": method, "params": {"threadId": self.thread_id, **params}})


class FakeQuestion:
    """A request of the fake, which the SDK has to answer.

    Attributes:
        id: Its id.
        answers: Every message that answered it.
    """

    def __init__(self, wait_until: WaitUntil, request_id: int | str) -> None:
        self.id = request_id
        self.answers: list[Json] = []
        self._wait_until = wait_until

    async def answered(self, timeout: float = DEFAULT_TIMEOUT) -> Json:
        """Wait for the first answer, and return the whole message.

        Raises:
            TimeoutError: There was none within `timeout` seconds.
        """
        await self._wait_until(lambda: bool(self.answers), f"an answer to {self.id!r}", timeout)
        return self.answers[0]
