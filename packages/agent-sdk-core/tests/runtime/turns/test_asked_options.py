from __future__ import annotations

import pytest

from agent_sdk_core.errors import UnsupportedOptionError
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.runtime.turns.asked_options import asked_options


def test_a_type_of_one_turn_is_refused_where_the_agent_cannot_say_what_to_do_instead() -> None:
    capabilities = BackendCapabilities(turn_options=frozenset({"model"}))
    with pytest.raises(UnsupportedOptionError, match=r"cannot ask for an output_type in one turn.*query\(") as raised:
        asked_options(None, int, backend="mini", capabilities=capabilities, answers=None)
    assert raised.value.details["option"] == "output_type"
