"""The socket of hooks: each program is answered, and no failure of one reaches another."""

from __future__ import annotations

import json
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_core.errors import AgentError
from agent_sdk_core.runtime import Host
from codex_sdk.hooks.channel import HookChannel

pytestmark = pytest.mark.anyio


@pytest.fixture
async def host(anyio_backend: str) -> AsyncIterator[Host]:
    async def stop() -> None:
        return

    def abort(error: AgentError) -> None:
        del error

    host = Host("the host of the test", on_stop=stop, on_abort=abort)
    await host.start()
    yield host
    await host.aclose()


@pytest.fixture
async def channel(host: Host) -> AsyncIterator[HookChannel]:
    async def answer(call: dict[str, Any]) -> tuple[str, str, int]:
        if call.get("hook_event_name") == "PreToolUse":
            raise ZeroDivisionError("by zero")
        return str(call.get("word")), "", 0

    channel = HookChannel(host, answer)
    await channel.listen()
    await channel.listen()
    yield channel
    channel.stop()
    channel.remove()
    assert not (await channel.path()).parent.exists()


async def ask(channel: HookChannel, told: bytes) -> Any:
    async with await anyio.connect_unix(await channel.path()) as stream:
        await stream.send(told)
        await stream.send_eof()
        answer = b""
        async for chunk in stream:
            answer += chunk
    return json.loads(answer) if answer else None


async def test_each_is_answered_whatever_becomes_of_another(channel: HookChannel) -> None:
    assert stat.S_IMODE((await channel.path()).parent.stat().st_mode) == 0o700
    out, err, code = await ask(channel, b'{"hook_event_name": "PreToolUse"}')
    assert (out, code) == ("", 2)
    assert "by zero" in err
    assert await ask(channel, b"nonsense") is None
    assert await ask(channel, b'["a list"]') == ["None", "", 0]
    assert await ask(channel, json.dumps({"word": "x" * 200_000}).encode()) == ["x" * 200_000, "", 0]


async def test_what_is_longer_than_any_event_is_not_answered(
    channel: HookChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codex_sdk.hooks.channel._LONGEST", 10)
    with suppress(anyio.BrokenResourceError):  # It may be cut off while it speaks.
        assert await ask(channel, b'{"word": "more than ten"}') is None
    assert await ask(channel, b"{}") == ["None", "", 0]


async def test_a_long_path_is_left_for_a_short_one(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder:
        deep = Path(folder, "d" * 120)
        deep.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(deep))

        async def answer(call: dict[str, Any]) -> tuple[str, str, int]:
            return "", "", 0

        path = await HookChannel(host, answer).path()
        assert len(str(path)) < 100
        shutil.rmtree(path.parent)
        assert not list(deep.iterdir())
