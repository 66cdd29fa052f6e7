"""Hooking: the hooks of one session are called in order, and what they answer, or fail to, is made one outcome.

Whatever a hook does, the outcome is one that can be used: a failure blocks what the event guards, and is told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from contextvars import Context, copy_context
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import anyio

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.system import SystemMessage
from agent_sdk_core.prompts import Prompt, TextInput, prompt_blocks
from agent_sdk_core.records import dataclass
from agent_sdk_core.runtime.asking.policing import Police, denial
from agent_sdk_core.runtime.asking.user_code import UserCodeError, call_user_code
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.wire.reading import copied

if TYPE_CHECKING:
    from agent_sdk_core.hooks.events import HookEvent, PreToolUseEvent
    from agent_sdk_core.hooks.names import HookName
    from agent_sdk_core.hooks.table import Hook, Hooks
    from agent_sdk_core.options import SessionOptions

_log = logging.getLogger(__name__)

END_SECONDS: Final = 5.0
"""How long the hooks of a session's end may take together."""


@dataclass(frozen=True, slots=True)
class HookOutcome:
    """What the hooks of one event decided together.

    Attributes:
        block: Why what they saw does not happen.
        stop: Why the turn ends.
        input: The tool's new input.
        context: What the model is told beside, in order.
        ask: Why a person is asked first, because a policy wants it.
    """

    block: str | None = None
    stop: str | None = None
    input: Mapping[str, object] | None = None
    context: tuple[str, ...] = ()
    ask: str | None = None

    @property
    def text(self) -> str | None:
        """The context as one text."""
        return "\n\n".join(self.context) or None


NOTHING: Final = HookOutcome()


class SessionHooks:
    """The hooks of one session.

    Args:
        hooks: Which there are.
        host: Runs them, in the context in which this is made.
        tell: Takes the messages about what they did.
        session_id: Returns the session's id.

    Attributes:
        context: What the next prompt brings along for the model.
        compaction: Why the last compaction was blocked.
    """

    def __init__(
        self, hooks: Hooks | None, host: Host, tell: Callable[[SystemMessage], object], session_id: Callable[[], str]
    ) -> None:
        self._hooks = hooks
        self._host = host
        self._tell = tell
        self._session_id = session_id
        self._context: Context = copy_context()
        self._ended = False
        self.context: list[str] = []
        self.compaction: str | None = None

    def has(self, name: HookName) -> bool:
        """Tell whether an event has hooks."""
        return self._hooks is not None and bool(self._hooks.of(name))

    def seconds(self, name: HookName) -> float:
        """Return how long those of an event may take together."""
        return 0.0 if self._hooks is None else self._hooks.seconds(name)

    def take_context(self) -> str | None:
        """Return, once, what the next prompt brings along."""
        context, self.context[:] = "\n\n".join(self.context), []
        return context or None

    async def run(self, event: HookEvent, subjects: Collection[str] = ()) -> HookOutcome:
        """Call the hooks of an event in the context of the session; never raises but for a cancellation.

        Args:
            event: The event.
            subjects: What matchers are held against, where that is more than `event.subject`.
        """
        hooks = () if self._hooks is None else self._hooks.of(event.name)
        subjects = subjects or ((event.subject or "",))
        matching = [hook for hook in hooks if hook.matches(subjects)]
        if not matching:
            return NOTHING
        outcomes: list[HookOutcome] = []
        ended, scope = anyio.Event(), anyio.CancelScope()

        async def body() -> None:
            with scope:
                try:
                    outcomes.append(await self._run(event, matching))
                finally:
                    ended.set()

        self._host.start_soon(body, context=self._context.copy())
        try:
            await ended.wait()
        finally:
            scope.cancel()
        outcome = outcomes[0] if outcomes else HookOutcome(block="The hooks were cut off.") if event.guards else NOTHING
        if event.name == "pre_compact":
            self.compaction = outcome.block
        return outcome

    async def check_prompt(self, prompt: Prompt, uuid: str) -> str | None:
        """Return why a prompt is not sent; what the model is told with it, waits in `context`."""
        if not self.has("prompt_submit"):
            return None
        from agent_sdk_core.hooks.events import PromptSubmitEvent

        text = "\n".join(block.text for block in prompt_blocks(prompt) if isinstance(block, TextInput))
        outcome = await self.run(PromptSubmitEvent(text, uuid, session_id=self._session_id()))
        self.context += outcome.context
        return outcome.block

    async def start(self, options: SessionOptions, *, cwd: str | None) -> str | None:
        """Return why a session that has been opened shall not go on."""
        if not self.has("session_start"):
            return None
        from agent_sdk_core.hooks.events import SessionStartEvent

        source = "startup" if options.resume is None else "fork" if options.fork else "resume"
        outcome = await self.run(SessionStartEvent(source, session_id=self._session_id(), cwd=cwd))
        self.context += outcome.context
        return outcome.block

    async def end(self, reason: Literal["closed", "killed", "lost"], cwd: str | None = None) -> None:
        """Tell the end of the session, once, to those who have hooks for it."""
        if self._ended or not self.has("session_end"):
            return
        self._ended = True
        from agent_sdk_core.hooks.events import SessionEndEvent

        with anyio.move_on_after(END_SECONDS) as scope:
            await self.run(SessionEndEvent(reason, session_id=self._session_id(), cwd=cwd))
        if scope.cancelled_caught:
            _log.warning("the hooks of a session's end took more than %g s", END_SECONDS)

    async def _run(self, event: HookEvent, hooks: list[Hook[Any, Any]]) -> HookOutcome:
        outcome = NOTHING
        for hook in hooks:
            outcome = await self._call(event, hook, outcome)
            if outcome.block is not None or outcome.stop is not None:
                break
            if outcome.input is not None:
                event = replace(cast("Any", event), input=outcome.input)
        return outcome

    async def _call(self, event: HookEvent, hook: Hook[Any, Any], before: HookOutcome) -> HookOutcome:
        from agent_sdk_core.hooks.decisions import AddContext, Block, ChangeInput, StopTurn

        what = f"the {event.name} hook {hook.name}"
        decision: object = None
        with anyio.move_on_after(hook.timeout) as scope:
            try:
                decision = await call_user_code(lambda: hook.run(_own(event)), what)
            except UserCodeError as error:
                _log.error("%s failed", what, exc_info=error.__cause__)
                return self._failed(event, hook, before, f"failed: {error}")
        if scope.cancelled_caught:
            return self._failed(event, hook, before, f"did not answer within {hook.timeout:g} s")
        if decision is None:
            return before
        if not isinstance(decision, event.takes):
            takes = ", ".join([kind.__name__ for kind in event.takes] + ["None"])
            answered = type(decision).__name__
            return self._failed(event, hook, before, f"answered {answered}, and takes one of: {takes}")
        match decision:
            case Block(reason):
                reason = reason.strip() or f"{_sentence(what)} refused it."
                self._say(event, hook, "blocked", reason)
                return replace(before, block=reason)
            case StopTurn(reason):
                reason = reason.strip() or f"{_sentence(what)} stopped the turn."
                self._say(event, hook, "stopped", reason)
                return replace(before, stop=reason)
            case ChangeInput(changed):
                self._say(event, hook, "changed", "")
                return replace(before, input=dict(changed))
            case AddContext(text):
                self._say(event, hook, "context", text)
                return replace(before, context=(*before.context, text))

    def _failed(self, event: HookEvent, hook: Hook[Any, Any], before: HookOutcome, why: str) -> HookOutcome:
        reason = f"The {event.name} hook {hook.name} {why}."
        _log.error("%s%s", reason, " What it guards is blocked." if event.guards else "")
        self._say(event, hook, "failed", reason)
        return replace(before, block=reason) if event.guards else before

    def _say(self, event: HookEvent, hook: Hook[Any, Any], outcome: str, output: str) -> None:
        self.say(event.name, outcome, output, hook_name=hook.name, tool_use_id=getattr(event, "tool_use_id", None))

    def say(self, name: str, outcome: str, output: str, **fields: object) -> None:
        """Tell what a hook did, in a message."""
        told = {key: value for key, value in fields.items() if value is not None}
        source = Source("agent_sdk", thread_id=self._session_id(), synthetic=True)
        self._tell(
            SystemMessage.synthesize(
                source,
                session_id=self._session_id(),
                subtype="hook_response",
                hook_event=name,
                outcome=outcome,
                output=output,
                **told,
            )
        )


async def check_tool(
    event: PreToolUseEvent, police: Police | None, hooks: SessionHooks | None, subjects: Collection[str] = ()
) -> HookOutcome:
    """Return what becomes of a tool's call: the policy judges it, then hooks see it, and what they change is judged.

    Args:
        event: The call.
        police: The session's policy.
        hooks: Its hooks.
        subjects: As for `SessionHooks.run`.
    """
    before = await _judged(event, police)
    if before.block is not None or hooks is None or not hooks.has("pre_tool_use"):
        return before
    outcome = await hooks.run(event, subjects)
    if outcome.input is not None and outcome.block is None and outcome.stop is None:
        before = await _judged(replace(event, input=outcome.input), police)
        if before.block is not None:
            return before
    return replace(outcome, ask=before.ask)


async def _judged(event: PreToolUseEvent, police: Police | None) -> HookOutcome:
    if police is None:
        return NOTHING
    decision = await police.judge(event.tool_name, event.input, event.cwd, tool_use_id=event.tool_use_id)
    if decision.verdict == "deny":
        return HookOutcome(block=denial(decision).message)
    if decision.verdict == "ask" and decision.rule is not None:
        return HookOutcome(ask=f"The policy asks: {decision.why}.")
    # An allow is said where the agent asks: it may lift what only the request tells.
    return NOTHING


def _sentence(what: str) -> str:
    return what[0].upper() + what[1:]


def _own(event: HookEvent) -> HookEvent:
    """Return an event with an input of its own: a hook changes that by its answer alone, as each agent honours it."""
    given = getattr(event, "input", None)
    return replace(cast("Any", event), input=copied(given)) if isinstance(given, dict) else event
