"""A goal that the agent pursues by itself, turn after turn."""

import asyncio

import codex_sdk as sdk


async def main() -> None:
    async with sdk.CodexBackend() as codex, codex.create_session() as session:
        run = await session.set_goal("Measure more of this project.")
        print((await run.wait()).status, run.result and (run.result.error or run.result.result))


if __name__ == "__main__":
    asyncio.run(main())
