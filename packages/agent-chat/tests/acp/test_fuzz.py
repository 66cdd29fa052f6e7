"""Damaged frames of a client: nothing is raised, no finished text is lost, no turn stays open."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
from pathlib import Path
from typing import Any

import pytest

from agent_chat.chats.service import ChatService
from agent_sdk_testing import MemoryBackend, call, text

pytestmark = pytest.mark.anyio

FRAMES = int(os.environ.get("FUZZ_LINES", "500"))
SEED = int(os.environ.get("FUZZ_SEED", "20261126"))
ROUNDS = FRAMES // 100
ODD: tuple[Any, ...] = (None, True, -1, 2**70, 1.5, "", "x" * 300, [], {}, [[[]]], {"a": {"b": []}}, "\ud800", "../..")


def valid(session: str, other: str, cwd: str, number: int) -> list[dict[str, Any]]:
    """Return one frame of each kind that a client sends; what ends a session ends the other one."""
    prompt = [{"type": "text", "text": "go"}, {"type": "resource_link", "uri": "file:///a", "name": "a"}]
    opening: dict[str, Any] = {"cwd": cwd, "mcpServers": []}
    methods: list[tuple[str, dict[str, Any]]] = [
        ("initialize", {"protocolVersion": 1, "clientCapabilities": {"elicitation": {"form": {}}}}),
        ("session/new", opening),
        ("session/load", {"sessionId": session, **opening}),
        ("session/resume", {"sessionId": session, **opening, "replayFrom": {"type": "start"}}),
        ("session/fork", {"sessionId": session, **opening}),
        ("session/list", {"cwd": cwd, "cursor": None}),
        ("session/prompt", {"sessionId": session, "prompt": prompt}),
        ("session/set_mode", {"sessionId": session, "modeId": "default"}),
        ("session/set_config_option", {"sessionId": session, "configId": "sandbox", "value": "default"}),
        ("session/status", {"sessionId": session}),
        ("session/set_title", {"sessionId": session, "title": "t"}),
        ("_session/steering", {"sessionId": session, "prompt": prompt}),
        ("authenticate", {"methodId": "login"}),
        ("session/prompt", {"sessionId": other, "prompt": prompt}),
        ("session/close", {"sessionId": other}),
        ("session/archive", {"sessionId": other}),
        ("session/unarchive", {"sessionId": other}),
        ("session/resume", {"sessionId": other, **opening}),
        ("session/delete", {"sessionId": other}),
    ]
    frames: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": f"f{number}.{place}", "method": method, "params": params}
        for place, (method, params) in enumerate(methods)
    ]
    frames.append({"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": session}})
    frames.append({"jsonrpc": "2.0", "method": "$/cancel_request", "params": {"requestId": f"f{number}.6"}})
    outcome = {"outcome": {"outcome": "selected", "optionId": "allow"}}
    frames.append({"jsonrpc": "2.0", "id": number % 7, "result": outcome})
    frames.append({"jsonrpc": "2.0", "id": number % 5, "error": {"code": -1, "message": "no"}})
    return frames


def keys_of(value: Any) -> list[Any]:
    """Return the keys or places of what holds something, none of anything else."""
    if isinstance(value, str) or not hasattr(value, "__len__"):
        return []
    return [*value] if hasattr(value, "keys") else [*range(len(value))]


def mutated(frame: dict[str, Any], chance: random.Random) -> bytes:
    """Return a frame with one thing wrong with it."""
    if chance.random() < 0.4:
        line = bytearray(json.dumps(frame).encode())
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(line))
            match chance.randrange(3):
                case 0:
                    line[place] = chance.randrange(256)
                case 1:
                    del line[place:]
                    break
                case _:
                    line[place:place] = bytes([chance.randrange(256)])
            if not line:
                break
        return bytes(line) + b"\n"
    copy = json.loads(json.dumps(frame))
    target: Any = copy
    while True:
        keys = keys_of(target)
        if not keys:
            break
        key = chance.choice(keys)
        inner: Any = target[key]
        if keys_of(inner) and chance.random() < 0.7:
            target = inner
            continue
        if chance.random() < 0.3 and not isinstance(key, int):
            del target[key]
        else:
            target[key] = chance.choice(ODD)
        break
    return json.dumps(copy).encode() + b"\n"


@pytest.mark.parametrize("version", [1, 2])
async def test_damaged_frames_harm_nothing(
    version: int,
    make_client: Any,
    agent: MemoryBackend,
    service: ChatService,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    agent.on("Bash", "listed")
    for _ in range(60):
        agent.reply(text("a"), call("Bash", command="ls"))
    agent.otherwise(text("all ", "of ", "it"))
    chance = random.Random(SEED)
    sent = 0
    for round_ in range(ROUNDS):
        client = make_client()
        session = await client.session(tmp_path, version)
        other = (await client.call("session/new", cwd=str(tmp_path), mcpServers=[]))["sessionId"]
        frames = valid(session, other, str(tmp_path), round_)
        for number in range(FRAMES // ROUNDS):
            client.pipe.chunks.put_nowait(mutated(chance.choice(frames), chance))
            sent += 1
            if number % 10 == 0:
                await asyncio.sleep(0)
        client.send({"id": "end", "method": "session/list", "params": {}})
        while True:
            frame = await client.pipe.lines.get()
            assert frame is not None
            if frame.get("id") == "end" and "method" not in frame:
                break
        await client.aclose()
        states = {chat.state for chat in service.open_chats}
        assert not states & {"running", "requires_action", "opening"}, states
    assert sent == FRAMES
    assert [
        record.getMessage() for record in caplog.records if record.name.startswith(("agent_sdk.acp", "asyncio"))
    ] == []
    client = make_client()
    session = await client.session(tmp_path)
    client.answers["session/request_permission"] = {"outcome": {"outcome": "cancelled"}}
    while (await client.prompt(session, "say it"))["stopReason"] != "end_turn":
        client.frames.clear()
    assert client.said() == "all of it"
