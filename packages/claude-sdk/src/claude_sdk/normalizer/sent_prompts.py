"""The prompts that were sent to claude and have no result yet: where each stands, and which need repeating. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json
from agent_sdk_core.wire.recent import Recent

PromptState = Literal["sent", "queued", "started", "ended"]


@dataclass(slots=True)
class _Prompt:
    content: str | list[Json]
    state: PromptState = "sent"
    shown: bool = False


class SentPrompts:
    """The prompts of one session, by uuid."""

    def __init__(self) -> None:
        self._prompts: dict[str, _Prompt] = {}
        self._ended = Recent()
        self._dropped: list[str] = []

    def __contains__(self, uuid: object) -> bool:
        return uuid in self._prompts

    def expect(self, uuid: str, content: str | list[Json], *, shown: bool = False) -> None:
        """Note a prompt that is about to be sent; `shown`: it need not be repeated as a message."""
        self._prompts[uuid] = _Prompt(content, shown=shown)

    def forget(self, uuid: str) -> None:
        """Note that a prompt was not sent, or that nobody waits for its result."""
        self._prompts.pop(uuid, None)

    def end(self, uuids: Iterable[str]) -> None:
        """Note that a result listed prompts."""
        for uuid in uuids:
            self._prompts.pop(uuid, None)
            self._ended.note(uuid)

    def has_ended(self, uuid: str) -> bool:
        """Tell whether a result listed a prompt."""
        return uuid in self._ended

    def take_dropped(self) -> list[str]:
        """Return the prompts that claude let go of since the last call, before it took them up."""
        dropped, self._dropped = self._dropped, []
        return dropped

    def state_of(self, uuid: str) -> PromptState:
        """Return where a prompt stands."""
        prompt = self._prompts.get(uuid)
        return "ended" if prompt is None else prompt.state

    @property
    def started(self) -> list[str]:
        """The prompts that claude has taken up."""
        return [uuid for uuid, prompt in self._prompts.items() if prompt.state == "started"]

    @property
    def queued(self) -> list[str]:
        """The prompts that claude has and has not taken up, in the order in which they were sent."""
        return [uuid for uuid, prompt in self._prompts.items() if prompt.state == "queued"]

    def take_up(self, uuid: str) -> None:
        """Note that claude works on a prompt."""
        self._prompts[uuid].state = "started"

    def move(self, uuid: str, state: object) -> bool:
        """Note the state that claude tells of a prompt; return whether it has just taken it up."""
        prompt = self._prompts[uuid]
        if state == "queued" and prompt.state == "sent":
            prompt.state = "queued"
        elif state == "cancelled" and prompt.state in ("sent", "queued"):
            del self._prompts[uuid]
            self._dropped.append(uuid)
        elif state == "started":
            prompt.state = "started"
            return True
        return False

    def show(self, source: Source, session_id: str) -> list[SDKMessage]:
        """Return the messages of the prompts that claude has taken up and that were not repeated yet."""
        shown: list[SDKMessage] = []
        for uuid, prompt in self._prompts.items():
            if prompt.state == "started" and not prompt.shown:
                prompt.shown = True
                message = {"role": "user", "content": prompt.content}
                fields = {"uuid": uuid, "session_id": session_id, "message": message, "isReplay": True}
                shown.append(UserMessage.synthesize(source, **fields))
        return shown
