"""Prompts as the content of the messages of the agent in memory; of what a prompt names it reads skills and images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent_sdk_core import AudioInput, DocumentInput, ImageInput, InvalidRequestError, Prompt, SkillInput
from agent_sdk_core.images import held_image
from agent_sdk_core.paths import existing_file
from agent_sdk_core.prompts import prompt_blocks, replay_content

Json = dict[str, Any]


def content_of(prompt: Prompt) -> list[Json]:
    """Return a prompt as blocks, with the words of its skills.

    Raises:
        InvalidRequestError: The file of a skill cannot be read, or an image is none, or there is no such file.
    """
    told = replay_content(prompt)
    for block in prompt_blocks(prompt):
        if isinstance(block, ImageInput):
            held_image(block.url, block.path, block.data, backend="memory")
        elif isinstance(block, AudioInput | DocumentInput) and block.path is not None:
            existing_file("audio" if isinstance(block, AudioInput) else "document", block.path, backend="memory")
    content: list[Json] = [{"type": "text", "text": told}] if isinstance(told, str) else told
    skills = [block for block in prompt_blocks(prompt) if isinstance(block, SkillInput)]
    return content + [{"type": "text", "text": _words_of(skill)} for skill in skills]


def _words_of(skill: SkillInput) -> str:
    try:
        return Path(skill.path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidRequestError(f"The skill {skill.name} cannot be read: {error}.", backend="memory") from error
