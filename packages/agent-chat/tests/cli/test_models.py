from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agent_chat import settings
from agent_sdk_core.models import ChatModel

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch, fake_backend: Any) -> Any:
    made = fake_backend(None)

    async def list_models() -> list[ChatModel]:
        return [
            ChatModel("big", "Big", "fake", description="For hard tasks.", is_default=True, efforts=("low", "high")),
            ChatModel("small\x1b[31m", "Small", "fake"),
        ]

    monkeypatch.setattr(made, "list_models", list_models)

    def open_backend(name: str | None, config: object) -> Any:
        return made

    monkeypatch.setattr(settings, "open_backend", open_backend)
    return made


def test_the_models_are_a_table(command: Command, backend: Any) -> None:
    code, out, err = command("models", "--backend", "codex")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "MODEL          EFFORTS   DESCRIPTION",
        "big (default)  low high  For hard tasks.",
        "small\\x1b[31m            Small",
    ]
    assert backend.closed


def test_json_is_a_model_a_line(command: Command, backend: Any) -> None:
    code, out, _ = command("models", "--json")
    assert code == 0
    models = [json.loads(line) for line in out.splitlines()]
    assert [(model["id"], model["is_default"]) for model in models] == [("big", True), ("small\x1b[31m", False)]


def test_an_agent_that_there_is_not_is_a_usage_error(command: Command) -> None:
    code, out, err = command("models", "--backend", "cladue")
    assert (code, out) == (2, "")
    assert "did you mean 'claude'?" in err
