"""One turn: its result, its usage, and what is stored of it."""

import asyncio

import agent_sdk_core as sdk


async def main() -> None:
    async with sdk.create_backend() as backend, backend.create_session() as session:
        turn = session.query("Three points about SIMD.")
        result = await turn
        stored = await session.history()
        print("session:", session.resolved_session_id)
        print("turn:", turn.uuid)
        print("status:", result.outcome, result.error or "")
        print("text:", result.result)
        print("stored messages:", len(stored))
        print("usage:", result.usage)


if __name__ == "__main__":
    asyncio.run(main())
