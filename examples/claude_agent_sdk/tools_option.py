"""Which of the agent's own tools there are: some, none, or all."""

import asyncio

import claude_sdk as sdk

CHOICES = {
    "three": sdk.SessionOptions(builtin_tools=("Read", "Glob", "Grep"), max_turns=1),
    "none": sdk.SessionOptions(builtin_tools=(), max_turns=1),
    "all": sdk.SessionOptions(max_turns=1),
}


async def main() -> None:
    for name, options in CHOICES.items():
        async for message in sdk.query("Which tools do you have?", options=options):
            match message:
                case sdk.InitMessage():
                    print(f"{name}: {len(message.tools)} tools, {message.tools[:5]}")
                case sdk.ResultMessage():
                    print(message.error or message.result, f"(${message.total_cost_usd or 0:.4f})")
                case _:
                    pass


if __name__ == "__main__":
    asyncio.run(main())
