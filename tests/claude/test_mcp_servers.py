from __future__ import annotations

import json
from typing import Any

import pytest
from tests.claude.driving import Claude

from agent_sdk_core import (
    DEFER,
    Allow,
    Deny,
    ElicitationAnswer,
    ElicitationRequest,
    ImageBlock,
    InvalidRequestError,
    McpServer,
    RequestOpened,
    RequestResolved,
    Secret,
)
from agent_sdk_testing import text
from agent_sdk_testing.contract.cases.test_mcp_faults import (
    AT_ONCE,
    SILENT,
    check_calls,
    check_start,
    faulty,
    started,
)
from agent_sdk_testing.contract.mcp_web import McpWeb
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


async def calling(claude: Claude, tool: str, **options: Any) -> Ran:
    """Run a turn in which the model calls a tool of the MCP server, which needs no permission."""
    claude.model.reply(claude.mcp_tool("bench", tool, name="Ada")).reply(text("Done."))
    options.setdefault("allowed_tools", ("mcp__bench",))
    async with claude.session(mcp_servers=claude.mcp_servers, **options) as session:
        return await run(session, "Call it.")


def heard(ran: Ran) -> Any:
    """Return what the MCP server was answered."""
    [result] = ran.results
    return json.loads(result.text)


async def test_a_tool_of_an_mcp_server_is_asked_about_once_for_the_session(claude: Claude) -> None:
    asker = Asker([Allow("session")])
    greet = claude.mcp_tool("bench", "greet", name="Ada")
    claude.model.reply(greet).reply(greet).reply(text("Done."))
    async with claude.session(mcp_servers=claude.mcp_servers, can_use_tool=asker) as session:
        ran = await run(session, "Greet her.")
    [request] = asker.requests
    assert (request.tool_name, request.kind, request.input) == ("mcp__bench__greet", "mcp", {"name": "Ada"})
    assert [option.id for option in request.options][:2] == ["allow", "allow_session"]
    assert [result.text for result in ran.results] == ["Hello, Ada!"] * 2


async def test_a_tool_of_an_mcp_server_that_is_allowed_for_good_is_not_asked_about_in_another_session(
    claude: Claude,
) -> None:
    asker = Asker([Allow("always"), Deny()])
    for _ in range(2):
        claude.model.reply(claude.mcp_tool("bench", "greet", name="Ada")).reply(text("Done."))
        async with claude.session(mcp_servers=claude.mcp_servers, can_use_tool=asker) as session:
            ran = await run(session, "Greet her.")
        assert [result.text for result in ran.results] == ["Hello, Ada!"]
    [request] = asker.requests
    assert request.option("allow_always") is not None


async def test_a_refused_tool_of_an_mcp_server_does_not_run(claude: Claude) -> None:
    ran = await calling(claude, "greet", allowed_tools=(), can_use_tool=Asker([Deny("No greetings.")]))
    [result] = ran.results
    assert (result.is_error, result.text) == (True, "No greetings.")
    assert [denial["tool_name"] for denial in ran.result.permission_denials] == ["mcp__bench__greet"]


async def test_a_tool_of_an_mcp_server_that_fails_says_so(claude: Claude) -> None:
    ran = await calling(claude, "fail")
    [result] = ran.results
    assert result.is_error is True
    assert "It did not work." in result.text


async def test_an_image_of_an_mcp_server_reaches_the_user_and_the_model(claude: Claude) -> None:
    ran = await calling(claude, "draw")
    [result] = ran.results
    assert isinstance(result.content, list)
    assert [block.source["media_type"] for block in result.content if isinstance(block, ImageBlock)] == ["image/png"]
    assert claude.images_of(claude.model.requests[1]) == 1


async def test_a_form_of_an_mcp_server_is_filled_in(claude: Claude) -> None:
    form = Elicited(ElicitationAnswer("accept", {"name": "Ada"}))
    ran = await calling(claude, "ask", on_elicitation=form)
    assert heard(ran) == {"action": "accept", "content": {"name": "Ada"}}
    [request] = form.requests
    assert (request.server, request.mode, request.message) == ("bench", "form", "Who are you?")
    assert request.schema is not None
    assert request.schema["required"] == ["name"]
    assert request.url is None


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_form_of_an_mcp_server_can_be_refused(claude: Claude, action: Any) -> None:
    ran = await calling(claude, "ask", on_elicitation=Elicited(ElicitationAnswer(action)))
    assert heard(ran) == {"action": action}


async def test_a_link_of_an_mcp_server_is_shown_and_accepted(claude: Claude) -> None:
    link = Elicited(ElicitationAnswer("accept"))
    ran = await calling(claude, "visit", on_elicitation=link)
    assert heard(ran)["action"] == "accept"
    [request] = link.requests
    assert (request.mode, request.url, request.message) == ("url", "https://example.org/login", "Log in there.")
    assert request.schema is None


async def test_an_interrupt_withdraws_an_elicitation(claude: Claude) -> None:
    claude.model.reply(claude.mcp_tool("bench", "ask"))
    options: dict[str, Any] = {"mcp_servers": claude.mcp_servers, "allowed_tools": ("mcp__bench",)}
    async with claude.session(on_elicitation=DEFER, **options) as session:
        stream = session.messages()
        turn = session.query("Ask me.")
        async with turn:
            opened = await until(stream, RequestOpened)
            assert opened.kind == "elicitation"
        assert (await until(stream, RequestResolved)).outcome == "withdrawn"
        assert not session.pending


async def test_a_server_that_speaks_the_older_protocol_is_reached_with_its_headers(claude: Claude) -> None:
    with McpWeb().running() as web:
        servers = {"bench": McpServer(url=f"{web.url}/sse", type="sse", headers={"X-Pass": Secret("hush-hush-hush")})}
        claude.model.reply(claude.mcp_tool("bench", "greet", name="Ada")).reply(text("Done."))
        async with claude.session(mcp_servers=servers, allowed_tools=("mcp__bench",)) as session:
            ran = await run(session, "Greet her.")
        assert [result.text for result in ran.results] == ["Hello, Ada!"]
        assert web.heard("/sse", "x-pass") == web.heard("/messages", "x-pass") == {"hush-hush-hush"}


async def test_servers_of_the_older_protocol_that_fail_at_their_start_are_told_each(claude: Claude) -> None:
    with McpWeb().running() as web:
        await check_start(claude, web, "sse", AT_ONCE["sse"], timed=False)
        await check_start(claude, web, "sse", SILENT["sse"], timed=True)


async def test_calls_of_servers_of_the_older_protocol_that_fail_are_errors(claude: Claude) -> None:
    with McpWeb().running() as web:
        await check_calls(claude, web, "sse")


async def test_a_server_whose_tools_cannot_be_listed_is_connected_and_has_none(claude: Claude) -> None:
    with McpWeb().running() as web:
        servers = {"bad": faulty(web, "stdio", "list", "error"), "bench": faulty(web, "stdio", "list", "chatter")}
        async with claude.session(mcp_servers=servers, allowed_tools=("mcp__bench",)) as session:
            await started(claude, session)
            states = {server.name: (server.state, len(server.tools) > 0) for server in await session.mcp_status()}
    assert states == {"bad": ("connected", False), "bench": ("connected", True)}


async def test_variables_that_a_server_names_are_looked_up(claude: Claude) -> None:
    native = {"bearer_token_env_var": "MY_TOKEN", "env_http_headers": {"X-Pass": "MY_PASS"}}
    with McpWeb().running() as web:
        servers: dict[str, Any] = {"web": {"url": f"{web.url}/mcp", **native}}
        async with claude.backend(env={**claude.env, "MY_TOKEN": "t0ken-t0ken", "MY_PASS": "hush-hush"}) as backend:
            claude.model.reply(text("Fine."))
            async with await claude.open(backend, mcp_servers=servers) as session:
                await run(session, "Talk.")
        assert web.heard("/mcp", "authorization") == {"Bearer t0ken-t0ken"}
        assert web.heard("/mcp", "x-pass") == {"hush-hush"}
    async with claude.backend() as backend:
        with pytest.raises(InvalidRequestError, match="'MY_TOKEN', which is not set"):
            await claude.open(backend, mcp_servers=servers)


async def test_a_server_that_is_configured_elsewhere_is_disabled_for_its_folder(claude: Claude) -> None:
    claude.write(".mcp.json", json.dumps({"mcpServers": {"theirs": claude.mcp_servers["bench"]}}))
    claude.model.otherwise(text("Fine."))
    sources = ("user", "project")
    async with claude.session(setting_sources=sources) as session:
        await run(session, "Talk.")
        await session.disable_mcp_server("theirs")
        assert [server.state for server in await session.mcp_status()] == ["disabled"]
    async with claude.session(setting_sources=sources) as session:
        await run(session, "Talk.")
        assert [server.state for server in await session.mcp_status()] == ["disabled"]
        await session.enable_mcp_server("theirs")
        assert [server.state for server in await session.mcp_status()] == ["connected"]


async def test_mcp_servers_are_set_while_the_session_is_open(claude: Claude) -> None:
    claude.model.reply(claude.mcp_tool("bench", "greet", name="Ada")).reply(text("Done.")).reply(text("Gone."))
    async with claude.session(allowed_tools=("mcp__bench",)) as session:
        told = await session.set_mcp_servers(claude.mcp_servers)
        assert (list(told["added"]), list(told["removed"]), dict(told["errors"])) == (["bench"], [], {})
        ran = await run(session, "Greet her.")
        assert ran.results[0].text == "Hello, Ada!"
        assert "bench" in session.info.mcp_servers
        assert list((await session.set_mcp_servers({}))["removed"]) == ["bench"]
        await run(session, "Again?")
        assert "bench" not in session.info.mcp_servers


async def test_secrets_of_mcp_servers_are_on_no_command_line(claude: Claude) -> None:
    servers = {"bench": {**claude.mcp_servers["bench"], "env": {"TOKEN": "hush-hush"}}}
    async with claude.session(mcp_servers=servers, system_prompt="A long story.") as session:
        arguments = (claude.proc(session) / "cmdline").read_bytes()
    assert b"hush-hush" not in arguments
    assert b"A long story." not in arguments
