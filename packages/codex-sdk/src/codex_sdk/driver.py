"""Codex's side of one session: prompts become `turn/start` and `turn/steer`, interrupts `turn/interrupt`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final, cast

import anyio

from agent_sdk_core.errors import AgentError, ProtocolError
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.permissions import PermissionMode
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.rpc.peer import Peer
from agent_sdk_core.runtime.driver import SessionDriver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.session import HistoryPage
from agent_sdk_core.usage import SessionUsage
from codex_sdk.errors import translate
from codex_sdk.history import read_history
from codex_sdk.listings import list_models
from codex_sdk.normalizer import ThreadNormalizer
from codex_sdk.params import mode_params, replay_content, sandbox_policy, user_input

_log = logging.getLogger(__name__)
Json = dict[str, Any]

_START_SECONDS: Final = 60.0
_INTERRUPT_SECONDS: Final = 10.0
_GOODBYE_SECONDS: Final = 3.0
_NOT_STEERABLE: Final = ("no active turn", "expected active turn", "activeturnnotsteerable", "not steerable")


class CodexDriver(SessionDriver):
    """Drives one thread of an app-server.

    Args:
        peer: JSON-RPC with the app-server.
        host: Runs what nobody waits for.
        normalizer: Makes messages of the thread's events.
        options: The session's options.

    Attributes:
        changes: Settings to change with the next turn, as `turn/start` takes them.
    """

    name = "codex"

    def __init__(self, peer: Peer, host: Host, normalizer: ThreadNormalizer, options: SessionOptions) -> None:
        self._peer = peer
        self._host = host
        self._normalizer = normalizer
        self._options = options
        self._foreground: list[str] = []
        self.changes: Json = {}
        if options.permission_mode == "plan":
            self.set_mode("plan")  # thread/start has no parameter for it.

    @property
    def thread_id(self) -> str:
        """The thread."""
        return self._normalizer.facts.thread_id

    @property
    def resumable(self) -> bool:
        """Whether Codex has stored the thread: it writes it once its first turn has finished (0.163)."""
        return self._options.resume is not None or self._normalizer.has_finished_turn

    def set_mode(self, mode: PermissionMode) -> None:
        """Change the permission mode with the next turn."""
        facts = self._normalizer.facts
        model, effort = self.changes.get("model", facts.model), self.changes.get("effort", facts.reasoning_effort)
        roots = [str(folder) for folder in self._options.add_dirs]
        self.changes.update(mode_params(mode, model=model, effort=effort, roots=roots))

    async def reset(self, *settings: str) -> None:
        """Change settings back to what Codex is configured for, with the next turn: "model", "effort" or "mode"."""
        facts = self._normalizer.facts
        response = await self._call("config/read", {"cwd": facts.cwd}, timeout=_START_SECONDS)
        config = cast("Json", cast("Json", response).get("config") or {})
        if "mode" in settings:
            self.set_mode("default")
            self.changes["approvalPolicy"] = config.get("approval_policy") or "on-request"
            self.changes["sandboxPolicy"] = sandbox_policy(config.get("sandbox_mode") or "read-only", ())
        if "model" in settings:
            self.changes["model"] = config.get("model") or await self._first_model()
        if "effort" in settings:
            self.changes["effort"] = config.get("model_reasoning_effort") or "medium"

    async def _first_model(self) -> str:
        """Return the model that Codex uses when none is configured."""
        models = await list_models(self._peer)
        return next((model.id for model in models if model.is_default), models[0].id)

    async def start_turn(self, prompt: Prompt, uuid: str) -> str | None:
        """Send `turn/start` and return the turn's id."""
        changes = dict(self.changes)
        params: Json = {
            "threadId": self.thread_id,
            "input": user_input(prompt),
            "clientUserMessageId": uuid,
            **changes,
        }
        if self._options.output_schema is not None:
            params["outputSchema"] = dict(self._options.output_schema)
        self._normalizer.expect_prompt(uuid, replay_content(prompt))
        try:
            response = await self._call("turn/start", params, timeout=_START_SECONDS)
        except AgentError:
            self._normalizer.forget_prompt(uuid)
            raise
        if self.changes == changes:
            self.changes.clear()
        turn_id = cast("Json", response).get("turn", {}).get("id")
        if isinstance(turn_id, str):
            self._normalizer.assign_prompt(uuid, turn_id)
            return turn_id
        return None

    async def steer(self, prompt: Prompt, uuid: str, turn_id: str | None) -> bool:
        """Send `turn/steer`; False when the turn is over, or is a review or a compaction."""
        if turn_id is None:
            return False
        params: Json = {
            "threadId": self.thread_id,
            "expectedTurnId": turn_id,
            "input": user_input(prompt),
            "clientUserMessageId": uuid,
        }
        self._normalizer.expect_prompt(uuid, replay_content(prompt))
        try:
            await self._call("turn/steer", params, timeout=_START_SECONDS)
        except AgentError as error:
            self._normalizer.forget_prompt(uuid)
            if any(words in str(error).lower() for words in _NOT_STEERABLE):
                return False
            raise
        self._normalizer.assign_prompt(uuid, turn_id)
        return True

    async def interrupt(self, turn_id: str | None) -> None:
        """Send `turn/interrupt` without waiting: a turn that is already interrupted never answers it (0.163)."""
        turn_id = turn_id or self._normalizer.active_turn_id
        if turn_id is None:
            return
        self._foreground = self._normalizer.begin_interrupt(turn_id)
        self._host.start_soon(self._send_interrupt, turn_id)

    async def interrupted(self) -> None:
        """Terminate the command that the interrupted turn was waiting for; Codex itself lets it run (0.163)."""
        processes, self._foreground = self._foreground, []
        async with anyio.create_task_group() as tasks:
            for process_id in processes:
                params = {"threadId": self.thread_id, "processId": process_id}
                tasks.start_soon(self._quietly, "thread/backgroundTerminals/terminate", params)

    def abandon(self, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        """Return what ends the running turn on our side."""
        return self._normalizer.end(code=code, message=message, terminal_reason=terminal_reason)

    async def close(self) -> None:
        """End the thread's background commands and unsubscribe from it."""
        params = {"threadId": self.thread_id}
        await self._quietly("thread/backgroundTerminals/clean", params)
        await self._quietly("thread/unsubscribe", params)

    async def kill(self) -> None:
        """Interrupt without waiting, then as `close`."""
        if (turn_id := self._normalizer.active_turn_id) is not None:
            self._host.start_soon(self._send_interrupt, turn_id)
        await self.close()

    async def history(self, *, limit: int | None, cursor: str | None) -> HistoryPage:
        """Return stored messages, oldest first."""
        return await read_history(self._peer, self.thread_id, limit=limit, cursor=cursor)

    def usage(self) -> SessionUsage:
        """Return what the thread used so far."""
        return self._normalizer.usage

    async def _call(self, method: str, params: Json, *, timeout: float) -> object:
        try:
            return await self._peer.request(method, params, timeout=timeout)
        except ProtocolError as error:
            raise translate(error, session_id=self.thread_id) from error

    async def _send_interrupt(self, turn_id: str) -> None:
        params = {"threadId": self.thread_id, "turnId": turn_id}
        await self._quietly("turn/interrupt", params, timeout=_INTERRUPT_SECONDS)

    async def _quietly(self, method: str, params: Json, timeout: float = _GOODBYE_SECONDS) -> None:
        """Send what may fail because its object is gone already."""
        try:
            await self._peer.request(method, params, timeout=timeout, counted=False)
        except AgentError as error:
            _log.debug("%s: %s", method, error)
