"""A calculator of Python functions that the agent calls; runs with either agent, without a server."""

import asyncio
import math

import agent_sdk_core as sdk


@sdk.tool(read_only=True)
async def add(a: float, b: float) -> str:
    """Add two numbers."""
    return f"{a} + {b} = {a + b}"


@sdk.tool(read_only=True)
async def subtract(a: float, b: float) -> str:
    """Subtract b from a."""
    return f"{a} - {b} = {a - b}"


@sdk.tool(read_only=True)
async def multiply(a: float, b: float) -> str:
    """Multiply two numbers."""
    return f"{a} * {b} = {a * b}"


@sdk.tool(read_only=True)
async def divide(a: float, b: float) -> str:
    """Divide a by b."""
    return f"{a} / {b} = {a / b}"  # what it raises is an error that the model reads


@sdk.tool(read_only=True)
async def sqrt(n: float) -> str:
    """Take the square root of a number."""
    return f"√{n} = {math.sqrt(n)}"


@sdk.tool(read_only=True)
async def power(base: float, exponent: float) -> str:
    """Raise a number to a power."""
    return f"{base}^{exponent} = {base**exponent}"


def display(message: sdk.SDKMessage) -> None:
    match message:
        case sdk.UserMessage():
            for result in message.tool_results:
                print("Tool result:", result.text)
        case sdk.AssistantMessage():
            for use in message.tool_uses:
                print("Tool:", use.name, use.input)
        case sdk.ResultMessage():
            print("Agent:", message.error or message.result)
        case _:
            pass


async def main() -> None:
    calculator = sdk.ToolRegistry("calc", [add, subtract, multiply, divide, sqrt, power])
    prompts = [
        "List your tools.",
        "15 + 27?",
        "100 divided by 7?",
        "The root of 144?",
        "2 to the 8?",
        "(12 + 8) * 3 - 10?",
    ]
    async with sdk.create_backend() as backend:
        for prompt in prompts:
            print("Prompt:", prompt)
            async with backend.create_session(sdk.SessionOptions(tools=calculator)) as session:
                async for message in session.query(prompt):
                    display(message)


if __name__ == "__main__":
    asyncio.run(main())
