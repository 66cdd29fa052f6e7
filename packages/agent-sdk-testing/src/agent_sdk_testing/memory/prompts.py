"""Prompts as the content of the messages of the agent in memory; of what a prompt names it reads skills alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent_sdk_core import InvalidRequestError, Prompt, SkillInput
from agent_sdk_core.prompts import prompt_blocks, replay_content

Json = dict[str, Any]


def content_of(prompt: Prompt) -> list[Json]:
    """Return a prompt as blocks, with the words of its skills.

    Raises:
        InvalidRequestError: The file of a skill cannot be read.
    """
    told = replay_content(prompt)
    content: list[Json] = [{"type": "text", "text": told}] if isinstance(told, str) else told
    skills = [block for block in prompt_blocks(prompt) if isinstance(block, SkillInput)]
    return content + [{"type": "text", "text": _words_of(skill)} for skill in skills]


def _words_of(skill: SkillInput) -> str:
    try:
        return Path(skill.path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidRequestError(f"The skill {skill.name} cannot be read: {error}.", backend="memory") from error
