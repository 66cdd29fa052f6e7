"""Start the agent, ask it something, and see who answered."""

import asyncio

import agent_sdk_core as sdk


async def main() -> None:
    async with sdk.create_backend() as backend, backend.create_session() as session:
        result = await session.run("Say hello in one sentence.")
        print("Agent:", backend.type, session.info.model)
        print("Status:", result.outcome)
        print("Text:", result.error or result.result)


if __name__ == "__main__":
    asyncio.run(main())
