"""A bot for a chat such as Slack: a thread is a session, goes on after a restart, and holds up no other.

The chat here is a stand-in that reads "thread: text" from standard input; put your client's events in its place.
"""

import asyncio
import json
import sys
from pathlib import Path

import agent_sdk_core as sdk

STORE = Path("threads.json")
OPTIONS = sdk.SessionOptions(permission_mode="plan", append_system_prompt="You answer in a chat. Be short.")


class Bot:
    def __init__(self, backend: sdk.AgentBackend) -> None:
        self.backend = backend
        self.stored: dict[str, str] = json.loads(STORE.read_text()) if STORE.exists() else {}
        self.open: dict[str, sdk.AgentSession] = {}
        self.opening = asyncio.Lock()

    async def session_of(self, thread: str) -> sdk.AgentSession:
        async with self.opening:
            if thread not in self.open:
                known = self.stored.get(thread)
                opening = self.backend.resume(known, OPTIONS) if known else self.backend.create_session(OPTIONS)
                self.open[thread] = await opening
            return self.open[thread]

    async def on_message(self, thread: str, text: str) -> None:
        try:
            session = await self.session_of(thread)
            result = await session.run(text)  # behind a running turn of its thread it queues
            await self.post(thread, result.result or f"That did not work: {result.error}")
            self.remember(thread, session.resolved_session_id)
        except sdk.AgentError as error:
            await self.post(thread, f"I cannot answer: {error}")

    def remember(self, thread: str, session_id: str) -> None:
        self.stored[thread] = session_id
        STORE.write_text(json.dumps(self.stored))

    async def post(self, thread: str, text: str) -> None:
        print(f"{thread}: {text}", flush=True)


async def main() -> None:
    async with sdk.create_backend() as backend, asyncio.TaskGroup() as tasks:
        bot = Bot(backend)
        while line := await asyncio.to_thread(sys.stdin.readline):
            thread, _, text = line.partition(":")
            if text.strip():
                tasks.create_task(bot.on_message(thread.strip(), text.strip()))


if __name__ == "__main__":
    asyncio.run(main())
