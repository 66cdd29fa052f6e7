"""Compare what agent mode sends with the adapters of others: one scripted conversation, version 1, a client with forms.

Prints the figures behind the table in docs/editors.md: `uv run python scripts/compare_adapters.py`. The adapters come
from their registry into `.cache/acp`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.acp import installing  # noqa: E402  # The root is no package that is installed.

from agent_chat.demo.agents import AGENTS  # noqa: E402  # after the path is set
from agent_chat.web.bundle import find_node  # noqa: E402  # after the path is set
from agent_sdk_testing import ScriptedModel, call, reasoning, text  # noqa: E402  # after the path is set
from agent_sdk_testing.agents.environment import scratch_folder  # noqa: E402  # after the path is set

SECONDS: Final = 120.0
CAPABILITIES: Final[dict[str, Any]] = {
    "elicitation": {"form": {}, "url": {}},
    "session": {"configOptions": {"boolean": {}}},
}
Frame = dict[str, Any]


class Client:
    """A client that allows everything once, and keeps what it is told.

    Attributes:
        told: The updates since `forget`.
        asked: The calls about which it was asked.
        others: How often each other notification or request came.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._answers: dict[int, asyncio.Future[Frame]] = {}
        self._next = 0
        self.told: list[Frame] = []
        self.asked: list[Frame] = []
        self.others: Counter[str] = Counter()
        self._reading = asyncio.create_task(self._read())

    def send(self, message: Frame) -> None:
        """Write a message."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    async def call(self, method: str, **params: Any) -> Frame:
        """Return the result of a request, or its error below "error"."""
        self._next += 1
        answer = self._answers[self._next] = asyncio.get_running_loop().create_future()
        self.send({"id": self._next, "method": method, "params": params})
        async with asyncio.timeout(SECONDS):
            message = await answer
        return message["result"] if "result" in message else {"error": message["error"]}

    def forget(self) -> None:
        """Begin to count anew."""
        self.told, self.asked, self.others = [], [], Counter()

    async def quiet(self) -> None:
        """Wait until nothing more was told for a while."""
        before = -1
        while before != len(self.told):
            before = len(self.told)
            await asyncio.sleep(1)

    async def aclose(self) -> None:
        """End the agent."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            try:
                message: Frame = json.loads(line)
            except ValueError:
                continue
            method = message.get("method")
            if method is None:
                if (waiting := self._answers.pop(message["id"], None)) is not None:
                    waiting.set_result(message)
            elif method == "session/update":
                self.told.append(message["params"]["update"])
            elif method == "session/request_permission":
                self.asked.append(message["params"])
                options = message["params"]["options"]
                chosen = next(each["optionId"] for each in options if each["kind"] == "allow_once")
                outcome = {"outcome": "selected", "optionId": chosen}
                self.send({"id": message["id"], "result": {"outcome": outcome}})
            else:
                self.others[method] += 1
                if "id" in message:
                    self.send({"id": message["id"], "error": {"code": -32601, "message": "No."}})


def script(backend: str, model: ScriptedModel, folder: Path) -> None:
    """Say what the model says: a thought, a command, on Claude a read and an edit, and an answer."""
    file = folder / "notes.txt"
    file.write_text("one\n")
    if backend == "codex":
        wish = {"sandbox_permissions": "require_escalated", "justification": "to compare"}
        model.reply(reasoning("I think."), text("I make it."), call("exec_command", cmd="touch made", **wish))
    else:
        model.reply(
            reasoning("I think."), text("I make it."), call("Bash", command="touch made", description="Make it")
        )
        model.reply(call("Read", file_path=str(file)))
        model.reply(call("Edit", file_path=str(file), old_string="one", new_string="two"))
    model.otherwise(text("All is ", "made."))


async def measure(backend: str, command: Sequence[str], env: Mapping[str, str], folder: Path) -> Frame:
    """Have the conversation, and return what was seen."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=env,
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=(folder.parent / "stderr").open("wb"),
        limit=2**26,
    )
    client = Client(process)
    try:
        info = {"name": "compare", "version": "1"}
        hello = await client.call("initialize", protocolVersion=1, clientCapabilities=CAPABILITIES, clientInfo=info)
        opened = await client.call("session/new", cwd=str(folder), mcpServers=[])
        session_id = opened["sessionId"]
        modes: Frame = opened.get("modes") or {}
        options: list[Frame] = opened.get("configOptions") or []
        await client.quiet()
        client.forget()
        prompt = [{"type": "text", "text": "Make it."}]
        end = await client.call("session/prompt", sessionId=session_id, prompt=prompt)
        await client.quiet()
        found: Frame = {
            "agent": hello.get("agentInfo"),
            "capabilities": hello.get("agentCapabilities"),
            "meta": hello.get("_meta"),
            "modes": [mode["id"] for mode in modes.get("availableModes", [])],
            "options": [each["id"] for each in options],
            "end": end,
            "asked": [
                {"title": each["toolCall"].get("title"), "options": len(each["options"])} for each in client.asked
            ],
            "asked with a diff": sum("diff" in json.dumps(each["toolCall"].get("content")) for each in client.asked),
            "updates": dict(Counter(each["sessionUpdate"] for each in client.told)),
            "others": dict(client.others),
        }
        client.forget()
        await client.call("session/close", sessionId=session_id)
        loaded = await client.call("session/load", sessionId=session_id, cwd=str(folder), mcpServers=[])
        await client.quiet()
        found["loaded"] = {
            "error": loaded.get("error"),
            "updates": dict(Counter(each["sessionUpdate"] for each in client.told)),
            "calls": [each.get("title") for each in client.told if each["sessionUpdate"] == "tool_call"],
        }
        asked: dict[str, Frame] = {
            "session/fork": {"cwd": str(folder), "mcpServers": []},
            "session/set_title": {"title": "A name"},
            "session/archive": {},
            "session/delete": {},
        }
        for method, more in asked.items():
            answer = await client.call(method, sessionId=session_id, **more)
            found[method] = "yes" if "error" not in answer else answer["error"].get("message")
        return found
    finally:
        await client.aclose()


async def main(names: Sequence[str]) -> None:
    """Measure all four, or those that are named."""
    node, _ = find_node()
    adapters = {"claude": installing.claude_adapter, "codex": installing.codex_adapter}
    for agent in AGENTS:
        ours = [sys.executable, "-m", "agent_chat", "acp", "--backend", agent.name]
        theirs = lambda: [str(node), str(adapters[agent.name]())]  # noqa: B023, E731  # called before the loop goes on
        for name, command in ((f"agent-sdk-{agent.name}", lambda: ours), (f"{agent.name}-adapter", theirs)):  # noqa: B023  # called before the loop goes on
            if names and name not in names:
                continue
            with scratch_folder(prefix="compare-") as scratch, ScriptedModel() as model:
                folder = scratch / "project"
                folder.mkdir()
                env = {
                    "LANG": "C.UTF-8",
                    "IS_SANDBOX": "1",
                    **agent.environment(scratch / "home", model),
                    "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}",
                    "XDG_DATA_HOME": str(scratch / "data"),
                }
                script(agent.name, model, folder)
                try:
                    found = await measure(agent.name, command(), env, folder)
                except (KeyError, TimeoutError) as error:
                    found = {"failed": repr(error), "stderr": (scratch / "stderr").read_text()[-1500:]}
                sys.stdout.write(f"{name}: {json.dumps(found, indent=1)}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
