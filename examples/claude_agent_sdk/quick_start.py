"""A question, a question with options, and a task that needs tools."""

import asyncio

import claude_sdk as sdk


async def main() -> None:
    print("Claude:", (await sdk.query("How much is 2 + 2?")).result)

    options = sdk.SessionOptions(system_prompt="You explain things to a child.", max_turns=1)
    print("Claude:", (await sdk.query("What is Python?", options=options)).result)

    options = sdk.SessionOptions(system_prompt="You look after files.", allowed_tools=("Read", "Write"))
    result = await sdk.query("Write a greeting into hello.txt.", options=options)
    print("Claude:", result.error or result.result)
    print(f"Cost: ${result.total_cost_usd or 0:.4f}")


if __name__ == "__main__":
    asyncio.run(main())
