"""Answers what claude asks: each request gets one valid body, and a refusal unless somebody allowed it.

A request of an unknown kind gets an error, on which claude fails closed. A dialog of a kind that we did not declare is
left open, as the protocol wants it (claude 2.1.329).
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import uuid4

import anyio

from agent_sdk_core.errors import FrameTooLargeError
from agent_sdk_core.rpc.messages import ServerRequest
from agent_sdk_core.runtime.asking.pending import Resolution, refusal_of
from agent_sdk_core.session import AgentRequest
from claude_sdk.asking.approvals import tool_approval
from claude_sdk.asking.envelope import Envelope
from claude_sdk.asking.questions import elicitation_request, encode_answers, encode_elicitation, question_request
from claude_sdk.control import ControlPeer
from claude_sdk.frames import Json, record, text
from claude_sdk.launching import DEFAULT_SOURCES
from claude_sdk.tool_server import ToolServer

if TYPE_CHECKING:
    from claude_sdk.session import ClaudeSession

_log = logging.getLogger(__name__)

_RESPOND_SECONDS: Final = 5.0
REFUSALS: Final[dict[str, Json]] = {
    "can_use_tool": {"behavior": "deny", "message": "Nobody allowed it."},
    "elicitation": {"action": "decline"},
}
"""What each request gets when nobody answers it; those that are not here get an error."""


class RequestBroker:
    """Answers the requests of one claude process.

    Args:
        peer: The conversation with it.
    """

    def __init__(self, peer: ControlPeer) -> None:
        self._peer = peer
        self._server: ToolServer | None = None

    async def handle(self, request: ServerRequest, session: ClaudeSession) -> None:
        """Answer one request; runs as a task of its own, so that a waiting callback holds up nothing else."""
        request_id = cast("str", request.id)
        if not self._peer.awaits(request_id):
            return  # Withdrawn before its turn came: nobody is asked what no longer matters.
        if request.method == "request_user_dialog":
            return
        body = REFUSALS.get(request.method)
        try:
            body = await self._answer(request, session)
        except Exception:
            _log.exception("%s could not be handled and is refused", request.method)
        finally:
            # Also when this task is cancelled: an unanswered request would leave the agent waiting for ever.
            with anyio.move_on_after(_RESPOND_SECONDS, shield=True):
                try:
                    await self._respond(request, body)
                except (TypeError, ValueError, FrameTooLargeError) as error:
                    _log.error("the answer to %s cannot be sent, and is a refusal: %s", request.method, error)
                    await self._respond(request, REFUSALS.get(request.method))

    async def _respond(self, request: ServerRequest, body: Json | None) -> None:
        request_id = cast("str", request.id)
        if body is None:
            await self._peer.respond_error(request_id, f"This client does not answer {request.method}.")
        else:
            await self._peer.respond(request_id, body)

    async def _answer(self, request: ServerRequest, session: ClaudeSession) -> Json | None:
        if request.method == "mcp_message":
            return await self._mcp(request.params, session)
        asked = _asked(request, session)
        options = session.options
        match request.method:
            case "can_use_tool":
                if (question := question_request(asked)) is not None:
                    return await self._resolve(session, question, options.on_question, encode_answers(asked))
                approval = tool_approval(asked)
                return await self._resolve(session, approval.request, options.can_use_tool, approval.encode)
            case "elicitation":
                elicitation = elicitation_request(asked)
                if elicitation is None:
                    return REFUSALS["elicitation"]
                return await self._resolve(session, elicitation, options.on_elicitation, encode_elicitation)
            case _:
                return None

    async def _resolve(self, session: ClaudeSession, request: AgentRequest, callback: Any, encode: Any) -> Json:
        resolution: Resolution = await session.requests.resolve(
            request, callback=callback, check=encode, timeout=session.options.request_timeout
        )
        if resolution.answer is None:
            return cast("Json", encode(refusal_of(request)))
        return cast("Json", resolution.encoded)

    async def _mcp(self, params: Json, session: ClaudeSession) -> Json | None:
        registry = session.options.tools
        if registry is None or params.get("server_name") != registry.name:
            return None
        if self._server is None:
            self._server = ToolServer(registry, session.run_in_turn)
        answer = await self._server.handle(record(params.get("message")))
        return {"mcp_response": answer if answer is not None else {"jsonrpc": "2.0", "result": {}, "id": 0}}


def _asked(request: ServerRequest, session: ClaudeSession) -> Envelope:
    timeout = session.options.request_timeout
    return Envelope(
        request_id=str(uuid4()),
        session_id=session.resolved_session_id,
        native_id=str(request.id),
        body=request.params,
        parent_tool_use_id=session.parent_of_agent(text(request.params.get("agent_id"))),
        deadline=time.time() + timeout if timeout is not None else None,
        cwd=session.info.cwd,
        add_dirs=tuple(str(Path(folder).expanduser().absolute()) for folder in session.options.add_dirs),
        sources=session.options.setting_sources or DEFAULT_SOURCES,
    )
