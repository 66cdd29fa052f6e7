"""`PromptSender`: how a prompt reaches the agent, as the start of a turn or into the one that runs."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from agent_sdk_core.errors import AgentError, InvalidRequestError, PolicyDeniedError
from agent_sdk_core.prompts import Prompt, TextInput, prompt_blocks
from agent_sdk_core.runtime.driver import SessionDriver
from agent_sdk_core.runtime.turns.records import PromptRecord, RunningTurn

if TYPE_CHECKING:
    from agent_sdk_core.runtime.asking.hooking import SessionHooks
    from agent_sdk_core.runtime.settings import SessionSettings
    from agent_sdk_core.structured.answers import AnswerForm
    from agent_sdk_core.structured.output_type import OutputType

_log = logging.getLogger(__name__)

T = TypeVar("T")


class PromptSender:
    """Puts prompts to the agent, once the hooks have seen them and the session's settings are its own.

    Args:
        driver: The agent's side.
        hooks: The session's hooks, which see each prompt before it is sent.
        settings: Returns the session's settings, which are put to the agent before a turn.
        on_sent: Told of a turn whose prompt is about to be sent.
    """

    def __init__(
        self,
        driver: SessionDriver,
        hooks: SessionHooks,
        settings: Callable[[], SessionSettings],
        on_sent: Callable[[RunningTurn], None],
    ) -> None:
        self._driver = driver
        self._hooks = hooks
        self._settings = settings
        self._on_sent = on_sent

    async def start(self, turn: RunningTurn, record: PromptRecord) -> str | AgentError | None:
        """Start a turn with a prompt, and return the agent's id of it, None while it has none, or why there is none."""
        return await _answer(lambda: self._start(turn, record))

    async def steer(self, turn: RunningTurn, record: PromptRecord) -> bool | AgentError:
        """Put a prompt into a turn that runs, and tell whether the agent took it, or why not."""
        return await _answer(lambda: self._steer(turn, record))

    async def _start(self, turn: RunningTurn, record: PromptRecord) -> str | None:
        settings, options = self._settings(), record.options
        await self._driver.ready()
        prompt = await self._checked(record, alone=self._driver.brings_context)
        await settings.settle()
        if options is not None and options.output_schema is not None:
            record.answers = await self._form(options.output_schema, record.output_type)
        await self._driver.prepare(record.answers)
        if options is not None:
            await settings.lend(options, turn)
        if turn.ended.is_set():
            return None
        turn.sent = True
        self._on_sent(turn)
        if options is None:
            return await self._driver.start_turn(prompt, record.uuid)
        return await self._driver.start_turn(prompt, record.uuid, options=options, answers=record.answers)

    async def _steer(self, turn: RunningTurn, record: PromptRecord) -> bool:
        return await self._driver.steer(await self._checked(record), record.uuid, turn.native_id)

    async def _checked(self, record: PromptRecord, *, alone: bool = False) -> Prompt:
        """Return what is sent of a prompt, once the hooks have seen it, with what they add unless it goes `alone`.

        Raises:
            PolicyDeniedError: A hook blocks it. It was accepted, so that it has a result.
        """
        if record.checked is None:
            reason, record.checked = await self._hooks.check_prompt(record.prompt, record.uuid), record.prompt
            if reason is not None:
                record.settled.reached = True
                record.settled.event.set()
                raise PolicyDeniedError(reason, backend=self._driver.name, details={"hook": "prompt_submit"})
        if not alone and (context := self._hooks.take_context()) is not None:
            record.checked = (*prompt_blocks(record.prompt), TextInput(context))
        return record.checked

    async def _form(self, schema: Mapping[str, object], output_type: OutputType | None) -> AnswerForm:
        try:
            form = await self._driver.answer_form(schema)
        except InvalidRequestError as error:  # Which names the session's option.
            name = "TurnOptions.output_schema" if output_type is None else f"output_type={output_type.name}"
            said = error.message.replace("SessionOptions.output_schema", name)
            raise InvalidRequestError(said, backend=error.backend, details=error.details) from error
        return form.of_turn(output_type)


async def _answer(call: Callable[[], Awaitable[T]]) -> T | AgentError:
    """Return what the agent answered to a prompt, or why it has none."""
    try:
        return await call()
    except AgentError as error:
        return error
    except Exception as error:
        _log.exception("a prompt could not be sent")
        return AgentError(f"The prompt could not be sent: {error}")
