"""The requests of a recorded app-server, told as live: opened when they came, resolved when they were answered."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final

from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.asking.questions import QuestionRequest
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import RequestOpened, RequestResolved
from agent_sdk_core.session import AgentRequest
from agent_sdk_core.transport.json_lines import mend
from codex_sdk.asking.approvals import command_approval, patch_approval, permissions_approval
from codex_sdk.asking.envelope import Envelope
from codex_sdk.asking.mcp_approvals import mcp_approval
from codex_sdk.asking.questions import elicitation_request, question_request
from codex_sdk.normalizer import ThreadFamily
from codex_sdk.normalizer.patches import file_change
from codex_sdk.normalizer.wire import Wire, as_record, record, records, text

_ACCEPTED: Final = frozenset({"accept", "acceptForSession", "acceptWithExecpolicyAmendment"})


class ReplayedRequests:
    """The requests that are open at a point of the log, by the agent's id."""

    def __init__(self) -> None:
        self._open: dict[object, tuple[ThreadFamily, AgentRequest, str]] = {}
        self._count = 0

    def asked(self, method: str, message: Wire, family: ThreadFamily) -> Iterator[SDKMessage]:
        """Take a request of a session's thread; yields nothing for one that no caller sees."""
        native_id = message.get("id")
        if not isinstance(native_id, int | str):
            return
        yield from self.withdrawn(native_id)
        self._count += 1
        request = self._read(method, message, family)
        if request is not None:
            kind = _kind(request)
            self._open[native_id] = family, request, kind
            identity = _identity(request, kind, "opened")
            yield RequestOpened.synthesize(_origin(request), message, **identity, request=request.to_wire())

    def answered(self, message: Wire) -> Iterator[SDKMessage]:
        """Take our answer to a request."""
        native_id = message.get("id")
        if isinstance(native_id, int | str) and native_id in self._open:
            family, request, kind = self._open[native_id]
            outcome = _outcome(kind, as_record(message.get("result")))
            if isinstance(request, PermissionRequest) and outcome == "denied" and request.tool_use_id is not None:
                family.refuse(_origin(request).thread_id or "", request.tool_use_id)
            yield self._resolved(native_id, outcome, "answer")

    def withdrawn(self, native_id: object) -> Iterator[SDKMessage]:
        """Take the agent's word that a request is over."""
        if isinstance(native_id, int | str) and native_id in self._open:
            yield self._resolved(native_id, "withdrawn", "agent")

    def closed(self, family: ThreadFamily) -> Iterator[SDKMessage]:
        """Withdraw what is open of a session that ends."""
        for native_id in [key for key, (owner, _, _) in self._open.items() if owner is family]:
            yield self._resolved(native_id, "withdrawn", "close")

    def _resolved(self, native_id: object, outcome: str, by: str) -> SDKMessage:
        _, request, kind = self._open.pop(native_id)
        identity = _identity(request, kind, "resolved")
        return RequestResolved.synthesize(_origin(request), **identity, outcome=outcome, by=by)

    def _read(self, method: str, message: Wire, family: ThreadFamily) -> AgentRequest | None:
        params = record(message, "params")
        thread_id, main_id = text(params, "threadId"), family.main.facts.thread_id
        asked = Envelope(
            request_id=str(uuid.uuid5(uuid.NAMESPACE_OID, mend(f"{main_id} request {self._count}"))),
            session_id=main_id,
            native_id=str(message.get("id")),
            params=params,
            parent_tool_use_id=family.parent_tool_use_id(thread_id),
        )
        try:
            return _request(method, asked, family)
        except Exception:
            return None  # A corrupt one is refused live, and nobody sees it.


def _request(method: str, asked: Envelope, family: ThreadFamily) -> AgentRequest | None:
    item = family.item(asked.thread_id, text(asked.params, "itemId"))
    match method:
        case "item/commandExecution/requestApproval":
            return command_approval(asked, item).request
        case "item/fileChange/requestApproval" if item is not None:
            changes = [file_change(change) for change in records(item, "changes")]
            return patch_approval(asked, changes, family.main.facts.cwd).request
        case "item/permissions/requestApproval":
            return permissions_approval(asked).request
        case "item/tool/requestUserInput":
            return question_request(asked)
        case "mcpServer/elicitation/request":
            approval = mcp_approval(asked, family.open_items(asked.thread_id))
            return approval.request if approval is not None else elicitation_request(asked)
        case _:
            return None


def _outcome(kind: str, body: Wire | None) -> str:
    """Return how a request was resolved, from the body of the answer; an error is a denial."""
    body = body or {}
    if kind == "question":
        return "answered" if body.get("answers") else "declined"
    if kind == "elicitation":
        return "answered" if body.get("action") == "accept" else "declined"
    if "action" in body:
        return "allowed" if body["action"] == "accept" else "denied"
    if "permissions" in body:
        return "allowed" if body["permissions"] else "denied"
    decision = body.get("decision")
    if isinstance(decision, str):
        return "allowed" if decision in _ACCEPTED else "denied"
    decision = as_record(decision) or {}
    network = record(record(decision, "applyNetworkPolicyAmendment"), "network_policy_amendment")
    return "allowed" if _ACCEPTED & decision.keys() or network.get("action") == "allow" else "denied"


def _kind(request: AgentRequest) -> str:
    if isinstance(request, PermissionRequest):
        return "permission"
    return "question" if isinstance(request, QuestionRequest) else "elicitation"


def _identity(request: AgentRequest, kind: str, which: str) -> dict[str, object]:
    return {
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{request.request_id} {which}")),
        "request_id": request.request_id,
        "session_id": request.session_id,
        "parent_tool_use_id": request.parent_tool_use_id,
        "kind": kind,
    }


def _origin(request: AgentRequest) -> Source:
    native = request.source or Source("codex")
    return Source(native.backend, native.thread_id, native.turn_id, native.item_id, native.request_id, synthetic=True)
