"""Building models without pydantic's search for plug-ins, which leaves everything else as pydantic does it."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from agent_sdk_core import SessionOptions
from agent_sdk_core.messages.blocks import TextBlock
from agent_sdk_core.wire import building
from agent_sdk_core.wire.model import WireModel


def test_a_first_use_does_not_look_for_plug_ins() -> None:
    used = (
        "import sys\n"
        "from agent_sdk_core import AssistantMessage, SessionOptions\n"
        "SessionOptions(model='x')\n"
        "block = {'type': 'text', 'text': 'x'}\n"
        "AssistantMessage.from_wire({'type': 'assistant', 'message': {'content': [block]}}).to_wire()\n"
        "assert not {'pydantic.plugin._loader', 'importlib.metadata'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", used], check=True)


class Late(WireModel, frozen=True, defer_build=True):
    """A model that is built when it is first used."""

    number: int = 1


def test_a_model_has_all_that_pydantic_gives_one() -> None:
    assert Late(number=2).to_wire() == {"number": 2}
    assert str(inspect.signature(Late)) == "(*, number: int = 1, **fields: Any) -> None"
    assert Late.model_json_schema()["properties"]["number"]["type"] == "integer"
    assert Late.model_rebuild() is None
    assert Late.model_rebuild(force=True) is True
    assert Late(number=3).number == 3


def test_a_model_of_what_only_its_function_knows_is_built_by_pydantic() -> None:
    class Inner(WireModel, frozen=True):
        text: str

    class Outer(WireModel, frozen=True):
        inner: Inner | None = None
        late: Later | None = None

    class Later(WireModel, frozen=True):
        text: str

    assert Outer.model_validate({"inner": {"text": "a"}, "late": {"text": "b"}}).late == Later(text="b")


def test_another_pydantic_builds_its_models_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise AttributeError("complete_model_class")

    class Some(WireModel, frozen=True):
        block: TextBlock

    monkeypatch.setattr(building, "_completing", gone)
    assert Some.from_wire({"block": {"type": "text", "text": "x"}}).block.text == "x"
    assert SessionOptions(model="x").model == "x"
