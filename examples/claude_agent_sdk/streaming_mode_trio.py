"""A conversation of several turns, on trio."""

import trio

import agent_sdk_core as sdk


async def main() -> None:
    async with sdk.create_backend() as backend, backend.create_session() as session:
        for prompt in ("How much is 15 + 27?", "Multiply that by 2.", "Divide it by 7, with two decimals."):
            print("User:", prompt)
            print("Agent:", (await session.run(prompt)).result)


if __name__ == "__main__":
    trio.run(main)
