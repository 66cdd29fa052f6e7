from __future__ import annotations

from typing import Any

import anyio
import pytest

from agent_sdk_core import InvalidRequestError, Tool, ToolRegistry, ToolResult, tool
from agent_sdk_core.runtime.asking.own_tools import OwnCall
from agent_sdk_core.tools.results import ToolImage
from claude_sdk.tools import ToolServer, initialize_fields

pytestmark = pytest.mark.anyio


@tool
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool(name="look", description="Look around.")
async def look_around() -> ToolResult:
    return ToolResult(("before", ToolImage(b"GIF89a", "image/gif"), "after"), structured={"seen": 1})


@tool
async def broken() -> None:
    """Break."""
    raise ValueError("It is broken.")


async def run(call: OwnCall) -> ToolResult | None:
    return await call.registry.run(call.name, call.arguments)


REGISTRY = ToolRegistry("house", [add, look_around, broken])


@pytest.fixture
def server() -> ToolServer:
    return ToolServer(REGISTRY, run)


def request(method: str, request_id: Any = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def cancelled(request_id: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": request_id}}


async def result(server: ToolServer, method: str, **params: Any) -> dict[str, Any]:
    answer = await server.handle(request(method, **params))
    assert answer is not None
    assert (answer["jsonrpc"], answer["id"]) == ("2.0", 1)
    return answer["result"]


async def error_code(server: ToolServer, message: Any, request_id: Any = None) -> int:
    answer = await server.handle(message)
    assert answer is not None
    assert answer["id"] == request_id
    return answer["error"]["code"]


def cut_off(answer: dict[str, Any] | None) -> bool:
    expected = {"content": [{"type": "text", "text": "The call was cut off."}], "isError": True}
    return answer is not None and answer["result"] == expected


class TestHandshake:
    async def test_a_client_gets_the_version_it_asks_for(self, server: ToolServer) -> None:
        assert await result(server, "initialize", protocolVersion="2024-11-05") == {
            "protocolVersion": "2024-11-05",
            "capabilities": {"tools": {"listChanged": True}},
            "serverInfo": {"name": "house", "version": "1"},
        }
        assert (await result(server, "initialize"))["protocolVersion"] == "2025-11-25"

    async def test_tools_are_listed_as_they_are_and_never_hidden(self, server: ToolServer) -> None:
        tools = (await result(server, "tools/list"))["tools"]
        assert [listed["name"] for listed in tools] == ["add", "look", "broken"]
        assert tools[0]["description"] == "Add two numbers."
        assert tools[0]["inputSchema"] == add.input_schema
        assert all(listed["_meta"] == {"anthropic/alwaysLoad": True} for listed in tools)

    async def test_a_ping_is_answered(self, server: ToolServer) -> None:
        assert await result(server, "ping") == {}

    async def test_the_manifest_is_what_the_handshake_would_tell(self, server: ToolServer) -> None:
        fields = initialize_fields((REGISTRY,))
        assert fields["sdkMcpServers"] == ["house"]
        assert fields["sdkMcpServerConfigs"] == {"house": {"disableAutoBackground": True}}
        assert fields["sdkMcpServerManifests"]["house"] == {
            "initializeResult": await result(server, "initialize"),
            "toolsListResult": await result(server, "tools/list"),
        }

    @pytest.mark.parametrize("name", ["größe", "a b", "", "x" * 65])
    def test_a_parameter_for_which_claude_would_leave_the_tool_out_is_named(self, name: str) -> None:
        async def handler(arguments: object) -> None: ...

        given = Tool("look", "Look.", {"type": "object", "properties": {name: {"type": "integer"}}}, handler)
        with pytest.raises(InvalidRequestError, match="Claude cannot offer the tool look"):
            initialize_fields([ToolRegistry("house", [given])])

    def test_without_a_registry_nothing_is_offered(self) -> None:
        assert initialize_fields(()) == {}


async def unused(call: OwnCall) -> ToolResult | None:
    raise AssertionError(call)


class TestCalls:
    async def test_a_call_runs_the_tool(self, server: ToolServer) -> None:
        answer = await result(server, "tools/call", name="add", arguments={"a": 2, "b": 3})
        assert answer == {"content": [{"type": "text", "text": "5"}], "isError": False}

    async def test_a_result_is_texts_and_images_in_order_without_structured_content(self, server: ToolServer) -> None:
        assert await result(server, "tools/call", name="look") == {
            "content": [
                {"type": "text", "text": "before"},
                {"type": "image", "data": "R0lGODlh", "mimeType": "image/gif"},
                {"type": "text", "text": "after"},
            ],
            "isError": False,
        }

    @pytest.mark.parametrize(
        ("params", "words"),
        [
            ({"name": "broken", "arguments": {}}, "It is broken."),
            ({"name": "add", "arguments": {"a": "x"}}, "Invalid arguments for add"),
            ({"name": "add", "arguments": "nonsense"}, "Invalid arguments for add"),
            ({"name": "fly"}, "There is no tool 'fly'"),
        ],
    )
    async def test_what_fails_is_an_error_that_the_model_reads(
        self, server: ToolServer, params: dict[str, Any], words: str
    ) -> None:
        answer = await result(server, "tools/call", **params)
        assert answer["isError"] is True
        assert words in answer["content"][0]["text"]

    async def test_a_call_whose_turn_has_ended_is_an_error(self) -> None:
        async def ended(call: OwnCall) -> ToolResult | None:
            del call

        assert cut_off(await ToolServer(REGISTRY, ended).handle(request("tools/call", name="add")))

    @pytest.mark.parametrize("method", ["tools/call", "tools/list"])
    def test_one_that_could_not_be_answered_says_why(self, method: str) -> None:
        message = request(method, 3, name="add")
        told = ToolServer(REGISTRY, unused).failed(message, "It broke.")
        assert told["id"] == 3
        if method == "tools/call":
            assert told["result"] == {"content": [{"type": "text", "text": "It broke."}], "isError": True}
        else:
            assert told["error"]["message"] == "It broke."


class TestCancellation:
    async def test_a_cancelled_call_is_cut_off_and_answered_and_others_go_on(self) -> None:
        started, release = anyio.Event(), anyio.Event()
        waiting: list[str] = []

        @tool
        async def wait(name: str) -> str:
            """Wait."""
            waiting.append(name)
            if len(waiting) == 2:
                started.set()
            await release.wait()
            return name

        server = ToolServer(ToolRegistry("house", [wait]), run)
        answers: dict[Any, Any] = {}
        answered = anyio.Event()

        async def call(request_id: Any) -> None:
            message = request("tools/call", request_id, name="wait", arguments={"name": str(request_id)})
            answers[request_id] = await server.handle(message)
            answered.set()

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call, 0)
                tasks.start_soon(call, "b")
                await started.wait()
                assert await error_code(server, request("ping", 0)) == -32600
                assert await server.handle(cancelled(0)) is None
                await answered.wait()
                assert list(answers) == [0]
                assert cut_off(answers[0])
                release.set()
        assert answers["b"]["result"]["content"] == [{"type": "text", "text": "b"}]

    async def test_a_call_that_was_cancelled_before_it_began_never_runs(self) -> None:
        ran: list[str] = []

        @tool
        async def note() -> None:
            """Note."""
            ran.append("once")

        server = ToolServer(ToolRegistry("house", [note]), run)
        assert await server.handle(cancelled(7)) is None
        assert cut_off(await server.handle(request("tools/call", 7, name="note")))
        assert not ran
        await server.handle(request("initialize", 0))
        assert not cut_off(await server.handle(request("tools/call", 7, name="note")))
        assert ran == ["once"]

    async def test_an_outer_cancellation_is_not_swallowed(self) -> None:
        async def never(call: OwnCall) -> ToolResult | None:
            await anyio.sleep_forever()
            raise AssertionError(call)

        with anyio.move_on_after(0) as scope:
            await ToolServer(REGISTRY, never).handle(request("tools/call", name="add"))
        assert scope.cancelled_caught

    @pytest.mark.parametrize("request_id", [None, [], True, "nobody"])
    async def test_a_cancellation_of_nothing_is_ignored(self, server: ToolServer, request_id: object) -> None:
        assert await server.handle(cancelled(request_id)) is None


class TestWhatIsNoRequest:
    async def test_a_notification_has_no_answer(self, server: ToolServer) -> None:
        assert await server.handle({"jsonrpc": "2.0", "method": "notifications/initialized"}) is None

    @pytest.mark.parametrize(
        "message",
        [
            {},
            {"jsonrpc": "2.0", "id": 1},
            {"jsonrpc": "2.0", "id": 1, "method": 5},
            {"jsonrpc": "2.0", "id": None, "method": "ping"},
            {"jsonrpc": "2.0", "id": [1], "method": "ping"},
            {"jsonrpc": "2.0", "id": True, "method": "ping"},
            {"jsonrpc": "2.0", "id": 1, "result": {}},
        ],
    )
    async def test_what_is_malformed_is_an_error(self, server: ToolServer, message: dict[str, Any]) -> None:
        assert await error_code(server, message) == -32600

    async def test_an_unknown_method_is_an_error(self, server: ToolServer) -> None:
        assert await error_code(server, request("resources/list"), 1) == -32601

    @pytest.mark.parametrize("params", [{}, {"name": ["add"]}])
    async def test_a_call_of_no_tool_is_an_error(self, server: ToolServer, params: dict[str, Any]) -> None:
        assert await error_code(server, request("tools/call", **params), 1) == -32602
