"""The requests of a recorded app-server, told as live: opened when they came, resolved when they were answered."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final

from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.asking.requests import AgentRequest, identity_of, kind_of, origin_of
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import RequestOpened, RequestResolved
from agent_sdk_core.wire.json_lines import mend
from agent_sdk_core.wire.reading import Json, as_record, record_at, text_at
from codex_sdk.asking.envelope import Envelope
from codex_sdk.asking.requests import ask
from codex_sdk.normalizer import ThreadFamily

_ACCEPTED: Final = frozenset({"accept", "acceptForSession", "acceptWithExecpolicyAmendment"})


class ReplayedRequests:
    """The requests that are open at a point of the log, by the agent's id."""

    def __init__(self) -> None:
        self._open: dict[object, tuple[ThreadFamily, AgentRequest, str]] = {}
        self._count = 0

    def asked(self, method: str, message: Json, family: ThreadFamily) -> Iterator[SDKMessage]:
        """Take a request of a session's thread; yields nothing for one that no caller sees."""
        native_id = message.get("id")
        if not isinstance(native_id, int | str):
            return
        yield from self.withdrawn(native_id)
        self._count += 1
        request = self._read(method, message, family)
        if request is not None:
            kind = kind_of(request)
            self._open[native_id] = family, request, kind
            identity = _identity(request, "opened")
            yield RequestOpened.synthesize(origin_of(request), message, **identity, request=request.to_wire())

    def answered(self, message: Json) -> Iterator[SDKMessage]:
        """Take our answer to a request."""
        native_id = message.get("id")
        if isinstance(native_id, int | str) and native_id in self._open:
            family, request, kind = self._open[native_id]
            outcome = _outcome(kind, as_record(message.get("result")))
            if isinstance(request, PermissionRequest) and outcome == "denied" and request.tool_use_id is not None:
                family.refuse(origin_of(request).thread_id or "", request.tool_use_id)
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
        _, request, _ = self._open.pop(native_id)
        identity = _identity(request, "resolved")
        return RequestResolved.synthesize(origin_of(request), **identity, outcome=outcome, by=by)

    def _read(self, method: str, message: Json, family: ThreadFamily) -> AgentRequest | None:
        params = record_at(message, "params")
        thread_id, main_id = text_at(params, "threadId"), family.main.facts.thread_id
        envelope = Envelope(
            request_id=str(uuid.uuid5(uuid.NAMESPACE_OID, mend(f"{main_id} request {self._count}"))),
            session_id=main_id,
            native_id=str(message.get("id")),
            params=params,
            parent_tool_use_id=family.parent_tool_use_id(thread_id),
        )
        try:
            found = ask(method, envelope, family)
        except Exception:
            return None  # A corrupt one is refused live, and nobody sees it.
        return None if found is None else found.request


def _outcome(kind: str, body: Json | None) -> str:
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
    network = record_at(record_at(decision, "applyNetworkPolicyAmendment"), "network_policy_amendment")
    return "allowed" if _ACCEPTED & decision.keys() or network.get("action") == "allow" else "denied"


def _identity(request: AgentRequest, which: str) -> dict[str, object]:
    return {"uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{request.request_id} {which}")), **identity_of(request)}
