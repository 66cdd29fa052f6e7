"""The same task in many repositories, some at a time; one line of JSON for each.

python batch.py "Does this project have a changelog?" repo1 repo2 repo3
"""

import asyncio
import json
import sys
from typing import Any

import agent_sdk_core as sdk

AT_ONCE = 4
ANSWER = {
    "type": "object",
    "properties": {"answer": {"type": "boolean"}, "reason": {"type": "string"}},
    "required": ["answer", "reason"],
    "additionalProperties": False,
}


async def ask(backend: sdk.AgentBackend, folder: str, task: str) -> dict[str, Any]:
    options = sdk.SessionOptions(cwd=folder, permission_mode="plan", output_schema=ANSWER)
    try:
        async with backend.create_session(options) as session:
            result = await session.run(task)
        result.raise_for_error()
    except sdk.AgentError as error:
        return {"folder": folder, "error": error.code, "message": str(error)}
    return {"folder": folder, "answer": result.structured_output}


async def main(task: str, folders: list[str]) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(folder: str) -> None:
        async with places:
            print(json.dumps(await ask(backend, folder, task)), flush=True)

    async with sdk.create_backend() as backend, asyncio.TaskGroup() as tasks:
        for folder in folders:
            tasks.create_task(one(folder))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
