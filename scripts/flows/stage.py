"""Where a flow is recorded: the real binary, a scripted model behind it, and one session with its wire log."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import anyio

from agent_sdk_core.messages.conversation import AssistantMessage, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import RequestOpened
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.wire_log import WireLog, read_wire_log
from agent_sdk_testing import ScriptedModel, clean_env, find_codex, scratch_folder, write_codex_home
from codex_sdk.backend import CodexBackend
from codex_sdk.routing.receiver import Notification
from codex_sdk.session import CodexSession
from flows.stable import stable

T = TypeVar("T")

_SECONDS: Final = 30
"""How long a step may take, and half of what a scenario may."""


@dataclass(slots=True)
class Stage:
    """One running session, and what it said.

    Attributes:
        model: The scripted model; scenarios say what it answers.
        backend: The backend.
        session: The session.
        workspace: Its folder.
        messages: Everything that the session said so far.
        notifications: Everything that codex told so far.
    """

    model: ScriptedModel
    backend: CodexBackend
    session: CodexSession
    workspace: Path
    messages: list[SDKMessage] = field(default_factory=list[SDKMessage])
    notifications: list[Notification] = field(default_factory=list[Notification])
    _arrived: anyio.Event = field(default_factory=anyio.Event)

    async def say(self, prompt: Prompt) -> None:
        """Send a prompt, and wait for its result."""
        async with self.session.query(prompt) as turn:
            await turn.wait()

    async def seen(self, wanted: Callable[[SDKMessage], bool]) -> SDKMessage:
        """Wait for a message, and return it; one that came already counts."""
        with anyio.fail_after(_SECONDS):
            while True:
                for message in self.messages:
                    if wanted(message):
                        return message
                await self._arrived.wait()

    async def told(self, wanted: Callable[[Notification], bool]) -> None:
        """Wait for a notification; one that came already counts."""
        with anyio.fail_after(_SECONDS):
            while not any(map(wanted, self.notifications)):
                await self._arrived.wait()

    async def asked(self, number: int) -> RequestOpened:
        """Wait for the session's request of this number, and return it."""

        def is_it(message: SDKMessage) -> bool:
            return isinstance(message, RequestOpened) and len(self._requests()) >= number

        await self.seen(is_it)
        return self._requests()[number - 1]

    async def answered(self, tool_use_id: str) -> None:
        """Wait for the result of a tool use."""
        await self.seen(
            lambda message: (
                isinstance(message, UserMessage)
                and any(result.tool_use_id == tool_use_id for result in message.tool_results)
            )
        )

    async def called(self, tool_name: str, times: int) -> None:
        """Wait until a tool was used so many times."""

        def is_it(message: SDKMessage) -> bool:
            uses = [
                use.name
                for message in self.messages
                if isinstance(message, AssistantMessage)
                for use in message.tool_uses
            ]
            return message is self.messages[-1] and uses.count(tool_name) >= times

        await self.seen(is_it)

    def _requests(self) -> list[RequestOpened]:
        return [message for message in self.messages if isinstance(message, RequestOpened)]

    async def listen(self, stream: AsyncIterator[T], into: list[T]) -> None:
        """Collect what a stream gives, until it ends."""
        async for entry in stream:
            into.append(entry)
            self._arrived.set()
            self._arrived = anyio.Event()


Run = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is recorded.

    Attributes:
        name: Of its files.
        run: Plays it.
        options: Of the session.
        home: Keywords of `write_codex_home`.
    """

    name: str
    run: Run
    options: dict[str, Any]
    home: dict[str, Any]


SCENARIOS: dict[str, Scenario] = {}
"""All scenarios, by name."""


def scenario(*, home: dict[str, Any] | None = None, **options: Any) -> Callable[[Run], Run]:
    """Register a scenario under its function's name.

    Args:
        home: Keywords of `write_codex_home`.
        options: Fields of `SessionOptions`; by default nothing is asked and everything allowed.
    """

    def register(run: Run) -> Run:
        name = run.__name__
        SCENARIOS[name] = Scenario(name, run, options or {"permission_mode": "bypass"}, home or {})
        return run

    return register


async def record(what: Scenario) -> list[dict[str, Any]]:
    """Play a scenario and return its wire log, made repeatable."""
    with scratch_folder(prefix="flow-") as folder:
        async with _stage(what, folder) as stage:
            with anyio.fail_after(2 * _SECONDS):
                await what.run(stage)
            stage.model.check()
        paths = {str(folder / "workspace"): "/workspace", str(folder / "home"): "/codex-home", str(folder): "/folder"}
        return stable(read_wire_log(folder / "wire.jsonl"), paths)


@asynccontextmanager
async def _stage(what: Scenario, folder: Path) -> AsyncGenerator[Stage]:
    workspace = folder / "workspace"
    workspace.mkdir()
    with ScriptedModel() as model, WireLog(folder / "wire.jsonl") as log:
        env = clean_env(codex_home=write_codex_home(folder / "home", model, **what.home))
        options = SessionOptions(cwd=workspace, **what.options)
        async with (
            CodexBackend(executable=find_codex(), env=env, wire_log=log) as backend,
            await backend.create_session(options) as session,
            anyio.create_task_group() as tasks,
        ):
            stage = Stage(model, backend, session, workspace)
            tasks.start_soon(stage.listen, session.messages(), stage.messages)
            tasks.start_soon(stage.listen, backend.notifications(), stage.notifications)
            yield stage
            await session.aclose()
            tasks.cancel_scope.cancel()
        if log.error is not None:
            raise log.error
