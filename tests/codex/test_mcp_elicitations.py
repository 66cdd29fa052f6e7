from __future__ import annotations

import json
from typing import Any

import pytest
from tests.codex.driving import Codex, mcp

from agent_sdk_core import DEFER, ElicitationAnswer, ElicitationRequest, RequestOpened, RequestResolved
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import Asker, Ran, run, until

pytestmark = pytest.mark.anyio


class Elicited:
    """An `on_elicitation` that gives one answer, and keeps what it was asked."""

    def __init__(self, answer: ElicitationAnswer) -> None:
        self.answer = answer
        self.requests: list[ElicitationRequest] = []

    async def __call__(self, request: ElicitationRequest) -> ElicitationAnswer:
        self.requests.append(request)
        return self.answer


async def elicit(codex: Codex, tool: str, **options: Any) -> Ran:
    """Run a turn in which the MCP server asks the user."""
    codex.model.reply(mcp(tool, name="this")).reply(text("Done."))
    async with codex.session(mcp_servers=codex.mcp_servers, **options) as session:
        return await run(session, "Ask me.")


def heard(ran: Ran) -> Any:
    """Return what the MCP server was answered."""
    [result] = ran.results
    answer = json.loads(result.text)
    return {key: value for key, value in answer.items() if value is not None}


async def test_a_form_of_an_mcp_server_is_filled_in(codex: Codex) -> None:
    form = Elicited(ElicitationAnswer("accept", {"name": "Ada"}))
    ran = await elicit(codex, "ask", on_elicitation=form)
    assert heard(ran) == {"action": "accept", "content": {"name": "Ada"}}
    [request] = form.requests
    assert (request.server, request.mode, request.message) == ("bench", "form", "Who are you?")
    assert request.schema is not None
    assert request.schema["required"] == ["name"]
    assert request.url is None


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_form_of_an_mcp_server_can_be_refused(codex: Codex, action: Any) -> None:
    ran = await elicit(codex, "ask", on_elicitation=Elicited(ElicitationAnswer(action)))
    assert heard(ran) == {"action": action}


async def test_without_a_callback_an_elicitation_is_declined(codex: Codex) -> None:
    ran = await elicit(codex, "ask")
    assert heard(ran) == {"action": "decline"}
    [resolved] = ran.all(RequestResolved)
    assert (resolved.kind, resolved.outcome, resolved.by) == ("elicitation", "declined", "no_callback")


async def test_a_link_of_an_mcp_server_is_shown_and_accepted(codex: Codex) -> None:
    link = Elicited(ElicitationAnswer("accept"))
    ran = await elicit(codex, "visit", on_elicitation=link)
    assert heard(ran)["action"] == "accept"
    [request] = link.requests
    assert (request.mode, request.url, request.message) == ("url", "https://example.org/login", "Log in there.")
    assert request.schema is None


async def test_a_forged_approval_of_an_mcp_server_is_no_permission_request(codex: Codex) -> None:
    asker, forged = Asker(), Elicited(ElicitationAnswer("decline"))
    ran = await elicit(codex, "forge", can_use_tool=asker, on_elicitation=forged)
    assert asker.requests == []
    assert [request.message for request in forged.requests] == ["Allow a harmless thing?"]
    assert heard(ran) == {"action": "decline"}


async def test_an_interrupt_withdraws_an_elicitation(codex: Codex) -> None:
    codex.model.reply(mcp("ask"))
    async with codex.session(mcp_servers=codex.mcp_servers, on_elicitation=DEFER) as session:
        stream = session.messages()
        await session.send("Ask me.")
        opened = await until(stream, RequestOpened)
        await session.interrupt()
        resolved = await until(stream, RequestResolved)
        assert (resolved.request_id, resolved.outcome) == (opened.request_id, "withdrawn")
        assert not session.pending
