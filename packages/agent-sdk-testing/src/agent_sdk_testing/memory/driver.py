"""The side of the agent in memory of a session: it plays the script, asks for permission, and calls the tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import uuid4

import anyio
import anyio.lowlevel

from agent_sdk_core import (
    AgentError,
    Allow,
    Answers,
    HistoryPage,
    PermissionMode,
    Prompt,
    Question,
    SDKMessage,
    SessionUsage,
    Source,
    TextInput,
    Usage,
)
from agent_sdk_core.asking.approvals import ALLOW, DENY, DENY_AND_STOP, Offers
from agent_sdk_core.asking.questions import Choice
from agent_sdk_core.asking.requests import AgentAnswer, Ask, Envelope, expect
from agent_sdk_core.messages.kinds import tool_kind
from agent_sdk_core.messages.result import failure_by_status
from agent_sdk_core.prompts import prompt_blocks
from agent_sdk_core.runtime import Host, SessionDriver
from agent_sdk_core.runtime.driver import Setting
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.turn_options import TurnOptions
from agent_sdk_testing.memory.turn import NAME, MemoryTurn, added
from agent_sdk_testing.model.steps import Call, Delay, Failed, HttpError, Reasoning, Step, Text, Tokens
from agent_sdk_testing.signals import Gate

if TYPE_CHECKING:
    from agent_sdk_core import TurnOptions
    from agent_sdk_core.structured.answers import AnswerForm
    from agent_sdk_testing.memory.backend import Stored, Tools
    from agent_sdk_testing.memory.script import Script

Json = dict[str, Any]
_OFFERS: Final = Offers[None]([(ALLOW, None), (DENY, None), (DENY_AND_STOP, None)])
_LOOK: Final = 0.001
"""Seconds between two looks at a gate, which another thread may open."""


class MemoryDriver(SessionDriver):
    """Drives one session.

    Attributes:
        model: The model that the next turn names.
        mode: The permission mode.
        effort: The reasoning effort.
    """

    name = NAME

    def __init__(self, host: Host, script: Script, tools: Tools, stored: Stored) -> None:
        self.model: str | None = None
        self.mode: PermissionMode | None = None
        self.effort: str | None = None
        self._host = host
        self._script = script
        self._tools = tools
        self._stored = stored
        self._turn: MemoryTurn | None = None
        self._used = Usage(cache_read_input_tokens=0)

    @property
    def resumable(self) -> bool:
        """Whether something was said."""
        return bool(self._stored.messages)

    async def start_turn(
        self, prompt: Prompt, uuid: str, *, options: TurnOptions | None = None, answers: AnswerForm | None = None
    ) -> str:
        """Begin a turn, which then goes on by itself."""
        text = _text_of(prompt)
        partial = self.sink.options.include_partial_messages
        turn = MemoryTurn(self.sink.session_id, uuid, partial=partial, structured=bool(answers or self.answers))
        self._turn = turn
        self._host.start_soon(self._run, turn, uuid, text)
        return turn.id

    async def steer(self, prompt: Prompt, uuid: str, turn_id: str | None) -> bool:
        """Add a prompt to the running turn."""
        turn = self._turn
        if turn is None or turn.id != turn_id:
            return False
        turn.uuids.append(uuid)
        self._emit(turn.prompt(uuid, _text_of(prompt)))
        return True

    async def apply(self, setting: Setting, value: str | None) -> None:
        """Change a setting."""
        if setting == "model":
            self.model = value
        elif setting == "permission_mode":
            self.mode = cast("PermissionMode | None", value)
        else:
            self.effort = value

    async def interrupt(self, turn_id: str | None, *, cancel_held: bool = True) -> None:
        """End the running turn."""
        if self._turn is not None:
            self.sink.withdraw()
            self._turn.scope.cancel()

    def abandon(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        """Return what ends the running turn."""
        if self._turn is None:
            return []
        return self._turn.end(AgentError(message, code=code), terminal_reason=terminal_reason)

    async def close(self) -> None:
        """Wait for the end of the turn that was interrupted."""
        await self.kill()

    async def kill(self) -> None:
        """End the turn at once."""
        if self._turn is not None:
            self._turn.scope.cancel()
            await self._turn.ended.wait()

    async def history(self, *, limit: int | None, cursor: str | None) -> HistoryPage:
        """Return what was said in this session."""
        return self._stored.page(limit, cursor)

    def usage(self) -> SessionUsage:
        """Return the tokens of all turns."""
        return SessionUsage(self._used)

    def _emit(self, *messages: SDKMessage) -> None:
        self._stored.keep(messages)
        self.sink.deliver(messages)

    async def _run(self, turn: MemoryTurn, uuid: str, text: str) -> None:
        facts = {"cwd": self._stored.cwd, "model": self.model, "tools": list(self._tools)}
        self._emit(turn.begin(facts), turn.prompt(uuid, text))
        error: AgentError | None = None
        with turn.scope:
            try:
                while await self._reply(turn):
                    continue
            except AgentError as caught:
                caught.backend = NAME
                error = caught
        self._used = added(self._used, turn.usage)
        reason = "aborted_streaming" if turn.scope.cancelled_caught else "completed"
        self._turn = None
        self._emit(*turn.end(error, terminal_reason=reason))

    async def _reply(self, turn: MemoryTurn) -> bool:
        """Play one answer of the model, and tell whether it called a tool and so is asked again."""
        await anyio.lowlevel.checkpoint()
        reply = self._script.take()
        calls: list[Call] = []
        for step in cast("tuple[Step, ...]", reply.steps):
            await self._play(turn, step, calls)
        self._emit(*turn.close_block(), *turn.count(_usage(reply.usage)))
        for call in calls:
            await self._use(turn, call)
        return bool(calls)

    async def _play(self, turn: MemoryTurn, step: Step, calls: list[Call]) -> None:
        match step:
            case Text() | Reasoning():
                kind = "text" if isinstance(step, Text) else "thinking"
                for chunk in step.chunks if isinstance(step, Text) else step.summary:
                    if isinstance(chunk, str):
                        self._emit(*turn.say(kind, chunk))
                        await anyio.lowlevel.checkpoint()
                    else:
                        await _pause(chunk)
            case Call():
                calls.append(step)
            case Gate() | Delay():
                await _pause(step)
            case Failed():
                raise AgentError(step.message, code=step.code)
            case HttpError():
                failure = failure_by_status(step.status)
                code, retryable = (failure.code, failure.retryable) if failure else ("turn_failed", False)
                raise AgentError(step.message, code=code, retryable=retryable)
            case _:
                raise AgentError(f"The memory backend cannot play {type(step).__name__}.", code="invalid_request")

    async def _use(self, turn: MemoryTurn, call: Call) -> None:
        call_id = call.call_id or str(uuid4())
        given = cast("Json", json.loads(call.arguments))
        self._emit(turn.use(call_id, call.name, given))
        registries = (found for found in self.sink.options.registries if call.name in found.names)
        if (registry := next(registries, None)) is not None:
            outcome = await registry.run(call.name.removeprefix(f"mcp__{registry.name}__"), given)
            text = "\n".join(part for part in outcome.content if isinstance(part, str))
            self._emit(turn.result(call_id, text, is_error=outcome.is_error, outcome=outcome.structured))
        elif call.name == "AskUserQuestion":
            self._emit(turn.result(call_id, await self._answered(call_id, given)))
        elif (permitted := await self._permitted(turn, call_id, call.name, given)) is None:
            turn.denied(call_id, call.name, given)
            self._emit(turn.result(call_id, "Nobody allowed it.", is_error=True))
        else:
            result = await self._tools.run(call.name, permitted)
            text = "\n".join(part for part in result.content if isinstance(part, str))
            self._emit(turn.result(call_id, text, is_error=result.is_error, outcome=result.structured))

    async def _permitted(self, turn: MemoryTurn, call_id: str, name: str, given: Json) -> Json | None:
        """Ask whether a tool may run, where the mode asks, and return its input; None when it may not."""
        options = self.sink.options
        kind = tool_kind(name)
        if name in options.disallowed_tools or self.mode == "dont_ask":
            return None
        allowed = kind in ("read", "search") or (self.mode == "accept_edits" and kind in ("edit", "delete", "move"))
        if allowed or self.mode == "bypass" or name in options.allowed_tools:
            return given
        request = self._envelope(call_id, given).permission(
            name,
            given,
            tool_use_id=call_id,
            cwd=self._stored.cwd,
            options=_OFFERS.options,
            source=Source(NAME, thread_id=self.sink.session_id, turn_id=turn.id),
        )

        def encode(answer: AgentAnswer) -> Json:
            answer, option, _ = _OFFERS.chosen(answer)
            changed = answer.updated_input if isinstance(answer, Allow) else None
            return {"option": option.id, "input": dict(given if changed is None else changed)}

        answer = await self.sink.ask(Ask(request, encode))
        if answer["option"] == DENY_AND_STOP.id:
            turn.denied(call_id, name, given)
            turn.scope.cancel()
            await anyio.lowlevel.checkpoint()
        return answer["input"] if answer["option"] == ALLOW.id else None

    async def _answered(self, call_id: str, given: Json) -> str:
        """Ask the user, and return what the model is told."""
        questions = [
            Question(
                str(each["question"]),
                header=str(each.get("header", "")),
                choices=tuple(
                    Choice(option["label"], option.get("description", "")) for option in each.get("options", ())
                ),
                multi_select=each.get("multiSelect") is True,
                allow_other=True,
            )
            for each in given["questions"]
        ]

        def encode(answer: AgentAnswer) -> Json:
            return {"answers": {key: list(texts) for key, texts in expect(answer, Answers).answers.items()}}

        answer = await self.sink.ask(Ask(self._envelope(call_id, given).question(questions), encode))
        told = [f"{question}: {', '.join(texts)}" for question, texts in answer["answers"].items()]
        return "\n".join(told) or "The user did not answer."

    def _envelope(self, call_id: str, given: Json) -> Envelope:
        sink = self.sink
        return Envelope.of(call_id, given, session_id=sink.session_id, timeout=sink.options.request_timeout)


async def _pause(pause: Gate | Delay) -> None:
    if isinstance(pause, Delay):
        await anyio.sleep(pause.seconds)
        return
    opened = pause.arrive()
    while not opened.is_set():  # noqa: ASYNC110  # opened from any thread
        await anyio.sleep(_LOOK)


def _text_of(prompt: Prompt) -> str:
    return "\n".join(block.text for block in prompt_blocks(prompt) if isinstance(block, TextInput))


def _usage(tokens: Tokens) -> Usage:
    return Usage(
        input_tokens=tokens.input - tokens.cached,
        cache_read_input_tokens=tokens.cached,
        output_tokens=tokens.output,
    )
