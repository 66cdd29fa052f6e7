"""Whose settings apply: a project's own commands are there only where the project is let in.

Without `setting_sources` the project's settings do not apply, for they may come from a stranger.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import claude_sdk as sdk

OPTIONS = {
    "default": sdk.SessionOptions(),
    "disable_all": sdk.SessionOptions(setting_sources=()),
    "user_only": sdk.SessionOptions(setting_sources=("user",)),
    "project_and_user": sdk.SessionOptions(setting_sources=("user", "project")),
}


def write_command(project: str) -> None:
    commands = Path(project, ".claude", "commands")
    commands.mkdir(parents=True)
    (commands / "greet.md").write_text("Greet the user.")


async def example(name: str, project: str) -> None:
    options = OPTIONS[name].model_copy(update={"cwd": project})
    async for message in sdk.query("How much is 2 + 2?", options=options):
        if isinstance(message, sdk.InitMessage):
            print(f"{name}: /greet is {'there' if 'greet' in message.slash_commands else 'not there'}")


async def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_command(folder)
        for name in OPTIONS if names == ["all"] else names:
            await example(name, folder)


if __name__ == "__main__":
    if not (chosen := sys.argv[1:]):
        sys.exit(f"Say which: all, {', '.join(OPTIONS)}")
    asyncio.run(main(chosen))
