"""One turn with options of its own: model, effort, mode, folder, and an answer as data."""

import asyncio
from dataclasses import dataclass

import codex_sdk as sdk


@dataclass
class Plan:
    summary: str
    actions: list[str]


async def main() -> None:
    async with sdk.CodexBackend() as backend:
        model = next(model.id for model in await backend.list_models() if model.is_default)
        options = sdk.TurnOptions(model=model, reasoning_effort="medium", permission_mode="dont_ask", cwd=".")
        async with backend.create_session(sdk.SessionOptions(personality="pragmatic")) as session:
            result = await session.run("Plan how to roll out a feature flag.", options=options, output_type=Plan)
            print("Status:", result.outcome)
            print("Plan:", result.output)
            print("Usage:", result.usage)


if __name__ == "__main__":
    asyncio.run(main())
