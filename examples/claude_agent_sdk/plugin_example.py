"""Load a plugin of Claude Code, and see that its command is there."""

import asyncio
from pathlib import Path

import claude_sdk as sdk

PLUGIN = Path(__file__).parent / "plugins" / "demo-plugin"


async def main() -> None:
    options = sdk.SessionOptions(plugins=(PLUGIN,), max_turns=1)
    async for message in sdk.query("Hello!", options=options):
        if isinstance(message, sdk.InitMessage):
            print("Commands:", [command for command in message.slash_commands if command.startswith("demo-plugin")])


if __name__ == "__main__":
    asyncio.run(main())
