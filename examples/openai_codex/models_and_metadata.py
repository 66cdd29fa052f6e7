"""The agents that are installed, and the models that each offers."""

import asyncio

import agent_sdk_core as sdk


async def main() -> None:
    async with sdk.create_backend() as backend:
        for model in await backend.list_models():
            print(backend.type, model.id, model.label, model.efforts, "(default)" if model.is_default else "")


if __name__ == "__main__":
    asyncio.run(main())
