"""What hooks can do, on either agent: python hooks.py all, or the name of one."""

import asyncio
import logging
import sys

import agent_sdk_core as sdk

logging.basicConfig(level=logging.INFO, format="%(asctime)s - %(message)s")


async def check_command(event: sdk.PreToolUseEvent) -> sdk.Block | None:
    return sdk.Block("Commands with foo.sh are not run.") if "foo.sh" in str(event.input["command"]) else None


async def add_instructions(event: sdk.SessionStartEvent) -> sdk.AddContext:
    return sdk.AddContext("My favorite color is hot pink.")


async def review_output(event: sdk.PostToolUseEvent) -> sdk.AddContext | None:
    return sdk.AddContext("It went wrong. Try another way.") if "No such file" in str(event.response) else None


async def protect_files(event: sdk.PreToolUseEvent) -> sdk.Block | None:
    return sdk.Block("Important files stay as they are.") if "important" in str(event.input).lower() else None


async def stop_on_critical(event: sdk.PostToolUseEvent) -> sdk.StopTurn | None:
    return sdk.StopTurn("Its output is critical.") if "critical" in str(event.response).lower() else None


EXAMPLES = {
    "PreToolUse": (
        sdk.Hooks(pre_tool_use=[sdk.Hook(check_command, matcher="Bash")]),
        ("Run the command: ./foo.sh --help", "Run the command: echo 'Hello from hooks!'"),
    ),
    "SessionStart": (sdk.Hooks(session_start=add_instructions), ("What's my favorite color?",)),
    "PostToolUse": (
        sdk.Hooks(post_tool_use=[sdk.Hook(review_output, matcher="Bash")]),
        ("Run the command: ls /nonexistent_directory",),
    ),
    "Decisions": (
        sdk.Hooks(pre_tool_use=[sdk.Hook(protect_files, matcher="Write|Edit|Bash")]),
        ("Write 'test' to important_config.txt", "Write 'test' to regular_file.txt"),
    ),
    "Stop": (
        sdk.Hooks(post_tool_use=[sdk.Hook(stop_on_critical, matcher="Bash")]),
        ("Run the command: echo 'CRITICAL ERROR'",),
    ),
}


async def main(names: list[str]) -> None:
    async with sdk.create_backend() as backend:
        for name in EXAMPLES if names == ["all"] else names:
            hooks, prompts = EXAMPLES[name]
            options = sdk.SessionOptions(hooks=hooks, permission_mode="bypass")
            async with backend.create_session(options) as session:
                for prompt in prompts:
                    print(f"{name}: {prompt}")
                    async for message in session.query(prompt):
                        if isinstance(message, sdk.AssistantMessage) and message.text:
                            print("Agent:", message.text)
                        elif isinstance(message, sdk.SystemMessage) and message.subtype == "hook_response":
                            print("Hook:", (message.model_extra or {})["outcome"])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print("python hooks.py all, or some of:", *EXAMPLES)
    else:
        asyncio.run(main(sys.argv[1:]))
