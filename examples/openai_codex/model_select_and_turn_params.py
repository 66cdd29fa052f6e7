"""Choose a model and its highest effort from the agent's own list, and use both for a turn."""

import asyncio

from pydantic import BaseModel

import codex_sdk as sdk


class Plan(BaseModel):
    summary: str
    actions: list[str]


async def main() -> None:
    async with sdk.CodexBackend() as backend:
        models = await backend.list_models()
        model = next((model for model in models if model.is_default), models[0])
        effort = model.efforts[-1] if model.efforts else None  # they are listed from low to high
        print("model:", model.id, "effort:", effort)
        async with backend.create_session(sdk.SessionOptions(model=model.id, reasoning_effort=effort)) as session:
            first = await session.run("What makes a release reliable, in one sentence?")
            print("text:", first.result, first.usage)
            second = await session.run("Plan how to roll out a feature flag.", output_type=Plan)
            print("plan:", second.output, second.usage)


if __name__ == "__main__":
    asyncio.run(main())
