"""`Player`: plays what the model says in a turn of the agent in memory, asks about its tools, and calls them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal, Protocol, cast
from uuid import uuid4

import anyio
import anyio.lowlevel

from agent_sdk_core import (
    AgentError,
    Deny,
    InvalidRequestError,
    PermissionMode,
    PostToolUseEvent,
    PreToolUseEvent,
    SDKMessage,
    Source,
    StopEvent,
    ToolContext,
    ToolRegistry,
    ToolResult,
    Usage,
)
from agent_sdk_core.asking.requests import Envelope
from agent_sdk_core.messages.kinds import tool_kind
from agent_sdk_core.messages.result import failure_by_status
from agent_sdk_core.runtime.asking.own_tools import OwnCall
from agent_sdk_core.runtime.asking.user_code import UserCodeError
from agent_sdk_core.transport.framing import DEFAULT_MAX_LINE
from agent_sdk_testing.memory import asking
from agent_sdk_testing.memory.conversation import Json, Talk, request_of, tools_of
from agent_sdk_testing.memory.turn import NAME, MemoryTurn
from agent_sdk_testing.model.steps import (
    Call,
    Delay,
    Disconnect,
    Failed,
    HttpError,
    Incomplete,
    Reasoning,
    Stall,
    Step,
    Text,
    Tokens,
)
from agent_sdk_testing.signals import Gate

if TYPE_CHECKING:
    from agent_sdk_core.runtime.asking.hooking import HookOutcome
    from agent_sdk_core.runtime.driver import SessionSink
    from agent_sdk_testing.memory.tools import Tools
    from agent_sdk_testing.model.scripted_model import ScriptedModel

_LOOK: Final = 0.001
"""Seconds between two looks at a gate, which another thread may open."""

_UNPLAYABLE: Final = (
    "The memory backend cannot play {kind}: it speaks no provider's protocol. Use ScriptedModel with a real agent for "
    "that."
)
_SUB_AGENTS: Final = ("Agent", "Task")


class Played(Protocol):
    """A session, as far as its turns are played; its driver."""

    sink: SessionSink
    script: ScriptedModel
    tools: Tools
    cwd: str
    mode: PermissionMode | None
    effort: str | None
    granted: set[str]

    @property
    def model_name(self) -> str:
        """The name of the model that is asked."""
        ...

    def take_up(self, turn: MemoryTurn, talk: Talk) -> None:
        """Show the model what was steered into a turn since it was asked last."""

    def tell(self, talk: Talk, *messages: SDKMessage) -> None:
        """Hand on what is said in a conversation, and keep it."""

    async def judged(
        self, name: str, given: Json, call_id: str, leaves: str | None
    ) -> tuple[Literal["deny", "ask"] | None, str]:
        """Return whether a policy refuses a tool, and why, or wants it asked about."""
        ...


def require_playable(step: object) -> None:
    """Refuse a step that means something only to a real agent.

    Raises:
        InvalidRequestError: It does.
    """
    playable = (Text, Reasoning, Call, Failed, HttpError, Incomplete, Disconnect, Stall, Delay, Gate)
    if not isinstance(step, playable):
        raise InvalidRequestError(_UNPLAYABLE.format(kind=type(step).__name__), backend=NAME)


class Player:
    """Plays one turn.

    Args:
        driver: The session's side of the agent.
        turn: The turn.
        talk: The conversation of the session.
        schema: What its answer has to fit, if anything.
    """

    def __init__(self, driver: Played, turn: MemoryTurn, talk: Talk, schema: object) -> None:
        self._driver = driver
        self._turn = turn
        self._talk = talk
        self._schema = schema

    async def play(self) -> None:
        """Play the turn to its end.

        Raises:
            AgentError: Its model failed.
        """
        turn, more = self._turn, True
        while more:
            self._driver.take_up(turn, self._talk)
            more = await self._reply(self._talk) or bool(turn.steered) or await self._goes_on() or bool(turn.steered)

    # The model

    async def _reply(self, talk: Talk) -> bool:
        """Ask the model and play its answer; tell whether it called a tool, and so is asked again."""
        await anyio.lowlevel.checkpoint()
        driver = self._driver
        request = request_of(
            talk,
            tools=tools_of(driver.sink.options, driver.tools),
            model=driver.model_name,
            effort=driver.effort,
            schema=self._schema if talk is self._talk else None,
        )
        try:
            reply, steps = driver.script.ask(request)
            calls = [step for step in steps if isinstance(step, Call)]
            for step in steps:
                await self._play(talk, step)
        except BaseException as error:
            request.finish("dropped" if isinstance(error, AgentError) else "client_gone")
            raise
        request.finish("completed")
        driver.tell(talk, *talk.voice.close_block(), *talk.voice.count(_usage(reply.usage)))
        for call in calls:
            await self._use(talk, call)
        return bool(calls)

    async def _play(self, talk: Talk, step: Step) -> None:
        match step:
            case Text() | Reasoning():
                kind = "text" if isinstance(step, Text) else "thinking"
                for chunk in step.chunks if isinstance(step, Text) else step.summary:
                    if isinstance(chunk, str):
                        self._driver.tell(talk, *talk.voice.say(kind, chunk))
                        await anyio.lowlevel.checkpoint()
                    else:
                        await _pause(chunk)
            case Call():
                return
            case Gate() | Delay():
                await _pause(step)
            case Stall():
                await anyio.sleep_forever()
            case Disconnect():
                raise AgentError("The model broke off.", code="connection_failed", retryable=True)
            case Incomplete():
                raise AgentError(f"The answer was cut off: {step.reason}.", code="incomplete")
            case Failed():
                raise AgentError(step.message, code=step.code)
            case HttpError():
                failure = failure_by_status(step.status)
                code, retryable = (failure.code, failure.retryable) if failure else ("turn_failed", False)
                raise AgentError(step.message, code=code, retryable=retryable)
            case _:
                require_playable(step)

    async def _goes_on(self) -> bool:
        """Tell whether a hook has the agent go on that has answered."""
        turn = self._turn
        outcome = await self._driver.sink.hooks.run(StopEvent(turn.answer, turn.resumed, **self._told))
        turn.resumed = outcome.block is not None
        if outcome.block is not None:
            self._talk.told.append({"role": "user", "content": outcome.block})
        return turn.resumed

    # Tools

    async def _use(self, talk: Talk, call: Call) -> None:
        driver, voice = self._driver, talk.voice
        call_id = call.call_id or str(uuid4())
        given = cast("Json", json.loads(call.arguments))
        driver.tell(talk, voice.use(call_id, call.name, given))
        before = await driver.sink.hooks.run(PreToolUseEvent(call.name, given, call_id, **self._told))
        if (refusal := before.block if before.stop is None else before.stop) is not None:
            voice.denied(call_id, call.name, given)
            driver.tell(talk, voice.result(call_id, refusal, is_error=True))
            await self._stop(before)
            return
        given = given if before.input is None else dict(before.input)
        given, result = await self._result(talk, call_id, call.name, given)
        text = "\n".join(part for part in result.content if isinstance(part, str))
        event = PostToolUseEvent(call.name, given, text, call_id, result.is_error, **self._told)
        after = await driver.sink.hooks.run(event)
        parts = [text if after.block is None else after.block, before.text, after.text]
        text = "\n".join(part for part in parts if part is not None)
        if (size := len(text)) > DEFAULT_MAX_LINE:
            result = ToolResult.failed("")
            text = (
                f"The answer cannot be sent: it has {size} characters, more than the {DEFAULT_MAX_LINE} there may be."
            )
        driver.tell(talk, voice.result(call_id, text, is_error=result.is_error, outcome=result.structured))
        await self._stop(after)

    async def _result(self, talk: Talk, call_id: str, name: str, given: Json) -> tuple[Json, ToolResult]:
        """Return the input with which a tool ran, and what it returned."""
        registries = (found for found in self._driver.sink.options.registries if name in found.names)
        if (registry := next(registries, None)) is not None:
            return given, await self._own(talk, registry, call_id, name, given)
        if name == "AskUserQuestion":
            return given, await self._question(talk, call_id, given)
        if name == "ExitPlanMode":
            return given, await self._plan(talk, call_id, given)
        answer = await self._permitted(talk, call_id, name, given)
        if "input" not in answer:
            return given, await self._refused(talk, call_id, name, given, answer)
        permitted: Json = answer["input"]
        if name in _SUB_AGENTS:
            return permitted, await self._sub_agent(call_id, permitted)
        return permitted, await self._run(talk, call_id, name, permitted)

    async def _run(self, talk: Talk, call_id: str, name: str, given: Json) -> ToolResult:
        """Run one of the agent's own tools, as the test said."""
        driver, began = self._driver, anyio.current_time()

        def report(output: str) -> None:
            seconds = round(anyio.current_time() - began, 3)
            driver.tell(talk, talk.voice.progress(call_id, name, output, seconds))

        context = ToolContext(
            driver.sink.session_id, tool_use_id=call_id, tool_name=name, cwd=driver.cwd, report=report
        )
        over = False
        try:
            result = await driver.tools.run(name, given, context)
            over = True
        finally:
            context.end(cancelled=not over)
        return result

    async def _own(self, talk: Talk, registry: ToolRegistry, call_id: str, name: str, given: Json) -> ToolResult:
        """Run a tool of the application."""

        async def refused(answer: Deny) -> None:
            talk.voice.denied(call_id, name, given)
            if answer.interrupt:
                self._turn.scope.cancel()

        own = name.removeprefix(f"mcp__{registry.name}__")
        call = OwnCall(registry, own, given, self._envelope(call_id, given), call_id, refused)
        try:
            result = await self._driver.sink.run_tool(call, asks=True) or ToolResult.failed("The call was cut off.")
        except UserCodeError as error:
            result = ToolResult.failed(str(error))
        await anyio.lowlevel.checkpoint()
        return result

    async def _sub_agent(self, call_id: str, given: Json) -> ToolResult:
        """Have a sub-agent talk with the model to its end, and return what it said last."""
        driver, kind = self._driver, str(given.get("subagent_type", "general-purpose"))
        definitions = driver.sink.options.agents
        if kind not in definitions and kind != "general-purpose":
            return ToolResult.failed(f"There is no sub-agent {kind!r}.")
        told = definitions[kind].prompt if kind in definitions else self._talk.instructions
        talk = Talk(self._turn.voice_of(call_id), told)
        driver.tell(talk, talk.voice.task(str(given.get("prompt", ""))))
        while await self._reply(talk):
            continue
        return ToolResult((talk.voice.answer,))

    # Questions

    async def _permitted(self, talk: Talk, call_id: str, name: str, given: Json) -> Json:
        """Ask whether a tool may run, where policy and mode want that; the answer has its `input`, or a `refusal`."""
        driver = self._driver
        options, mode, kind = driver.sink.options, driver.mode, tool_kind(name)
        leaves = asking.outside(name, given, driver.cwd, options.add_dirs)
        verdict, why = await driver.judged(name, given, call_id, leaves)
        if verdict == "deny":
            return {"refusal": why}
        allowed = name in options.allowed_tools
        if name in options.disallowed_tools or (mode == "dont_ask" and not allowed):
            return {"refusal": f"Nobody may use {name} here."}
        changes = kind in ("edit", "delete", "move")
        act = "" if not changes else leaves or "edit"
        edits = changes and ((mode == "accept_edits" and leaves is None) or act in driver.granted)
        if (kind in ("read", "search", "agent") or edits or mode == "bypass" or allowed) and verdict != "ask":
            return {"input": given}
        ask = asking.permission(self._envelope(call_id, given), name, given, asked=self._asked(call_id), leaves=leaves)
        answer = await driver.sink.ask(ask)
        if answer.get("granted") and act:
            driver.granted.add(act)
        return answer

    async def _plan(self, talk: Talk, call_id: str, given: Json) -> ToolResult:
        """Ask whether a plan is carried out, which sets the mode that follows."""
        ask = asking.plan(self._envelope(call_id, given), given, asked=self._asked(call_id))
        answer = await self._driver.sink.ask(ask)
        if "refusal" in answer:
            return await self._refused(talk, call_id, "ExitPlanMode", given, answer)
        self._driver.mode = cast("PermissionMode", answer["mode"])
        return ToolResult((f"The user has approved the plan:\n{answer['plan']}",))

    async def _question(self, talk: Talk, call_id: str, given: Json) -> ToolResult:
        """Ask the user, and return what the model is told."""
        answer = await self._driver.sink.ask(asking.questions(self._envelope(call_id, given), given))
        told = [f"{question}: {', '.join(texts)}" for question, texts in answer["answers"].items()]
        return ToolResult(("\n".join(told) or "The user did not answer.",))

    async def _refused(self, talk: Talk, call_id: str, name: str, given: Json, answer: Json) -> ToolResult:
        talk.voice.denied(call_id, name, given)
        if answer.get("stop"):
            self._turn.scope.cancel()
        await anyio.lowlevel.checkpoint()  # An interrupt has withdrawn the question.
        return ToolResult.failed(str(answer["refusal"]))

    async def _stop(self, outcome: HookOutcome) -> None:
        if outcome.stop is not None:
            self._turn.scope.cancel()
            await anyio.lowlevel.checkpoint()

    def _envelope(self, call_id: str, given: Json) -> Envelope:
        sink = self._driver.sink
        return Envelope.of(call_id, given, session_id=sink.session_id, timeout=sink.options.request_timeout)

    def _asked(self, call_id: str) -> Json:
        source = Source(NAME, thread_id=self._driver.sink.session_id, turn_id=self._turn.id)
        return {"tool_use_id": call_id, "cwd": self._driver.cwd, "source": source}

    @property
    def _told(self) -> Json:
        return {"session_id": self._driver.sink.session_id, "cwd": self._driver.cwd}


async def _pause(pause: Gate | Delay) -> None:
    if isinstance(pause, Delay):
        await anyio.sleep(pause.seconds)
        return
    opened = pause.arrive()
    while not opened.is_set():  # noqa: ASYNC110  # opened from any thread
        await anyio.sleep(_LOOK)


def _usage(tokens: Tokens) -> Usage:
    return Usage(
        input_tokens=tokens.input - tokens.cached,
        cache_read_input_tokens=tokens.cached,
        output_tokens=tokens.output,
    )
