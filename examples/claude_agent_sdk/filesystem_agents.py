"""Sub-agents from files: those of `.claude/agents` are there once the project's settings apply."""

import asyncio
import tempfile
from pathlib import Path

import claude_sdk as sdk

AGENT = "---\nname: test-agent\ndescription: Answers in three words.\n---\nAnswer in three words.\n"


def write_agent(project: str) -> None:
    agents = Path(project, ".claude", "agents")
    agents.mkdir(parents=True)
    (agents / "test-agent.md").write_text(AGENT)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_agent(folder)
        options = sdk.SessionOptions(cwd=folder, setting_sources=("project",))
        async for message in sdk.query("Say hello in three words.", options=options):
            match message:
                case sdk.InitMessage():
                    print(
                        "test-agent was", "found:" if "test-agent" in message.agents else "not found:", message.agents
                    )
                case sdk.ResultMessage():
                    print("Assistant:", message.error or message.result)
                    print(f"Result: {message.outcome}, cost ${message.total_cost_usd or 0:.4f}")
                case _:
                    pass


if __name__ == "__main__":
    asyncio.run(main())
