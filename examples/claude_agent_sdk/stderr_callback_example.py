"""See what the agent's process writes on stderr."""

import asyncio

import claude_sdk as sdk


async def main() -> None:
    async with sdk.ClaudeBackend() as backend:
        logs = backend.logs()
        async with backend.create_session() as session:
            print("Answer:", (await session.run("How much is 2 + 2?")).result)
    lines = [line async for line in logs]
    print(len(lines), "lines on stderr;", "the first:", lines[0][:100] if lines else "none")


if __name__ == "__main__":
    asyncio.run(main())
