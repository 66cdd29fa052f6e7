from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_testing import ModelRequest, ScriptedModel, Step, call
from agent_sdk_testing.contract.agent import Agent

_IMAGE = {"type": "image", "source": "a.png"}


class Bare(Agent):
    name = "bare"
    modes = {}

    def command(self, cmd: str, *, escalate: bool = False, wait: float | None = None) -> Step:
        return call("run", command=cmd)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Bare]:
    agent = Bare(ScriptedModel(), tmp_path)
    yield agent
    agent.close()


def request(path: str, **body: Any) -> ModelRequest:
    return ModelRequest("POST", path, {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("path", "body", "effort"),
    [
        ("/v1/responses", {"reasoning": {"effort": "high"}}, "high"),
        ("/v1/responses", {"reasoning": None}, None),
        ("/v1/messages", {"output_config": {"effort": "low"}}, "low"),
        ("/v1/messages", {}, None),
    ],
)
def test_the_effort_is_read_from_either_api(bare: Bare, path: str, body: Mapping[str, Any], effort: str | None) -> None:
    assert bare.effort_of(request(path, **body)) == effort


def test_images_and_documents_are_counted_wherever_they_are(bare: Bare) -> None:
    messages = request(
        "/v1/messages",
        messages=[{"content": [_IMAGE, {"type": "tool_result", "content": [_IMAGE]}, {"type": "document"}]}],
    )
    responses = request("/v1/responses", input=[{"content": [{"type": "input_image"}, {"type": "input_file"}]}])
    assert (bare.images_of(messages), bare.documents_of(messages)) == (2, 1)
    assert (bare.images_of(responses), bare.documents_of(responses)) == (1, 1)


def test_the_schema_is_read_from_the_responses_api(bare: Bare) -> None:
    assert bare.schema_of(request("/v1/responses", text={"format": {"schema": {"type": "object"}}})) == {
        "type": "object"
    }


def test_what_an_agent_declares_and_does_not_say_is_told(bare: Bare) -> None:
    with pytest.raises(NotImplementedError, match="Bare"):
        bare.patch(add={"a.txt": "a"})
    with pytest.raises(NotImplementedError, match="Bare"):
        bare.structured("{}")


def test_an_agent_takes_no_skills_and_asks_with_commands_unless_it_says_otherwise(bare: Bare) -> None:
    assert bare.skill("parrot", "Say it twice.") is None
    assert bare.asking(2) == [call("run", command="echo 0"), call("run", command="echo 1")]
    assert bare.native_model("one") == {"model": "one"}
