"""Sub-agents of your own: one that reviews, one that writes, and several at once."""

import asyncio

import claude_sdk as sdk

REVIEWER = sdk.AgentDefinition(
    description="Looks through code for mistakes.",
    prompt="You review code: bugs, speed, security. Say what is wrong, where, and how to mend it.",
    tools=("Read", "Grep"),
    reasoning_effort="low",
)
WRITER = sdk.AgentDefinition(
    description="Writes documentation.",
    prompt="You write documentation that is short, complete and full of examples.",
    tools=("Read", "Write", "Edit"),
    reasoning_effort="low",
)
FINDER = sdk.AgentDefinition(
    description="Finds its way through a project.",
    prompt="You find out how a project is built.",
    tools=("Read", "Grep", "Glob"),
)
TASKS = {
    "Have the reviewer look at main.py.": {"reviewer": REVIEWER},
    "Have the writer explain what a sub-agent is for.": {"writer": WRITER},
    "Have the finder list all Python files.": {"finder": FINDER, "reviewer": REVIEWER},
}


async def main() -> None:
    async with sdk.ClaudeBackend() as backend:
        for task, agents in TASKS.items():
            async with backend.create_session(sdk.SessionOptions(agents=agents)) as session:
                result = await session.run(task)
                print(f"{task} {result.error or result.result} (${result.total_cost_usd or 0:.4f})")


if __name__ == "__main__":
    asyncio.run(main())
