"""Answers what Codex asks: each request gets one valid body, and a refusal unless somebody allowed it.

Known requests are never answered with an error, for Codex treats that as a failure of the tool; a request of an unknown
kind gets the protocol's "method not found", on which Codex fails closed (0.163).
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final, cast
from uuid import uuid4

import anyio

from agent_sdk_core.rpc.messages import ServerRequest
from agent_sdk_core.rpc.peer import Peer
from agent_sdk_core.runtime.requests import PendingRequests, refusal_of
from agent_sdk_core.session import AgentRequest
from codex_sdk.approvals import Approval, Asked, command_approval, patch_approval, permissions_approval
from codex_sdk.normalizer.patches import file_change
from codex_sdk.questions import elicitation_request, encode_answers, encode_elicitation, question_request
from codex_sdk.session import CodexSession

_log = logging.getLogger(__name__)
Json = dict[str, Any]

_METHOD_NOT_FOUND: Final = -32601
_RESPOND_SECONDS: Final = 5.0
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
    "execCommandApproval": {"decision": "denied"},
    "applyPatchApproval": {"decision": "denied"},
}
"""What each request gets when nobody answers it; the legacy ones are never asked of a thread that we started."""

UNANSWERABLE: Final = frozenset({"account/chatgptAuthTokens/refresh", "attestation/generate"})
"""Requests that have no valid refusal, and that Codex only sends to clients which announced that they can answer."""


class RequestBroker:
    """Answers the requests of one app-server."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def handle(self, request: ServerRequest, session: CodexSession | None) -> None:
        """Answer one request; runs as a task of its own, so that a waiting callback holds up nothing else.

        Args:
            request: The request.
            session: The session whose thread, or whose sub-agent's thread, asks; None if it is nobody's.
        """
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
        refusal = REFUSALS.get(request.method)
        if session is None or refusal is None:
            return refusal
        asked = _asked(request, session)
        options = session.options
        match request.method:
            case "item/commandExecution/requestApproval":
                item = session.normalizer.item(str(asked.params.get("itemId")))
                return await self._permission(session, command_approval(asked, item))
            case "item/fileChange/requestApproval":
                item = session.normalizer.item(str(asked.params.get("itemId")))
                if item is None:
                    return refusal  # Nobody can judge a patch that has not been seen.
                changes = [file_change(change) for change in cast("list[Json]", item.get("changes") or [])]
                return await self._permission(session, patch_approval(asked, changes, session.info.cwd))
            case "item/permissions/requestApproval":
                return await self._permission(session, permissions_approval(asked))
            case "item/tool/requestUserInput":
                return await self._resolve(session, question_request(asked), options.on_question, encode_answers)
            case "mcpServer/elicitation/request":
                asks = elicitation_request(asked)
                return await self._resolve(session, asks, options.on_elicitation, encode_elicitation)
            case _:
                return refusal

    async def _permission(self, session: CodexSession, approval: Approval) -> Json | None:
        return await self._resolve(session, approval.request, session.options.can_use_tool, approval.encode)

    async def _resolve(self, session: CodexSession, request: AgentRequest, callback: Any, encode: Any) -> Json | None:
        pending: PendingRequests = session.requests
        timeout = session.options.request_timeout
        resolution = await pending.resolve(request, callback=callback, check=encode, timeout=timeout)
        if resolution.answer is None:
            native = request.source.request_id if request.source else None
            _log.debug("request %s was withdrawn", native)
            return cast("Json", encode(refusal_of(request)))
        return cast("Json", resolution.encoded)

    async def _respond(self, request: ServerRequest, body: Json | None) -> None:
        if body is None:
            text = f"This client does not answer {request.method}."
            await self._peer.respond_error(request.id, _METHOD_NOT_FOUND, text)
        else:
            await self._peer.respond(request.id, body)


def _asked(request: ServerRequest, session: CodexSession) -> Asked:
    timeout = session.options.request_timeout
    return Asked(
        request_id=str(uuid4()),
        session_id=session.resolved_session_id,
        native_id=str(request.id),
        params=request.params,
        deadline=time.time() + timeout if timeout is not None else None,
    )
