"""Go on with a stored session."""

import asyncio

import agent_sdk_core as sdk


async def main() -> None:
    async with sdk.create_backend() as backend:
        async with backend.create_session() as session:
            await session.run("A fact about Saturn, please.")
        print("Created:", session.resolved_session_id)
        async with backend.resume(session.resolved_session_id) as session:
            print((await session.run("One more.")).result)


if __name__ == "__main__":
    asyncio.run(main())
