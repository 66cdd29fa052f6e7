"""The messages of a turn as they come; meanwhile another prompt joins it, and it is interrupted."""

import asyncio

import agent_sdk_core as sdk


async def main() -> None:
    async with sdk.create_backend() as backend, backend.create_session() as session:
        count = 0
        async with session.query("Count to 200, then sum up.") as turn:
            await session.send("Stop after 20 numbers.", priority="steer")
            await turn.interrupt()
            async for message in turn:
                count += 1
                print(type(message).__name__, message.to_json())
        print("messages:", count)


if __name__ == "__main__":
    asyncio.run(main())
