"""A job in CI: fix what is broken, unattended, in bounded time; the exit code tells how it went.

python ci_job.py "Make the tests pass."
"""

import asyncio
import os
import sys
from pathlib import Path

import agent_sdk_core as sdk

MINUTES = 20


def report(result: sdk.ResultMessage) -> None:
    with Path(os.environ.get("GITHUB_STEP_SUMMARY", os.devnull)).open("a", encoding="utf-8") as summary:
        summary.write(f"### {result.outcome}\n\n{result.result or result.error}\n")


async def main(task: str) -> int:
    # Edits in the folder run; what would have to be asked is denied, for nobody is there.
    options = sdk.SessionOptions(
        permission_mode="accept_edits", append_system_prompt="You run in CI. Nobody can answer."
    )
    try:
        async with asyncio.timeout(MINUTES * 60), sdk.create_backend() as backend:
            if (await backend.account()).needs_login:
                print(f"Nobody is logged in: see agent-sdk doctor --backend {backend.type}", file=sys.stderr)
                return 2
            async with backend.create_session(options) as session:
                result = await session.run(task)
    except TimeoutError:
        print(f"Not done in {MINUTES} minutes.", file=sys.stderr)
        return 1
    except sdk.AgentError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 2
    report(result)
    print(result.outcome, result.result or result.error, sep=": ")
    for denied in result.permission_denials:
        print("denied:", denied, file=sys.stderr)
    return 0 if result.outcome == "completed" and not result.permission_denials else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(" ".join(sys.argv[1:]) or "Make the tests pass.")))
