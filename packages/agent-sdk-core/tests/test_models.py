from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from agent_sdk_core.models import ChatModel


def test_a_model_says_nothing_that_its_agent_did_not_tell() -> None:
    model = ChatModel("m", "M", "memory")
    assert (model.efforts, model.default_effort, model.context_window) == ((), None, None)
    assert not model.is_default
    assert model.input_modalities == ("text",)
    with pytest.raises(FrozenInstanceError):
        model.id = "n"  # type: ignore[misc]  # frozen: what is tested
