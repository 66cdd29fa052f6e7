from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_sdk_testing import ScriptedModel, clean_env, scratch_folder, text, write_claude_config, write_codex_home


@pytest.fixture
def reader_env() -> Iterator[dict[str, str]]:
    """The environment of somebody who follows the documentation, with a scripted model behind both agents."""
    with ScriptedModel() as model, scratch_folder(prefix="docs-") as home:
        model.otherwise(text("Hello from ", "the scripted model."))
        codex, claude = write_codex_home(home / "codex", model), write_claude_config(home / "claude")
        yield clean_env(codex_home=codex, claude_config_dir=claude, model=model)
        model.check()


@pytest.fixture
def reader_folder() -> Iterator[Path]:
    with scratch_folder(prefix="docs-work-") as folder:
        yield folder
