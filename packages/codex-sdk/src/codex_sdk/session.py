"""A Codex session: one thread of the backend's app-server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Sequence
from functools import partial
from typing import Final

from agent_sdk_core.errors import AgentError, ConnectionLostError
from agent_sdk_core.hooks.events import PostToolUseEvent, PreToolUseEvent
from agent_sdk_core.interfaces.mcp import McpServerStatus
from agent_sdk_core.interfaces.session import AgentCommand, BackgroundTask, SessionInfo
from agent_sdk_core.messages.blocks import ToolUseBlock
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import ApiRetry
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.runtime.asking.hooking import HookOutcome, check_tool
from agent_sdk_core.runtime.asking.user_code import call_user_code
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.session import BaseSession
from agent_sdk_core.runtime.turns.records import Ending
from agent_sdk_core.wire.reading import Json, text_at
from codex_sdk.asking.approvals import plan_approval
from codex_sdk.asking.envelope import Envelope
from codex_sdk.asking.hooks import NO_ANSWER, PROOF, Answer, answer_of, event_of, prompt_answer, tool_call
from codex_sdk.asking.policy_questions import decided, policy_approval
from codex_sdk.asking.requests import ThreadRequests
from codex_sdk.driver import CodexDriver
from codex_sdk.hooks.announcing import hooked
from codex_sdk.hooks.watch import HookWatch
from codex_sdk.normalizer import ThreadFamily
from codex_sdk.threads.mcp_status import login_url, mcp_status, reload_servers
from codex_sdk.threads.skills import list_skills
from codex_sdk.threads.terminals import background_task, list_terminals, stop_terminal

_log = logging.getLogger(__name__)

_NOT_LOGGED_IN: Final = Ending(
    "authentication_failed",
    "Codex is not logged in. Log in with `codex login` or `backend.login()`; `agent-sdk doctor` says which codex.",
    "api_error",
    {"retryable": False},
    "login",
)


class CodexSession(BaseSession):
    """One thread, and those of its sub-agents. Made by `CodexBackend.create_session`.

    Args:
        options: What it was opened with.
        host: The backend's host.
        driver: Talks to the thread.
        family: Makes messages of the threads' events.
        touched: Told when messages wait for `flush`.
        moved: Told when another thread has taken the place of the session's, with the former one.
        servers: The MCP servers that it alone has.

    Attributes:
        reader: Reads the requests of its threads.
    """

    def __init__(
        self,
        options: SessionOptions,
        host: Host,
        driver: CodexDriver,
        family: ThreadFamily,
        *,
        touched: Callable[[CodexSession], None],
        moved: Callable[[CodexSession, str], None],
        servers: Container[str] = frozenset(),
    ) -> None:
        super().__init__(driver.thread_id, options, host, driver)
        self.driver = driver
        self._family = family
        self._batch: list[SDKMessage] = []
        self._watch = HookWatch() if hooked(options) else None
        self.reader = ThreadRequests(
            options,
            family,
            session_id=lambda: self.resolved_session_id,
            run_tool=partial(self.run_tool, asks=True),
            stop_turn=driver.stop_turn,
            servers=servers,
            added_dirs=lambda: self.updates.directories,
        )
        self._touched = touched
        self._moved = moved
        driver.attachment.moved = self._move
        self._plan: ToolUseBlock | None = None
        self._doubted = False

    @property
    def thread_id(self) -> str:
        """Codex's id of the thread."""
        return self.driver.thread_id

    @property
    def info(self) -> SessionInfo:
        """What the session runs with: as Codex last told, and as was set since, which it hears with the next turn."""
        facts = self.driver.settings.facts
        return SessionInfo(
            model=facts.model,
            reasoning_effort=facts.reasoning_effort,
            permission_mode=facts.permission_mode,
            cwd=facts.cwd,
            sandbox=facts.sandbox,
            approval_policy=facts.approval_policy,
            tools=facts.tools,
            mcp_servers=tuple(facts.mcp_servers),
            version=facts.version,
            title=facts.title,
        )

    def _move(self, former: str) -> None:
        self.resolved_session_id = self.thread_id
        self._moved(self, former)

    def hang(self, error: AgentError) -> None:
        """Note that the connection to an app-server is lost that goes on, and with it what runs: `rejoin` follows.

        What it asks is asked anew then.
        """
        if self._family.active_turns():
            self.requests.withdraw()
        else:
            self.cut_off(error)

    async def rejoin(self, lost: AgentError) -> None:
        """Pick up the turn that ran when the connection was lost; one that nobody knows any more ends.

        Args:
            lost: How the connection ended.
        """
        if not self._family.active_turns():
            return
        from codex_sdk.threads.rejoining import missed

        try:
            turns = await self.driver.latest_turns()
        except ConnectionLostError:
            return  # Lost again, and tried again.
        except AgentError as error:
            self.cut_off(error)
            return
        main = self._family.main
        if main.active_turn_id is not None and all(text_at(turn, "id") != main.active_turn_id for turn in turns):
            self.cut_off(lost)
            return
        for method, params in list(missed(main, turns)):
            self.feed(self.thread_id, method, params, {"method": method, "params": params})
        # Nothing tells of the sub-agents' threads, which are not opened by us.
        self._batch.extend(self._family.end_agents(code=lost.code, message=lost.message))
        self.flush()

    async def commands(self) -> list[AgentCommand]:
        """Return the skills that there are in the session's folder; Codex has no commands here."""
        self._require_open()
        return await list_skills(self.driver.calls.call, self._family.main.facts.cwd)

    async def background_tasks(self) -> list[BackgroundTask]:
        """Return the commands that run in the background."""
        self._require_open()
        terminals = await list_terminals(self.driver.calls.call, self.thread_id)
        return [background_task(terminal) for terminal in terminals]

    async def stop_task(self, task_id: str) -> None:
        """End a background command."""
        self._require_open()
        await stop_terminal(self.driver.calls.call, self.thread_id, task_id)

    async def mcp_status(self) -> list[McpServerStatus]:
        """Return what the thread's MCP servers do; waits some seconds for those that just start."""
        self._require_open()
        told = self._family.main.facts.mcp_servers
        return await mcp_status(self.driver.calls.call, self.thread_id, told)

    async def reload_mcp_servers(self) -> None:
        """Start anew the MCP servers that failed or died, in all sessions of the backend."""
        self._require_open()
        await reload_servers(self.driver.calls.call)

    async def login_mcp_server(self, name: str) -> str:
        """Begin a login by OAuth, and return the URL to open in a browser of this machine.

        Raises:
            InvalidRequestError: There is no such server, or it takes no login.
        """
        self._require_open()
        return await login_url(self.driver.calls.call, self.thread_id, name)

    def claims(self, thread_id: str, method: str, params: Json) -> bool:
        """Tell whether a thread that is nobody's is a sub-agent's of this session."""
        return self._family.claims(thread_id, method, params)

    def thread_of(self, params: Json) -> str | None:
        """Return the thread of this session whose turn a notification names, whatever thread it names."""
        return self._family.thread_of(params)

    def take_adopted(self) -> list[str]:
        """Return the sub-agents' threads that were met since the last call."""
        return self._family.take_adopted()

    def feed(self, thread_id: str, method: str, params: Json, raw: Json) -> Sequence[str]:
        """Take a notification of one of the threads; its messages go out with the next `flush`.

        Returns:
            The sub-agents' threads that it made known, which `take_adopted` hands over.
        """
        if self._watch is not None:
            if thread_id == self.thread_id and (problem := self._watch.problem(method, params)) is not None:
                self._hooks_failed(problem)
            if self._watch.is_ours(method, params):
                return self._family.adopted
        messages = self._family.feed(thread_id, method, params, raw)
        if messages:
            if not self._batch:
                self._touched(self)
            self._batch.extend(messages)
        return self._family.adopted

    def feed_run(self, method: str, params: Json, texts: Sequence[str], lines: Sequence[bytes]) -> bool:
        """Take deltas on end of an item that streams already; False, with nothing done: each is to be fed."""
        messages = self._family.feed_run(method, params, texts, lines)
        if messages:
            if not self._batch:
                self._touched(self)
            self._batch.extend(messages)
        return messages is not None

    async def answer_hook(self, call: Json) -> Answer:
        """Return what the program that Codex runs for one of the session's hooks says, as `answer_of` does."""
        name, registries, proof = str(call.get("hook_event_name")), self.options.registries, self._watch
        if name == PROOF:
            mine = proof is not None and call.get("agent_id") is None
            return prompt_answer(proof.proof, self.hooks.take_context()) if mine and proof is not None else NO_ANSWER
        if (event := event_of(call, registries)) is None:
            return NO_ANSWER
        tool = tool_call(call, registries) if isinstance(event, PreToolUseEvent | PostToolUseEvent) else None
        names = () if tool is None else tool.names
        if isinstance(event, PreToolUseEvent):
            outcome = await check_tool(event, self.police, self.hooks, names)
            if outcome.ask is not None and not self._asks_itself(event.tool_name):
                changeable = None if tool is None or tool.native is None else (tool.native[1],)
                outcome = await self._ask_person(event, outcome, changeable)
        else:
            outcome = await self.hooks.run(event, names)
        if outcome.stop is not None:  # Codex has no word for it (0.163).
            self._host.start_soon(partial(self.interrupt, cancel_queued=False))
        return answer_of(name, outcome, tool)

    def _asks_itself(self, tool_name: str) -> bool:
        """Tell whether a person is asked about a tool elsewhere: the application's own are, before they run."""
        return any(tool_name in registry.names for registry in self.options.registries)

    async def _ask_person(
        self, event: PreToolUseEvent, outcome: HookOutcome, changeable: tuple[str, ...] | None
    ) -> HookOutcome:
        """Return an outcome as a person decides whom the policy wants to be asked; nobody's answer is no."""
        running = self._turns.running
        if running is None:
            return HookOutcome(block="Nobody allowed it.")
        parent = self._family.parent_tool_use_id(event.agent_id or self.thread_id)
        lifts = self._family.lifts_sandbox(event.agent_id or self.thread_id, event.tool_use_id or "")
        timeout = self.options.request_timeout
        ask = policy_approval(
            event, outcome, timeout=timeout, parent_tool_use_id=parent, lifts=lifts, changeable=changeable
        )
        answer = await call_user_code(lambda: self.ask(ask), "a request of the policy", until=running.ended.event)
        made = decided(outcome, answer)
        if made.block is None:  # Codex asks about what a call lifts by itself, and would so a second time.
            self.requests.grants.note_call(ask.request, ask.request.input if made.input is None else made.input)
        return made

    def _hooks_failed(self, problem: str) -> None:
        """Stop a turn whose hooks do not bind, and say why."""
        _log.error("%s; the turn is stopped", problem)
        self.hooks.say("pre_tool_use", "failed", f"{problem}. The turn is stopped.")
        self._host.start_soon(partial(self.interrupt, cancel_queued=False))

    def flush(self) -> None:
        """Hand on what the last chunk brought, as one batch."""
        batch, self._batch = self._batch, []
        self.deliver(batch)
        for message in batch:
            if isinstance(message, StreamEvent):
                continue
            if message.parent_tool_use_id is None:
                self._watch_plan(message)
            if isinstance(message, ApiRetry) and not self._doubted:
                self._doubted = True
                self._host.start_soon(self._look_at_login)

    async def _look_at_login(self) -> None:
        """End a turn that can reach no model because nobody is logged in, which Codex tries for long (0.163)."""
        running = self._turns.running
        try:
            account = await self.driver.account()
        except AgentError:  # The app-server is going; the turn's end tells why.
            return
        if not account.needs_login:
            return
        self._doubted = False  # Somebody may log in, and another turn be tried.
        if running is not None and self._turns.running is running:
            self._turns.cut(_NOT_LOGGED_IN)

    def _watch_plan(self, message: SDKMessage) -> None:
        """Ask about a plan once its turn has ended well, and in plan mode."""
        if isinstance(message, AssistantMessage):
            self._plan = next((use for use in message.tool_uses if use.name == "ExitPlanMode"), self._plan)
        elif isinstance(message, ResultMessage) and self._plan is not None:
            plan, self._plan = self._plan, None
            if message.outcome == "completed" and self.info.permission_mode == "plan":
                turn_id = message.source.turn_id if message.source is not None else None
                params = {"threadId": self.thread_id, "turnId": turn_id, "itemId": plan.id}
                timeout = self.options.request_timeout
                envelope = Envelope.of(f"plan {plan.id}", params, session_id=self.resolved_session_id, timeout=timeout)
                self.propose_plan(plan_approval(envelope, plan.input.get("plan"), self.info.cwd))
