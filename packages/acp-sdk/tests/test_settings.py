"""Settings of a session: modes, models, options and MCP servers, by what an agent offers."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from acp_sdk.backend import AcpBackend
from agent_sdk_core import (
    InvalidRequestError,
    McpServer,
    SessionOptions,
    UnsupportedOptionError,
)
from agent_sdk_testing.fakes.acp import FakeAcp
from agent_sdk_testing.fakes.codex_exchanges import FakeRequest

pytestmark = pytest.mark.anyio

MakeBackend = Callable[..., AcpBackend]
MODES = {"currentModeId": "ask", "availableModes": [{"id": "ask", "name": "Ask"}, {"id": "yolo", "name": "All"}]}


async def test_modes_models_and_options(make_backend: MakeBackend, fake: FakeAcp) -> None:
    option = {
        "id": "effort",
        "name": "Effort",
        "category": "thought_level",
        "type": "select",
        "currentValue": "low",
        "options": [{"value": "low", "name": "Low"}, {"value": "high", "name": "High"}],
    }
    quiet = {"id": "quiet", "name": "Quiet", "type": "boolean", "currentValue": False}

    def effort(request: FakeRequest) -> object:
        return request.params["value"] if request.params["configId"] == "effort" else "low"

    models = {"currentModelId": "a", "availableModels": [{"modelId": "a", "name": "A"}, {"modelId": "b", "name": "B"}]}
    fake.opening = {"modes": MODES, "models": models, "configOptions": [option, quiet]}
    fake.on(
        "session/set_config_option",
        lambda request: request.answer(
            {"configOptions": [{**option, "currentValue": effort(request)}, {**quiet, "currentValue": True}]}
        ),
    )
    async with make_backend() as backend:
        options = SessionOptions(model="b", permission_mode="default", settings={"quiet": True})
        async with backend.create_session(options) as session:
            assert (session.info.model, session.info.permission_mode) == ("b", "default")
            await session.set_reasoning_effort("high")
            assert session.info.reasoning_effort == "high"
            await session.set_permission_mode("bypass")
            assert session.info.permission_mode == "bypass"
            await session.set_permission_mode(None)
            assert session.info.permission_mode == "default"
            assert backend.capabilities.permission_modes == ("default", "bypass")
            with pytest.raises(UnsupportedOptionError, match="no permission_mode 'plan'; it offers: ask, yolo"):
                await session.set_permission_mode("plan")
            fake.update("session-1", "current_mode_update", currentModeId="yolo")
            while session.info.permission_mode != "bypass":
                await anyio.sleep(0.01)
            assert [model.id for model in await backend.list_models()] == ["a", "b"]
        for wrong, words in (
            (SessionOptions(model="z"), "no model 'z'"),
            (SessionOptions(settings={"nope": True}), "no option 'nope'"),
            (SessionOptions(settings={"quiet": "x"}), "another kind"),
            (SessionOptions(settings="file.json"), "a table of its configuration options"),
            (SessionOptions(system_prompt="x"), "system_prompt"),
            (SessionOptions(resume="s"), "cannot open stored sessions"),
            (SessionOptions(add_dirs=["/tmp"]), "further folders"),
        ):
            with pytest.raises((UnsupportedOptionError, InvalidRequestError), match=words):
                await backend.create_session(wrong)
    async with make_backend() as backend:
        fake.opening = {}
        with pytest.raises(UnsupportedOptionError, match="offers no model to choose"):
            await backend.create_session(SessionOptions(model="a"))


async def test_mcp_servers_are_passed_on(fake: FakeAcp, make_backend: MakeBackend) -> None:
    fake.greeting = {"agentCapabilities": {"mcpCapabilities": {"http": True}}}
    async with make_backend() as backend:
        servers = {
            "a": McpServer(command="x", args=["y"], env={"K": "v"}),
            "b": McpServer(url="http://localhost:1", headers={"H": "v"}),
            "c": McpServer(command="z", enabled=False),
        }
        async with backend.create_session(SessionOptions(mcp_servers=servers)):
            assert (await fake.request("session/new")).params["mcpServers"] == [
                {"name": "a", "command": "x", "args": ["y"], "env": [{"name": "K", "value": "v"}]},
                {"type": "http", "name": "b", "url": "http://localhost:1", "headers": [{"name": "H", "value": "v"}]},
            ]
        for server in (McpServer(url="http://localhost:1", type="sse"), McpServer(command="x", call_timeout=3)):
            with pytest.raises(UnsupportedOptionError, match="mcp_servers"):
                await backend.create_session(SessionOptions(mcp_servers={"s": server}))
