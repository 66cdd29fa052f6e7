from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel
from tests.codex.driving import Codex

from agent_sdk_core import InvalidRequestError
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


class Page(BaseModel):
    title: str
    size: int = 5
    links: dict[str, Page] = {}


async def test_a_model_is_asked_for_in_the_strict_form_and_comes_back_in_its_own(codex: Codex) -> None:
    page = {"title": "b", "size": 7, "links": None}
    answer = Page.model_validate({"title": "a", "links": {"next": {"title": "b", "size": 7}}})
    strict: Any = {"title": "a", "size": None, "links": [{"key": "next", "value": page}]}
    codex.model.reply(text(json.dumps(strict)))
    async with codex.session(output_schema=Page.model_json_schema()) as session:
        result = (await run(session, "A page.")).result
    assert Page.model_validate(result.structured_output) == answer
    asked = codex.model.requests[0].json["text"]["format"]
    assert asked["strict"] is True
    assert asked["schema"]["required"] == ["title", "size", "links"]


async def test_an_object_of_any_content_is_refused_with_its_place_before_codex_starts(codex: Codex) -> None:
    schema = {"type": "object", "properties": {"extra": {"type": "object"}}}
    async with codex.backend() as backend:
        with pytest.raises(InvalidRequestError, match="at properties/extra: codex cannot"):
            await codex.open(backend, output_schema=schema)


async def test_what_is_sent_past_the_option_is_refused_by_the_provider(codex: Codex) -> None:
    """The scripted model refuses what the provider would, so that the strict form is tested at all."""
    codex.model.reply(text("{}"))
    async with codex.session() as session:
        session.driver.settings.changes["outputSchema"] = {"type": "object", "properties": {"a": {"type": "string"}}}
        result = (await run(session, "Go.")).result
    assert result.outcome == "failed"
    assert "'additionalProperties' is required to be supplied and to be false" in "".join(result.errors)
