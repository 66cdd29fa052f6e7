"""Replay: a recorded wire log through the same closer as live, offline.

Claude's frames name their session; prompts are known by the uuid under which they were sent, and what claude asked is
told with what it was answered. Pure but for the diffs of edits, which look at the files as live.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from agent_sdk_core.arguments import checked
from agent_sdk_core.asking.requests import AgentRequest, Ask, identity_of, kind_of, origin_of
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent, ToolProgress, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import RequestOpened, RequestResolved
from agent_sdk_core.messages.usage import ModelPrice
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.rpc.receiver import ServerRequest
from agent_sdk_core.wire.json_lines import mend
from agent_sdk_core.wire.reading import Json, as_record, filled_text, record_at, records_of, text_at
from claude_sdk.asking.requests import SessionRequests
from claude_sdk.normalizer.closer import Closer
from claude_sdk.normalizer.session_facts import SessionFacts

_LOG_ENDS: Final = ("log_ended", "The recording ends here.")


@checked
def replay(
    records: Iterable[object],
    *,
    partial: bool = True,
    prices: Mapping[str, ModelPrice] | None = None,
) -> Iterator[SDKMessage]:
    """Return the messages that a recorded wire log becomes; never raises for what the log holds.

    Messages of several sessions come as they were recorded; `session_id` tells them apart. What is open at the end of
    the log is closed, as when the agent's process ends.

    Args:
        records: The log, as `read_wire_log` reads it: objects with `dir` and `msg`.
        partial: Whether stream events and tool progress are wanted.
        prices: Taken for the sake of one signature on every agent: claude itself tells what it costs.
    """
    del prices
    log = _Replay()
    for entry in records:
        logged = as_record(entry) or {}
        if (message := as_record(logged.get("msg"))) is not None:
            yield from log.take(message, sent=logged.get("dir") == "out", partial=partial)
    yield from log.finish()


class _Recorded:
    """A session of a log."""

    def __init__(self, session_id: str, number: int) -> None:
        self.facts = SessionFacts(cwd="")
        self.closer = Closer(session_id, self.facts)
        self.requests = SessionRequests(
            SessionOptions(),
            session_id=lambda: self.closer.session_id,
            cwd=lambda: self.facts.info.cwd or None,
            parent_of_agent=self.closer.tool_use_of,
            run_tool=_runs_nothing,
        )
        self._name = mend(f"{number} {session_id}")
        self._made = 0

    def stable(self, messages: Iterable[SDKMessage]) -> Iterator[SDKMessage]:
        """Give what the closer made an identity that is the same each time; what was recorded has one."""
        for message in messages:
            source = message.source
            made = (
                source is not None and source.synthetic and not (isinstance(message, UserMessage) and message.is_prompt)
            )
            yield message.model_copy(update={"uuid": self.next_uuid()}) if made else message

    def next_uuid(self) -> str:
        """Return an identity that follows from the log alone."""
        self._made += 1
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._name} {self._made}"))


class _Replay:
    """The sessions of one log."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Recorded] = {}
        self._opened = 0
        self._last: _Recorded | None = None
        self._prompts: dict[str, str | list[Json]] = {}
        self._owners: dict[str, _Recorded] = {}
        self._asked: dict[str, tuple[_Recorded, AgentRequest]] = {}

    def take(self, message: Json, *, sent: bool, partial: bool) -> Iterator[SDKMessage]:
        """Take a frame of ours or of claude's, and return what it becomes."""
        try:
            told = list(self._sent(message) if sent else self._received(message))
        except Exception:  # A corrupt frame of ours is refused live, and nobody sees it.
            return
        for each in told:
            if partial or not isinstance(each, StreamEvent | ToolProgress):
                yield each

    def finish(self) -> Iterator[SDKMessage]:
        """End what is open."""
        for session in dict.fromkeys(self._sessions.values()):
            yield from self._close(session, *_LOG_ENDS, "agent_exited")

    def _sent(self, frame: Json) -> Iterator[SDKMessage]:
        match frame.get("type"):
            case "user":
                content = record_at(frame, "message").get("content")
                prompt = content if isinstance(content, str) else records_of(content)
                self._prompts[text_at(frame, "uuid")] = prompt
            case "control_response":
                response = record_at(frame, "response")
                yield from self._answered(text_at(response, "request_id"), record_at(response, "response"))
            case "control_request" if record_at(frame, "request").get("subtype") == "end_session":
                if len(open_ := list(dict.fromkeys(self._sessions.values()))) == 1:  # It does not say which one.
                    yield from self._close(open_[0], "session_closed", "The session was closed.", "aborted_streaming")
            case _:
                return

    def _received(self, frame: Json) -> Iterator[SDKMessage]:
        match frame.get("type"):
            case "control_request":
                yield from self._request(text_at(frame, "request_id"), record_at(frame, "request"), frame)
            case "control_cancel_request":
                yield from self._resolved(text_at(frame, "request_id"), "withdrawn", "agent")
            case "control_response":
                return
            case _:
                if (session := self._session_of(frame)) is None:
                    return
                self._expect(session, filled_text(frame.get("command_uuid")))
                for told in session.stable(session.closer.feed(frame)):
                    if isinstance(told, AssistantMessage):
                        self._owners.update((use.id, session) for use in told.tool_uses)
                    yield told

    def _session_of(self, frame: Json) -> _Recorded | None:
        """Return the session of a frame; one that names none is the last one's."""
        named = filled_text(frame.get("session_id"))
        if named is None:
            return self._last
        session = self._sessions.get(named)
        if session is None:
            renamed = [known for known in self._sessions.values() if known.closer.session_id == named]
            if renamed:
                session = renamed[0]
            else:
                self._opened += 1
                session = _Recorded(named, self._opened)
            self._sessions[named] = session
        self._last = session
        return session

    def _expect(self, session: _Recorded, prompt: str | None) -> None:
        """Give a session the prompt that it has told to have."""
        if prompt is not None and prompt in self._prompts:
            content = self._prompts.pop(prompt)
            session.closer.expect(prompt, content, shown=content == "/compact")

    def _request(self, native_id: str, body: Json, frame: Json) -> Iterator[SDKMessage]:
        session = self._owners.get(text_at(body, "tool_use_id")) or self._last
        if session is None or not native_id:
            return
        yield from self._resolved(native_id, "withdrawn", "agent")
        read = session.requests.read(ServerRequest(native_id, text_at(body, "subtype"), body, frame))
        if isinstance(read, Ask):
            request = replace(read.request, request_id=session.next_uuid())
            self._asked[native_id] = session, request
            opened = {**identity_of(request), "uuid": session.next_uuid()}
            yield RequestOpened.synthesize(origin_of(request), frame, **opened, request=request.to_wire())

    def _answered(self, native_id: str, body: Json) -> Iterator[SDKMessage]:
        if native_id in self._asked:
            kind = kind_of(self._asked[native_id][1])
            yes = {"permission": "allowed", "question": "answered", "elicitation": "answered"}[kind]
            no = "denied" if kind == "permission" else "declined"
            accepted = body.get("behavior") == "allow" or body.get("action") == "accept"
            yield from self._resolved(native_id, yes if accepted else no, "answer")

    def _resolved(self, native_id: str, outcome: str, by: str) -> Iterator[SDKMessage]:
        if (asked := self._asked.pop(native_id, None)) is not None:
            session, request = asked
            fields = {**identity_of(request), "uuid": session.next_uuid(), "outcome": outcome, "by": by}
            yield RequestResolved.synthesize(origin_of(request), **fields)

    def _close(self, session: _Recorded, code: str, reason: str, terminal_reason: str) -> Iterator[SDKMessage]:
        for native_id in [key for key, (owner, _) in self._asked.items() if owner is session]:
            yield from self._resolved(native_id, "withdrawn", "close")
        ending = session.closer.end(None, code=code, message=reason, terminal_reason=terminal_reason)
        yield from session.stable(ending)
        self._sessions = {name: known for name, known in self._sessions.items() if known is not session}


async def _runs_nothing(work: object) -> None:
    """Stand for the tools of an application, which are not called again."""
    del work
