"""See text, thoughts and tool inputs as they are written."""

import asyncio

import claude_sdk as sdk


async def main() -> None:
    # Deltas come unless `include_partial_messages=False` says otherwise.
    options = sdk.SessionOptions(max_turns=2, env={"MAX_THINKING_TOKENS": "8000"})
    async for message in sdk.query("Think of three jokes, and tell the best.", options=options):
        print(message.to_json())


if __name__ == "__main__":
    asyncio.run(main())
