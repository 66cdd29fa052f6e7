"""A prompt with an image from the web."""

import asyncio
import sys
import urllib.request

import agent_sdk_core as sdk

LOGO = "https://www.python.org/static/community_logos/python-logo.png"


def fetch(url: str) -> sdk.ImageInput:
    # Claude takes `ImageInput(url=...)` as well; Codex wants the bytes.
    with urllib.request.urlopen(url) as response:
        return sdk.ImageInput(data=response.read(), media_type=response.headers.get_content_type())


async def main(url: str) -> None:
    result = await sdk.query([sdk.TextInput("What is in this image?"), await asyncio.to_thread(fetch, url)])
    print("Status:", result.outcome)
    print(result.error or result.result)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else LOGO))
