"""Own tools: how a call of one of the application's tools is decided about, and then runs for the turn it belongs to.

Claude asks about them itself, as about all that it calls through MCP; Codex does not, so that it is done here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, cast
from uuid import uuid4

import anyio

from agent_sdk_core.asking.approvals import ALLOW, DENY, DENY_AND_STOP, Offers, ends_turn
from agent_sdk_core.asking.permissions import Allow, Deny, Permission, PermissionOption
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest, Ask, Envelope
from agent_sdk_core.interfaces.session import SessionInfo
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import ToolProgress, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.records import dataclass
from agent_sdk_core.runtime.asking.lanes import Lane
from agent_sdk_core.runtime.asking.policing import Police, denial
from agent_sdk_core.runtime.asking.user_code import call_user_code
from agent_sdk_core.runtime.beginning import start_in
from agent_sdk_core.tools.context import ToolContext
from agent_sdk_core.tools.registry import ToolRegistry
from agent_sdk_core.tools.results import ToolResult
from agent_sdk_core.wire.reading import Json

if TYPE_CHECKING:
    from agent_sdk_core.runtime.asking.pending import PendingRequests
    from agent_sdk_core.runtime.turns.records import RunningTurn

_DENIED: Final = "Nobody allowed it."
_KEPT: Final = "in this process, until the session ends"


@dataclass(frozen=True, slots=True)
class OwnCall:
    """One call of a tool of the application.

    Attributes:
        registry: Where the tool is.
        name: Its name there; there may be none of that name.
        arguments: As the agent gave them.
        envelope: What the agent's request shares with all others; None where there is none to ask with.
        tool_use_id: The tool use.
        refused: Awaited before a refusal is told.
    """

    registry: ToolRegistry
    name: str
    arguments: object
    envelope: Envelope | None = None
    tool_use_id: str | None = None
    refused: Callable[[Deny], Awaitable[None]] | None = None

    @property
    def full_name(self) -> str:
        """The name under which messages show the tool."""
        return f"mcp__{self.registry.name}__{self.name}"


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is decided about.

    Attributes:
        tool_name: The tool.
        input: Its arguments.
        key: What a grant for the session covers.
        unasked: Whether nobody is asked, unless a policy wants that.
        always: Whether somebody is asked each time.
    """

    tool_name: str
    input: Json
    key: str
    unasked: bool = False
    always: bool = False


class Calling(Protocol):
    """A session, as far as its tools are called."""

    options: SessionOptions
    requests: PendingRequests
    police: Police | None
    resolved_session_id: str

    @property
    def info(self) -> SessionInfo:
        """What it runs with."""
        ...

    async def ask(self, ask: Ask[AgentRequest]) -> Json:
        """Put a request to whoever answers it."""
        ...

    def deliver(self, batch: Iterable[SDKMessage]) -> None:
        """Hand messages on."""
        ...


class OwnTools:
    """The application's tools in one session.

    Args:
        session: Whose they are.
        running: Returns the turn that runs.
        soon: Runs something in the event loop of the session, from any thread.

    Attributes:
        active: How many of them run, or wait to be allowed.
    """

    def __init__(
        self, session: Calling, running: Callable[[], RunningTurn | None], soon: Callable[[Callable[[], object]], None]
    ) -> None:
        self._session = session
        self._running = running
        self._soon = soon
        self._granted: set[str] = set()
        self.active = 0
        self._lanes: defaultdict[str | None, Lane] = defaultdict(Lane)
        self._outcomes: dict[str, object] = {}

    async def run(self, call: OwnCall, *, asks: bool) -> ToolResult | None:
        """Run a tool for the running turn; None when the turn ended first and cut it off.

        Args:
            call: The call.
            asks: Whether it is decided here whether it may run, because the agent does not ask.
        """
        self.active += 1
        try:
            return await self._run(call, asks)
        finally:
            self.active -= 1

    async def _run(self, call: OwnCall, asks: bool) -> ToolResult | None:
        turn = self._running()
        if turn is None:
            return None
        arguments, entry = call.arguments, call.registry.get(call.name)
        if asks and entry is not None and entry.problem(arguments) is None:
            wish = _Wish(
                call.full_name, cast("Json", arguments), call.full_name, entry.runs_unasked, entry.ask == "always"
            )
            answer = await self._decide(call, wish, turn)
            if isinstance(answer, Deny):
                if call.refused is not None:
                    await call.refused(answer)
                return ToolResult.failed(answer.message or _DENIED)
            arguments = arguments if answer.updated_input is None else dict(answer.updated_input)
        lane = self._lanes[None if call.envelope is None else call.envelope.parent_tool_use_id]
        async with lane.enter(alone=entry is not None and not entry.read_only):
            if turn.ended.is_set():
                return None
            result = await self._call(call, arguments, turn, None if entry is None else entry.timeout)
        if result is not None and result.structured is not None and call.tool_use_id is not None:
            self._outcomes[call.tool_use_id] = result.structured
        return result

    def completed(self, batch: Iterable[SDKMessage]) -> Iterable[SDKMessage]:
        """Return messages, and with the results of tools what these returned as data."""
        return [self._with_outcome(message) for message in batch] if self._outcomes else batch

    def _with_outcome(self, message: SDKMessage) -> SDKMessage:
        if not isinstance(message, UserMessage):
            return message
        for result in message.tool_results:
            if result.tool_use_id in self._outcomes:
                return message.model_copy(update={"tool_use_result": self._outcomes.pop(result.tool_use_id)})
        return message

    async def _call(
        self, call: OwnCall, arguments: object, turn: RunningTurn, timeout: float | None
    ) -> ToolResult | None:
        session, began = self._session, anyio.current_time()
        context = ToolContext(
            session.resolved_session_id,
            tool_use_id=call.tool_use_id,
            tool_name=call.full_name,
            cwd=session.info.cwd,
            report=lambda text: self._soon(lambda: self._tell(call, text, began)),
            decide=partial(self._refusal, call, turn),
        )
        result: ToolResult | None = None
        try:
            with anyio.move_on_after(timeout) as patience:
                result = await call_user_code(
                    lambda: call.registry.run(call.name, arguments, context),
                    f"tool {call.full_name}",
                    until=turn.ended.event,
                )
        finally:
            context.end(cancelled=result is None)
        if patience.cancelled_caught:
            return ToolResult.failed(f"{call.name} took more than the {timeout:g} s that it may, and was cancelled.")
        return result

    def _tell(self, call: OwnCall, text: str, began: float) -> None:
        """Tell of a tool that runs, as the agents tell of theirs."""
        if call.tool_use_id is None:
            return
        native = Source("agent_sdk") if call.envelope is None else call.envelope.source
        progress = ToolProgress.synthesize(
            replace(native, request_id=None, synthetic=True),
            session_id=self._session.resolved_session_id,
            parent_tool_use_id=None if call.envelope is None else call.envelope.parent_tool_use_id,
            tool_use_id=call.tool_use_id,
            tool_name=call.full_name,
            elapsed_time_seconds=round(anyio.current_time() - began, 3),
            output=text,
        )
        self._session.deliver((progress,))

    async def _refusal(
        self, call: OwnCall, turn: RunningTurn, tool_name: str, tool_input: Mapping[str, object]
    ) -> str | None:
        """Return why a running tool may not do what another tool does; None if it may."""
        given = {**tool_input}
        wish = _Wish(tool_name, given, f"{tool_name} {json.dumps(given, sort_keys=True, default=repr)}")
        answer = await self._decide(call, wish, turn)
        if isinstance(answer, Allow) and answer.updated_input not in (None, given):
            answer = Deny(f"It was changed by who allowed it; ask for this instead: {answer.updated_input}")
        if isinstance(answer, Allow):
            return None
        if call.refused is not None:
            await call.refused(answer)
        return answer.message or _DENIED

    async def _decide(self, call: OwnCall, wish: _Wish, turn: RunningTurn) -> Permission:
        """Return whether something may be done: by policy and mode, by what was granted, and else by who is asked."""
        name, info = wish.tool_name, self._session.info
        police, use_id = self._session.police, call.tool_use_id
        decision = None if police is None else await police.judge(name, wish.input, info.cwd, tool_use_id=use_id)
        asked = decision is not None and decision.verdict == "ask" and decision.rule is not None
        if decision is not None and decision.verdict == "deny":
            return denial(decision)
        unasked = wish.unasked or info.permission_mode == "bypass" or wish.key in self._granted
        if unasked and not wish.always and not asked:
            return Allow()
        if info.permission_mode == "dont_ask":
            return Deny(f"In permission mode 'dont_ask' nobody is asked about {name}, and nothing allows it.")
        if call.envelope is None:
            return Deny(_DENIED)
        return await self._ask(call, call.envelope, wish, turn, lasting=not wish.always and not asked)

    async def _ask(
        self, call: OwnCall, envelope: Envelope, wish: _Wish, turn: RunningTurn, *, lasting: bool
    ) -> Permission:
        offers = _offers(wish, lasting=lasting)
        # A tool may ask more than once in a call.
        request = replace(envelope, request_id=str(uuid4())).permission(
            wish.tool_name,
            wish.input,
            tool_use_id=call.tool_use_id,
            cwd=self._session.info.cwd,
            options=offers.options,
        )

        def encode(answer: AgentAnswer) -> Json:
            chosen, _, granted = offers.chosen(answer)
            if isinstance(chosen, Deny):
                return {"message": chosen.message, "interrupt": ends_turn(request, chosen)}
            changed = chosen.updated_input
            return {
                "granted": granted and changed in (None, wish.input),
                "input": None if changed is None else dict(changed),
            }

        answer: Json = {}
        async with anyio.create_task_group() as tasks:
            for end in (turn.stopping, turn.ended.event):
                start_in(tasks, self._withdraw, end, envelope.native_id)
            answer = await self._session.ask(Ask(request, encode))
            tasks.cancel_scope.cancel()
        if "granted" not in answer:
            return Deny(str(answer.get("message") or ""), interrupt=answer.get("interrupt") is True)
        if answer["granted"]:
            self._granted.add(wish.key)
        return Allow(updated_input=answer["input"])

    async def _withdraw(self, end: anyio.Event, native_id: str) -> None:
        """Take a question back when the turn ends for which it was asked."""
        await end.wait()
        self._session.requests.withdraw(native_id=native_id)


def _offers(wish: _Wish, *, lasting: bool) -> Offers[bool]:
    about = wish.tool_name if wish.key == wish.tool_name else "exactly this"
    label = f"Yes, and do not ask again about {about} in this session"
    session = PermissionOption("allow_session", label, Allow("session"), _KEPT)
    grants = [(session, True)] if lasting else []
    return Offers[bool]([(ALLOW, False), *grants, (DENY, False), (DENY_AND_STOP, False)])
