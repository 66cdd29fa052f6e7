"""The life of a session: go on, rename, archive and bring back, fork, compact."""

import asyncio

import agent_sdk_core as sdk


async def main() -> None:
    async with sdk.create_backend() as backend:
        async with backend.create_session() as session:
            await session.run("What is structured planning, in one sentence?")
            await session.run("Say it again for a beginner.")
        stored = session.resolved_session_id
        print("messages:", len(await backend.read_history(stored)))

        await backend.rename_session(stored, "A demo of a life")
        await backend.archive_session(stored)
        print("listed while archived:", stored in [entry.session_id for entry in await backend.list_sessions(limit=20)])
        await backend.unarchive_session(stored)
        print("listed:", stored in [entry.session_id for entry in await backend.list_sessions(limit=20)])

        async with backend.resume(stored) as session:
            print("resumed:", (await session.run("Go on, in one sentence.")).outcome)
            async with session.fork() as fork:
                print("forked:", (await fork.run("And from another side.")).outcome)
            await session.compact()
            print("compacted:", (await session.usage()).context)


if __name__ == "__main__":
    asyncio.run(main())
