"""Try again what may succeed later, and tell what failed from what could not be asked."""

import asyncio
import random

import agent_sdk_core as sdk


async def run_patiently(session: sdk.AgentSession, prompt: str, *, retries: int = 3) -> sdk.ResultMessage:
    delay = 0.25
    while True:
        result = await session.run(prompt)
        if retries == 0 or result.error is None or not result.error.retryable:
            return result
        await asyncio.sleep(delay * random.uniform(0.8, 1.2))
        retries, delay = retries - 1, min(2.0, delay * 2)


async def main() -> None:
    try:
        async with sdk.create_backend() as backend, backend.create_session() as session:
            result = await run_patiently(session, "How does one retry well, in three points?")
            result.raise_for_error()
            print("Text:", result.result)
    except (sdk.RateLimitError, sdk.UsageLimitError) as error:
        print("Used up:", error)
    except sdk.AgentError as error:
        print(f"{error.code}: {error}")


if __name__ == "__main__":
    asyncio.run(main())
