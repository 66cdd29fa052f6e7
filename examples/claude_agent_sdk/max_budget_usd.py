"""Limit what a session may cost.

The limit is looked at after each call of the model, so that one call may pass it.
"""

import asyncio

import claude_sdk as sdk


async def ask(prompt: str, budget: float | None) -> None:
    result = await sdk.query(prompt, options=sdk.SessionOptions(max_budget_usd=budget))
    print(f"Budget {budget}: {result.outcome}, cost ${result.total_cost_usd or 0:.4f}")
    print(result.error or result.result)


async def main() -> None:
    await ask("How much is 2 + 2?", None)
    await ask("How much is 2 + 2?", 0.10)
    await ask("Read the README and sum it up.", 0.0001)


if __name__ == "__main__":
    asyncio.run(main())
