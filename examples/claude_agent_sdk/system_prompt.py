"""The agent's own system prompt, another one, and its own with an addition."""

import asyncio

import agent_sdk_core as sdk

PROMPTS = {
    "the agent's own": sdk.SessionOptions(),
    "another one": sdk.SessionOptions(system_prompt="You are a pirate, and talk like one."),
    "with an addition": sdk.SessionOptions(append_system_prompt="End each answer with a fun fact."),
}


async def main() -> None:
    for name, options in PROMPTS.items():
        print(f"{name}: {(await sdk.query('How much is 2 + 2?', options=options)).result}")


if __name__ == "__main__":
    asyncio.run(main())
