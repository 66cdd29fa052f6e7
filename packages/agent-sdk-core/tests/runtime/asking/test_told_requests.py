"""What is told of a request to those who answer it, wherever they are: a command with its parts."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.asking.requests import Ask
from agent_sdk_core.messages.system import RequestOpened

pytestmark = pytest.mark.anyio


async def told(session: Any, request: PermissionRequest) -> list[object]:
    stream = session.messages()
    with anyio.fail_after(30):
        await session.ask(Ask(request, lambda answer: {"answer": answer.to_wire()}))
        await session.aclose()
        opened = [message async for message in stream if isinstance(message, RequestOpened)]
    parts = opened[0].request["command_parts"]
    assert isinstance(parts, list)
    return list(parts)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # JSON


@pytest.mark.parametrize(
    ("request_", "parts"),
    [
        (PermissionRequest("Bash", {"command": "cd sub && make"}), ["cd sub", "make"]),
        (PermissionRequest("Bash", {"command": "make"}, command_parts=("as told",)), ["as told"]),
        (PermissionRequest("Bash", {"command": "echo 'open"}), []),
        (PermissionRequest("Bash", {"command": "a; " * 10_000}), []),
        (PermissionRequest("Bash", {"command": ["make"]}), []),
        (PermissionRequest("Skill", {"command": "make; x"}), []),
        (PermissionRequest("Write", {"file_path": "a"}), []),
    ],
)
async def test_a_command_is_told_with_its_parts(session: Any, request_: PermissionRequest, parts: list[str]) -> None:
    assert await told(session, request_) == parts
