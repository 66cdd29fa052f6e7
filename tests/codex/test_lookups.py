from __future__ import annotations

import os
from base64 import b64decode

import anyio
import pytest
from tests.codex.driving import Codex, names

from agent_sdk_testing import call, custom, item, text
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


async def test_a_web_search_and_an_opened_page_are_tool_uses(codex: Codex) -> None:
    codex.model.reply(
        item("web_search_call", id="ws_1", status="completed", action={"type": "search", "query": "weather"}),
        item("web_search_call", id="ws_2", status="completed", action={"type": "open_page", "url": "https://e.org"}),
        text("Sunny."),
    )
    async with codex.session() as session:
        ran = await run(session, "Look it up.")
    search, fetch = ran.uses
    assert (search.name, search.kind, search.input["query"]) == ("WebSearch", "search", "weather")
    assert (fetch.name, fetch.kind, fetch.input["url"]) == ("WebFetch", "fetch", "https://e.org")
    assert [result.is_error for result in ran.results] == [False, False]


async def test_tools_that_a_script_of_the_model_runs_in_parallel_are_tool_uses_of_their_own(codex: Codex) -> None:
    codex.settings(slug="gpt-6.1-sol")
    os.mkfifo(codex.workspace / "go")
    # The first command ends only when the second one has run: one after the other would wait for ever.
    script = """const [a, b] = await Promise.all([
      tools.exec_command({cmd: 'read line < go; echo first $line', yield_time_ms: 20000}),
      tools.exec_command({cmd: 'echo second; echo go > go', yield_time_ms: 20000})]);
    text(a.output + b.output)"""
    codex.model.reply(custom("exec", script)).reply(text("Both ran."))
    async with codex.session(permission_mode="bypass") as session:
        with anyio.fail_after(30):
            ran = await run(session, "Run both.")
    assert names(ran) == ["Bash", "Bash"]
    assert sorted(result.text.strip() for result in ran.results) == ["first go", "second"]
    assert ran.result.result == "Both ran."


async def test_an_image_of_the_workspace_is_viewed(codex: Codex) -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
    (codex.workspace / "pixel.png").write_bytes(b64decode(pixel))
    codex.model.reply(call("view_image", path="pixel.png")).reply(text("A pixel."))
    async with codex.session() as session:
        ran = await run(session, "Look.")
    [use], [result] = ran.uses, ran.results
    assert use.kind == "read"
    assert str(codex.workspace / "pixel.png") in use.input.values()
    assert result.is_error is False
