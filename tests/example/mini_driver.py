"""The mini agent's side of a session: it asks the model, runs its one tool, and asks for permission first."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT
from typing import Any, Final, cast

import anyio
from tests.example.mini_model import ask_model
from tests.example.mini_turn import MiniTurn, add

from agent_sdk_core import (
    AgentError,
    Allow,
    HistoryPage,
    PermissionMode,
    PostToolUseEvent,
    PreToolUseEvent,
    Prompt,
    SDKMessage,
    SessionUsage,
    Source,
    TextInput,
    TurnOptions,
    UnsupportedOptionError,
    Usage,
)
from agent_sdk_core.asking.approvals import ALLOW, DENY, DENY_AND_STOP, Offers
from agent_sdk_core.asking.requests import AgentAnswer, Ask, Envelope
from agent_sdk_core.option_values import revealed
from agent_sdk_core.prompts import prompt_blocks
from agent_sdk_core.runtime import Host, SessionDriver
from agent_sdk_core.runtime.asking.hooking import HookOutcome
from agent_sdk_core.runtime.driver import Setting
from agent_sdk_core.structured.answers import AnswerForm

Json = dict[str, Any]
DEFAULT_MODEL: Final = "mini-1"

_TOOL = {
    "type": "function",
    "name": "run",
    "description": "Run a shell command.",
    "parameters": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
}
_OFFERS = Offers[None]([(ALLOW, None), (DENY, None), (DENY_AND_STOP, None)])


class MiniDriver(SessionDriver):
    """Drives one session.

    Attributes:
        model: The model that the next turn asks.
        mode: The permission mode.
        cwd: The folder that it works in.
    """

    name = "mini"
    lends = frozenset({"model", "permission_mode"})

    def __init__(self, host: Host, url: str, cwd: Path, *, model: str | None, mode: PermissionMode | None) -> None:
        self.model = model or DEFAULT_MODEL
        self.mode: PermissionMode | None = mode
        self._asks = _asks(mode)
        self._host = host
        self._url = url
        self.cwd = cwd
        self._turn: MiniTurn | None = None
        self._conversation: list[Json] = []
        self._told: list[SDKMessage] = []
        self._used = Usage(cache_read_input_tokens=0)

    @property
    def resumable(self) -> bool:
        """Nothing is stored."""
        return False

    async def start_turn(
        self, prompt: Prompt, uuid: str, *, options: TurnOptions | None = None, answers: AnswerForm | None = None
    ) -> str:
        """Begin a turn, which then goes on by itself; what is otherwise in it, the session has set with `apply`."""
        blocks = prompt_blocks(prompt)
        for block in blocks:
            if not isinstance(block, TextInput):
                kind = type(block).__name__.removesuffix("Input").lower()
                raise UnsupportedOptionError(f"The mini agent cannot take {kind} in a prompt.", backend=self.name)
        partial = self.sink.options.include_partial_messages
        turn = MiniTurn(self.sink.session_id, uuid, self._conversation, partial=partial)
        self._turn = turn
        text = "\n".join(block.text for block in blocks if isinstance(block, TextInput))
        self._host.start_soon(self._run, turn, text)
        return turn.id

    async def check(self, setting: Setting, value: str | None) -> None:
        """Refuse what the mini agent does not have."""
        if setting == "permission_mode":
            _asks(value)

    async def apply(self, setting: Setting, value: str | None) -> None:
        """Change the model or the permission mode."""
        if setting == "model":
            self.model = value or DEFAULT_MODEL
        elif setting == "permission_mode":
            self.mode, self._asks = cast("PermissionMode | None", value), _asks(value)
        else:
            await super().apply(setting, value)

    async def steer(self, prompt: Prompt, uuid: str, turn_id: str | None) -> bool:
        """Refuse: a running turn takes nothing."""
        raise UnsupportedOptionError("The mini agent cannot be steered: send the prompt without.", backend=self.name)

    async def interrupt(self, turn_id: str | None, *, cancel_held: bool = True) -> None:
        """End the running turn with its command."""
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
        """Return all that was said in this session: one page."""
        return HistoryPage(self._told)

    def usage(self) -> SessionUsage:
        """Return the tokens of all turns."""
        return SessionUsage(self._used)

    def _emit(self, *messages: SDKMessage) -> None:
        self._told += [message for message in messages if message.type in ("user", "assistant")]
        self.sink.deliver(messages)

    async def _run(self, turn: MiniTurn, prompt: str) -> None:
        self._emit(*turn.begin(prompt, cwd=str(self.cwd), model=self.model))
        error: AgentError | None = None
        with turn.scope:
            try:
                await self._converse(turn)
            except AgentError as caught:
                caught.backend = self.name
                error = caught
        self._conversation = turn.input
        self._used = add(self._used, turn.usage)
        aborted = "aborted_tools" if turn.in_tools else "aborted_streaming"
        reason = aborted if turn.scope.cancelled_caught else "completed"
        self._turn = None
        self._emit(*turn.end(error, terminal_reason=reason))

    async def _converse(self, turn: MiniTurn) -> None:
        while True:
            body = {
                "model": self.model,
                "instructions": self.sink.options.system_prompt or "You are a mini agent.",
                "input": turn.input,
                "tools": [_TOOL],
                "stream": True,
            }
            await ask_model(self._host, self._url, body, lambda event: self._emit(*turn.feed(event)))
            calls = turn.take_calls()
            if not calls:
                return
            for call in calls:
                await self._use(turn, call)

    async def _use(self, turn: MiniTurn, call: Json) -> None:
        self._emit(turn.use(call))
        if call["name"] != "run":
            self._emit(turn.tool_result(call, f"There is no tool {call['name']!r}.", is_error=True))
            return
        given: Json = json.loads(call["arguments"])
        told: Json = {"session_id": self.sink.session_id, "cwd": str(self.cwd)}
        before = await self.sink.hooks.run(PreToolUseEvent("Bash", given, call["call_id"], **told))
        command: str | None = str((given if before.input is None else before.input)["command"])
        refusal = before.block if before.stop is None else before.stop
        if refusal is None and self._asks and (command := await self._permitted(turn, call, str(command))) is None:
            refusal = "Nobody allowed it."
        if refusal is not None:
            turn.denied(call)
            self._emit(turn.tool_result(call, refusal, is_error=True))
            await self._stop(turn, before)
            return
        output, exit_code = await self._execute(str(command))
        outcome = {"stdout": output, "exitCode": exit_code, "interrupted": False}
        text = output if exit_code == 0 else f"{output}\nexit code {exit_code}"
        ran: Json = {"command": command}
        after = await self.sink.hooks.run(
            PostToolUseEvent("Bash", ran, output, call["call_id"], exit_code != 0, **told)
        )
        parts = [text if after.block is None else after.block, before.text, after.text]
        text = "\n".join(part for part in parts if part is not None)
        self._emit(turn.tool_result(call, text, is_error=exit_code != 0, outcome=outcome))
        await self._stop(turn, after)

    async def _stop(self, turn: MiniTurn, outcome: HookOutcome) -> None:
        if outcome.stop is not None:
            turn.scope.cancel()
            await anyio.lowlevel.checkpoint()

    async def _permitted(self, turn: MiniTurn, call: Json, command: str) -> str | None:
        """Ask whether a command may run, and return the command to run, or None."""
        session = self.sink
        envelope = Envelope.of(
            call["call_id"], call, session_id=session.session_id, timeout=session.options.request_timeout
        )
        request = envelope.permission(
            "Bash",
            {"command": command},
            tool_use_id=call["call_id"],
            cwd=str(self.cwd),
            options=_OFFERS.options,
            source=Source("mini", thread_id=session.session_id, turn_id=turn.id),
        )

        def encode(answer: AgentAnswer) -> Json:
            answer, option, _ = _OFFERS.chosen(answer)
            changed = answer.updated_input if isinstance(answer, Allow) else None
            return {"option": option.id, "input": dict(request.input if changed is None else changed)}

        answer = await session.ask(Ask(request, encode))
        if answer["option"] == ALLOW.id:
            return str(answer["input"]["command"])
        if answer["option"] == DENY_AND_STOP.id:
            turn.denied(call)
            turn.scope.cancel()
            await anyio.lowlevel.checkpoint()
        return None

    async def _execute(self, command: str) -> tuple[str, int]:
        env = {**os.environ, **revealed(self.sink.options.env)}
        process = await anyio.open_process(
            ["/bin/sh", "-c", command],
            cwd=self.cwd, env=env, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        output = b""
        try:
            async for chunk in process.stdout:
                output += chunk
            await process.wait()
        finally:
            with anyio.CancelScope(shield=True):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.aclose()
        return output.decode(errors="replace"), process.returncode or 0


def _asks(mode: str | None) -> bool:
    """Tell whether a mode asks before a command runs.

    Raises:
        UnsupportedOptionError: The mini agent does not have the mode.
    """
    match mode:
        case None | "default":
            return True
        case "bypass":
            return False
        case _:
            raise UnsupportedOptionError(f"The mini agent has no permission_mode {mode!r}.", backend="mini")
