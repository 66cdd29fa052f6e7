"""A prompt with an image from a file."""

import asyncio
from pathlib import Path

import agent_sdk_core as sdk

IMAGE = Path(__file__).with_name("scene.png")


async def main() -> None:
    result = await sdk.query([sdk.TextInput("What do you see, in two points?"), sdk.ImageInput(path=IMAGE)])
    print("Status:", result.outcome)
    print(result.error or result.result)


if __name__ == "__main__":
    asyncio.run(main())
