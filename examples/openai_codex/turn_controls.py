"""A prompt that joins a running turn, and a turn that is interrupted."""

import asyncio

import agent_sdk_core as sdk


async def main() -> None:
    async with sdk.create_backend() as backend, backend.create_session() as session:
        async with session.query("Count to 40, then sum up.") as steered:
            joined = await session.send("Stop after 10 numbers.", priority="steer")
            result = await steered
        print("steered:", result.outcome, "joined" if joined in result.user_message_uuids else "its own turn")
        await session.wait_idle()

        interrupted = session.query("Count to 200, then sum up.")
        async for piece in interrupted.texts():
            print(piece)
            await interrupted.interrupt()
        print("interrupted:", interrupted.result and interrupted.result.outcome)


if __name__ == "__main__":
    asyncio.run(main())
