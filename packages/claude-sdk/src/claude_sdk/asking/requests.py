"""Which requests Claude makes: each is read as what a person or a tool answers, or refused.

A request of an unknown kind gets an error, on which claude fails closed. A dialog of a kind that we did not declare is
left open, as the protocol wants it (claude 2.1.329).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from agent_sdk_core.asking.escalations import absolute_folders
from agent_sdk_core.asking.requests import LEFT_OPEN, Reading, Work
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.rpc.receiver import ServerRequest
from agent_sdk_core.runtime.asking.hooking import SessionHooks
from agent_sdk_core.runtime.asking.policing import Police
from agent_sdk_core.wire.reading import Json, filled_text, record_of
from claude_sdk.asking.approvals import tool_approval
from claude_sdk.asking.envelope import Envelope
from claude_sdk.asking.hooks import hook_call, refused
from claude_sdk.asking.questions import ask_elicitation, ask_questions
from claude_sdk.modes import DEFAULT_SOURCES
from claude_sdk.tools import Run, ToolServer

REFUSALS: Final[dict[str, Json]] = {
    "can_use_tool": {"behavior": "deny", "message": "Nobody allowed it."},
    "elicitation": {"action": "decline"},
    "hook_callback": refused(),
}
"""What each request gets when nobody answers it; those that are not here get an error."""


class SessionRequests:
    """Reads the requests of one session.

    Args:
        options: The session's options.
        session_id: Returns the session's id as it is now.
        cwd: Returns the folder that it works in, as Claude names it.
        parent_of_agent: Returns the tool use that started a sub-agent, by the agent's id.
        run_tool: Runs a tool for the running turn; None when the turn ended first.
        police: Returns the session's.
        hooks: The session's hooks; absent: there are none.
        added_dirs: Returns the folders that answers added.
    """

    def __init__(
        self,
        options: SessionOptions,
        *,
        session_id: Callable[[], str],
        cwd: Callable[[], str | None],
        parent_of_agent: Callable[[str | None], str | None],
        run_tool: Run,
        police: Callable[[], Police | None] = lambda: None,
        hooks: SessionHooks | None = None,
        added_dirs: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._options = options
        self._added_dirs = added_dirs
        self._police = police
        self._hooks = hooks
        self._session_id = session_id
        self._cwd = cwd
        self._parent_of_agent = parent_of_agent
        self._servers = {registry.name: ToolServer(registry, run_tool) for registry in options.registries}
        self._add_dirs = absolute_folders(options.add_dirs)

    def refusal(self, request: ServerRequest, reason: str = "") -> Json | None:
        """Return the body that refuses a request; see `RequestReader`."""
        if request.method == "hook_callback":
            return refused(reason)
        body = REFUSALS.get(request.method)
        return {**body, "message": reason} if body is not None and reason and "message" in body else body

    def read(self, request: ServerRequest) -> Reading:
        """Return what a request asks; None for one that is refused unasked, or that nobody knows."""
        match request.method:
            case "request_user_dialog":
                return LEFT_OPEN
            case "mcp_message":
                return self._tool_message(request)
            case "can_use_tool":
                envelope = self._envelope(request)
                return ask_questions(envelope) or tool_approval(envelope)
            case "hook_callback":
                return hook_call(request.params, self._police(), self._hooks)
            case "elicitation":
                return ask_elicitation(self._envelope(request))
            case _:
                return None

    def _tool_message(self, request: ServerRequest) -> Work | None:
        """Return a message to the server of the application's tools; None if it is for another one."""
        server = self._servers.get(str(request.params.get("server_name")))
        if server is None:
            return None
        message = record_of(request.params.get("message"))

        async def run() -> Json:
            answer = await server.handle(message, self._envelope(request))
            return {"mcp_response": answer if answer is not None else {"jsonrpc": "2.0", "result": {}, "id": 0}}

        return Work(run, lambda reason: {"mcp_response": server.failed(message, reason)}, "a message to the tools")

    def _envelope(self, request: ServerRequest) -> Envelope:
        return Envelope.of(
            request.id,
            request.params,
            session_id=self._session_id(),
            timeout=self._options.request_timeout,
            parent_tool_use_id=self._parent_of_agent(filled_text(request.params.get("agent_id"))),
            cwd=self._cwd(),
            add_dirs=(*self._add_dirs, *self._added_dirs()),
            sources=self._options.setting_sources or DEFAULT_SOURCES,
        )
