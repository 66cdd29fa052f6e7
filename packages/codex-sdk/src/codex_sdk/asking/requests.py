"""Answers what Codex asks: each request gets one valid body, and a refusal unless somebody allowed it.

Known requests are never answered with an error, for Codex treats that as a failure of the tool; a request of an unknown
kind gets the protocol's "method not found", on which Codex fails closed (0.163).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import uuid4

import anyio

from agent_sdk_core.asking.permissions import Deny
from agent_sdk_core.rpc.messages import RequestId, ServerRequest
from agent_sdk_core.rpc.peer import Peer
from agent_sdk_core.runtime.asking.pending import PendingRequests, Resolution, refusal_of
from agent_sdk_core.session import AgentRequest
from codex_sdk.asking.approvals import Approval, command_approval, patch_approval, permissions_approval
from codex_sdk.asking.envelope import Envelope
from codex_sdk.asking.mcp_approvals import mcp_approval
from codex_sdk.asking.questions import elicitation_request, encode_answers, encode_elicitation, question_request
from codex_sdk.dynamic_tools import tool_response
from codex_sdk.normalizer.patches import file_change
from codex_sdk.session import CodexSession

_log = logging.getLogger(__name__)
Json = dict[str, Any]

_METHOD_NOT_FOUND: Final = -32601
_RESPOND_SECONDS: Final = 5.0
_LEGACY_DENIAL: Final = {"denied": {"rejection": "Nobody allowed it."}}
REFUSALS: Final[dict[str, Json]] = {
    "item/commandExecution/requestApproval": {"decision": "decline"},
    "item/fileChange/requestApproval": {"decision": "decline"},
    "item/permissions/requestApproval": {"permissions": {}, "scope": "turn"},
    "item/tool/requestUserInput": {"answers": {}},
    "item/tool/call": {
        "contentItems": [{"type": "inputText", "text": "This tool is not available."}],
        "success": False,
    },
    "mcpServer/elicitation/request": {"action": "decline", "content": None, "_meta": None},
    "execCommandApproval": {"decision": _LEGACY_DENIAL},
    "applyPatchApproval": {"decision": _LEGACY_DENIAL},
}
"""What each request gets when nobody answers it; the legacy ones are never asked of a thread that we started."""

HOOKS: Final = {
    "account/chatgptAuthTokens/refresh": "refresh_tokens",
    "attestation/generate": "attest",
}
"""Requests that only a hook of the application answers; without one they have no valid refusal, and get an error."""

Hook = Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class ClientHooks:
    """What only the application can answer; each takes the request's parameters and returns the response's body.

    Attributes:
        refresh_tokens: Returns new tokens for a login whose tokens the application holds
            (`ChatgptAuthTokensRefreshResponse`). Nothing of it is kept or logged here.
        attest: Returns an attestation (`AttestationGenerateResponse`); giving it announces that it can.
    """

    refresh_tokens: Hook | None = None
    attest: Hook | None = None


class RequestBroker:
    """Answers the requests of one app-server."""

    def __init__(self, peer: Peer, hooks: ClientHooks | None = None) -> None:
        self._peer = peer
        self._hooks = hooks or ClientHooks()

    def withdraw(self, request_id: RequestId) -> None:
        """Note that Codex no longer wants an answer."""
        self._peer.withdraw(request_id)

    async def handle(self, request: ServerRequest, session: CodexSession | None) -> None:
        """Answer one request; runs as a task of its own, so that a waiting callback holds up nothing else.

        Args:
            request: The request.
            session: The session whose thread, or whose sub-agent's thread, asks; None if it is nobody's.
        """
        if not self._peer.awaits(request.id):
            return  # Withdrawn before its turn came: nobody is asked what no longer matters.
        body = REFUSALS.get(request.method)
        try:
            body = await self._answer(request, session)
        except Exception:
            _log.exception("%s could not be handled and is refused", request.method)
        finally:
            # Also when this task is cancelled: an unanswered request would leave the agent waiting for ever.
            with anyio.move_on_after(_RESPOND_SECONDS, shield=True):
                await self._respond(request, body)

    async def _answer(self, request: ServerRequest, session: CodexSession | None) -> Json | None:
        if request.method == "currentTime/read":
            return {"currentTimeAt": int(time.time())}
        if request.method in HOOKS:
            hook: Hook | None = getattr(self._hooks, HOOKS[request.method])
            return None if hook is None else dict(await hook(request.params))
        refusal = REFUSALS.get(request.method)
        if session is None or refusal is None:
            return refusal
        asked = _asked(request, session)
        match request.method:
            case "item/commandExecution/requestApproval":
                return await self._permission(session, asked, command_approval(asked, _item(asked, session)))
            case "item/fileChange/requestApproval":
                if (item := _item(asked, session)) is None:
                    return refusal  # Nobody can judge a patch that has not been seen.
                changes = [file_change(change) for change in cast("list[Json]", item.get("changes") or [])]
                return await self._permission(session, asked, patch_approval(asked, changes, session.info.cwd))
            case "item/permissions/requestApproval":
                return await self._permission(session, asked, permissions_approval(asked))
            case "item/tool/requestUserInput":
                return await self._resolve(
                    session, question_request(asked), session.options.on_question, encode_answers
                )
            case "mcpServer/elicitation/request":
                return await self._elicitation(session, asked) or refusal
            case "item/tool/call":
                return await _call_tool(asked.params, session) or refusal
            case _:
                return refusal

    async def _elicitation(self, session: CodexSession, asked: Envelope) -> Json | None:
        approval = mcp_approval(asked, session.open_items(asked.thread_id))
        if approval is not None:
            return await self._permission(session, asked, approval)
        request = elicitation_request(asked)
        if request is None:
            return None
        return await self._resolve(session, request, session.options.on_elicitation, encode_elicitation)

    async def _permission(self, session: CodexSession, asked: Envelope, approval: Approval) -> Json | None:
        resolution = await _resolution(session, approval.request, session.options.can_use_tool, approval.encode)
        source = approval.request.source
        if isinstance(resolution.answer, Deny) and approval.request.tool_use_id is not None:
            session.refuse(asked.thread_id, approval.request.tool_use_id)
        if approval.stopped_by(resolution.answer) and source is not None and source.thread_id and source.turn_id:
            # Before the answer, on which the model would go on.
            await session.driver.stop_turn(source.thread_id, source.turn_id)
        return _body(approval.request, resolution, approval.encode)

    async def _resolve(self, session: CodexSession, request: AgentRequest, callback: Any, encode: Any) -> Json | None:
        return _body(request, await _resolution(session, request, callback, encode), encode)

    async def _respond(self, request: ServerRequest, body: Json | None) -> None:
        if body is None:
            text = f"This client does not answer {request.method}."
            await self._peer.respond_error(request.id, _METHOD_NOT_FOUND, text)
        else:
            await self._peer.respond(request.id, body)


async def _resolution(session: CodexSession, request: AgentRequest, callback: Any, encode: Any) -> Resolution:
    pending: PendingRequests = session.requests
    timeout = session.options.request_timeout
    return await pending.resolve(request, callback=callback, check=encode, timeout=timeout)


def _body(request: AgentRequest, resolution: Resolution, encode: Any) -> Json:
    if resolution.answer is None:
        native = request.source.request_id if request.source else None
        _log.debug("request %s was withdrawn", native)
        return cast("Json", encode(refusal_of(request)))
    return cast("Json", resolution.encoded)


def _item(asked: Envelope, session: CodexSession) -> Json | None:
    return session.item(asked.thread_id, str(asked.params.get("itemId")))


async def _call_tool(params: Json, session: CodexSession) -> Json | None:
    """Run the application's tool; None if there is none of that name, or the turn ended before it did."""
    registry = session.options.tools
    if registry is None or params.get("namespace") not in (None, registry.name):
        return None
    result = await session.run_in_turn(lambda: registry.run(str(params.get("tool")), params.get("arguments")))
    return None if result is None else tool_response(result)


def _asked(request: ServerRequest, session: CodexSession) -> Envelope:
    timeout = session.options.request_timeout
    return Envelope(
        request_id=str(uuid4()),
        session_id=session.resolved_session_id,
        native_id=str(request.id),
        params=request.params,
        parent_tool_use_id=session.parent_tool_use_id(str(request.params.get("threadId"))),
        deadline=time.time() + timeout if timeout is not None else None,
    )
