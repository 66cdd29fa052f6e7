from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from codex_sdk.normalizer import NOT_MESSAGES
from codex_sdk.normalizer.methods import METHODS

OFF_SCHEMA = {"rawResponseItem/completed", "rawResponse/completed"}
"""Sent by the binary, and only to those who ask for raw events; not in its JSON Schema."""


def schema_methods() -> set[str]:
    root = next(folder for folder in Path(__file__).parents if (folder / "schemas").is_dir())
    path = root / "schemas" / "codex" / "experimental" / "ServerNotification.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    return {variant["properties"]["method"]["enum"][0] for variant in schema["oneOf"]}


def test_every_notification_is_a_message_or_deliberately_none() -> None:
    assert set(METHODS) | set(NOT_MESSAGES) == schema_methods() | OFF_SCHEMA
    assert not set(METHODS) & set(NOT_MESSAGES)


def test_what_is_no_message_gives_none(scene: Any) -> None:
    for method in NOT_MESSAGES:
        assert scene.feed(method) == []
