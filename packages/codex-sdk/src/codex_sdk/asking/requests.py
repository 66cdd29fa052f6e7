"""Which requests Codex makes of a thread: each is read as what a person or a tool answers, or refused.

Known requests are never answered with an error, for Codex treats that as a failure of the tool; a request of an unknown
kind gets the protocol's "method not found", on which Codex fails closed (0.163).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from dataclasses import replace
from typing import Final, cast

from agent_sdk_core.asking.approvals import ends_turn
from agent_sdk_core.asking.escalations import absolute_folders
from agent_sdk_core.asking.permissions import Deny, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest, Ask, Reading, Work
from agent_sdk_core.messages.base import Source
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.rpc.receiver import ServerRequest
from agent_sdk_core.runtime.asking.own_tools import OwnCall
from agent_sdk_core.tools.results import ToolResult
from agent_sdk_core.wire.reading import Json, optional_text_at
from codex_sdk.asking.approvals import command_approval, patch_approval, permissions_approval
from codex_sdk.asking.envelope import Envelope
from codex_sdk.asking.mcp_approvals import mcp_approval
from codex_sdk.asking.questions import ask_elicitation, ask_questions
from codex_sdk.normalizer import ThreadFamily
from codex_sdk.normalizer.items.patches import file_change
from codex_sdk.tools import tool_response

_LEGACY_DENIAL: Final = {"denied": {"rejection": "Nobody allowed it."}}
_NO_TOOL: Final = "This tool is not available."
REFUSALS: Final[dict[str, Json]] = {
    "item/commandExecution/requestApproval": {"decision": "decline"},
    "item/fileChange/requestApproval": {"decision": "decline"},
    "item/permissions/requestApproval": {"permissions": {}, "scope": "turn"},
    "item/tool/requestUserInput": {"answers": {}},
    "item/tool/call": tool_response(ToolResult.failed(_NO_TOOL)),
    "mcpServer/elicitation/request": {"action": "decline", "content": None, "_meta": None},
    "execCommandApproval": {"decision": _LEGACY_DENIAL},
    "applyPatchApproval": {"decision": _LEGACY_DENIAL},
}
"""What each request gets when nobody answers it; the legacy ones are never asked of a thread that we started."""


def refusal(method: str, reason: str = "") -> Json | None:
    """Return the body that refuses a request; a tool's call alone can say why."""
    if method == "item/tool/call" and reason:
        return tool_response(ToolResult.failed(reason))
    return REFUSALS.get(method)


class ThreadRequests:
    """Reads the requests of one session's threads.

    Args:
        options: The session's options.
        family: What is known of its threads.
        session_id: Returns the session's id as it is now.
        run_tool: Decides about the call of a tool, and runs it for the running turn; None when that ended first.
        stop_turn: Ends a turn, by its thread's id and its own.
        servers: The MCP servers that the session alone has.
        added_dirs: Returns the folders that answers added.
    """

    def __init__(
        self,
        options: SessionOptions,
        family: ThreadFamily,
        *,
        session_id: Callable[[], str],
        run_tool: Callable[[OwnCall], Awaitable[ToolResult | None]],
        stop_turn: Callable[[str, str], Awaitable[None]],
        servers: Container[str] = frozenset(),
        added_dirs: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._options = options
        self._added_dirs = added_dirs
        self._family = family
        self._session_id = session_id
        self._run_tool = run_tool
        self._stop_turn = stop_turn
        self._servers = servers
        self._add_dirs = absolute_folders(options.add_dirs)

    def refusal(self, request: ServerRequest, reason: str = "") -> Json | None:
        """Return the body that refuses a request; see `RequestReader`."""
        return refusal(request.method, reason)

    def read(self, request: ServerRequest) -> Reading:
        """Return what a request asks; None for one that is refused unasked."""
        envelope = Envelope.of(
            request.id,
            request.params,
            session_id=self._session_id(),
            timeout=self._options.request_timeout,
            parent_tool_use_id=self._family.parent_tool_use_id(str(request.params.get("threadId"))),
        )
        if request.method == "item/tool/call":
            return self._tool_call(envelope)
        folders = (*self._add_dirs, *self._added_dirs())
        found = ask(request.method, envelope, self._family, folders, self._servers)
        if found is None or not isinstance(found.request, PermissionRequest):
            return found
        stops = request.method in ("item/permissions/requestApproval", "mcpServer/elicitation/request")
        return self._noting(found, found.request, stops=stops)

    def _noting(self, found: Ask[AgentRequest], request: PermissionRequest, *, stops: bool) -> Ask[AgentRequest]:
        """Let a refusal be noted before it is sent, and end the turn where its body does not (0.163)."""

        async def before_sending(answer: AgentAnswer | None) -> None:
            if isinstance(answer, Deny):
                stop = stops and ends_turn(request, answer)
                await self._note_refusal(request.source, request.tool_use_id, stop=stop)

        return replace(found, before_sending=before_sending)

    async def _note_refusal(self, source: Source | None, item_id: str | None, *, stop: bool) -> None:
        if source is None or source.thread_id is None:
            return
        if item_id is not None:
            self._family.refuse(source.thread_id, item_id)
        if stop and source.turn_id:
            await self._stop_turn(source.thread_id, source.turn_id)

    def _tool_call(self, envelope: Envelope) -> Work | None:
        """Return the call of the application's tool; None if there is no registry of that name.

        Codex asks about none of them (0.163), so that the session does.
        """
        params = envelope.params
        name, namespace, call_id = str(params.get("tool")), params.get("namespace"), optional_text_at(params, "callId")
        registries = [registry for registry in self._options.registries if namespace in (None, registry.name)]
        if not registries:
            return None
        registry = next((registry for registry in registries if registry.get(name)), registries[0])

        async def refused(answer: Deny) -> None:
            await self._note_refusal(envelope.source, call_id, stop=answer.interrupt)

        async def run() -> Json | None:
            call = OwnCall(registry, name, params.get("arguments"), envelope, call_id, refused)
            result = await self._run_tool(call)
            return None if result is None else tool_response(result)

        return Work(run, lambda reason: tool_response(ToolResult.failed(reason)), f"tool {name}")


def ask(
    method: str,
    envelope: Envelope,
    family: ThreadFamily,
    add_dirs: Iterable[str] = (),
    servers: Container[str] = frozenset(),
) -> Ask[AgentRequest] | None:
    """Return what a person is asked by a request of a thread; None for one that is refused unasked."""
    item = family.item(envelope.thread_id, str(envelope.params.get("itemId")))
    match method:
        case "item/commandExecution/requestApproval":
            return command_approval(envelope, item)
        case "item/fileChange/requestApproval" if item is not None:  # Nobody can judge a patch that was not shown.
            changes = [file_change(change) for change in cast("list[Json]", item.get("changes") or [])]
            return patch_approval(envelope, changes, family.main.facts.cwd, add_dirs)
        case "item/permissions/requestApproval":
            return permissions_approval(envelope)
        case "item/tool/requestUserInput":
            return ask_questions(envelope)
        case "mcpServer/elicitation/request":
            calls = family.open_items(envelope.thread_id)
            return mcp_approval(envelope, calls, servers) or ask_elicitation(envelope)
        case _:
            return None
