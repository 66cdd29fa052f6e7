"""Every public name stands on one page of the reference, and has something to say there."""

from __future__ import annotations

import ast
import re
from collections import Counter
from importlib import import_module
from inspect import isroutine

import pytest
from pydantic import BaseModel
from scripts.site_hooks import PACKAGES, first_line, index, pages, text_of
from tests.docs.blocks import blocks

PLACED = Counter(name for page in pages().values() for name in page.names)


@pytest.mark.parametrize("package", ["agent_sdk_core", *PACKAGES])
def test_every_public_name_has_one_page(package: str) -> None:
    module, core = import_module(package), import_module("agent_sdk_core")
    where = {
        name: "agent_sdk_core" if getattr(module, name) is getattr(core, name, None) else package
        for name in module.__all__
    }
    assert {name: PLACED[f"{home}.{name}"] for name, home in where.items()} == dict.fromkeys(where, 1)


def test_a_page_has_a_directive_for_each_of_its_names() -> None:
    for page in pages().values():
        text = text_of(page)
        assert [line.removeprefix("::: ") for line in text.splitlines() if line.startswith("::: ")] == page.names


def test_every_class_and_function_says_what_it_is() -> None:
    listing = index()
    assert [name for name in PLACED if f"[{name}]" not in listing] == []
    named = {name: _value(name) for name in PLACED}
    speaking = [name for name, value in named.items() if isroutine(value) or isinstance(value, type)]
    assert [name for name in speaking if not first_line(name)] == []


@pytest.mark.parametrize("package", ["agent_sdk_core", "claude_sdk", "codex_sdk"])
def test_every_public_name_is_used_in_a_program_of_the_documentation(package: str) -> None:
    code = "\n".join(block.source for block in blocks())
    unused = [name for name in import_module(package).__all__ if not re.search(rf"\b{name}\b", code)]
    assert unused == [], "docs/by-example.md takes what no other page shows"


def test_every_option_of_a_session_has_an_example() -> None:
    options: type[BaseModel] = import_module("agent_sdk_core").SessionOptions
    calls = [
        node
        for block in blocks()
        if block.where.startswith("docs/options.md")
        for node in ast.walk(ast.parse(block.source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "sdk.SessionOptions"
    ]
    shown = {keyword.arg for call in calls for keyword in call.keywords}
    assert [name for name in options.model_fields if name not in shown] == []


def _value(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)
