"""Names of backends as people write them."""

from __future__ import annotations

import pytest

from agent_sdk_core import names
from agent_sdk_core.errors import InvalidRequestError


def test_the_nearest_name_is_the_one_that_is_most_alike() -> None:
    assert names.nearest("modell", ["model", "max_turns", "cwd"]) == "model"
    assert names.nearest("zzz", ["model", "mode"]) is None


def test_a_name_that_nobody_registered_is_told_with_where_it_was_written() -> None:
    with pytest.raises(InvalidRequestError, match=r"'codx' \(from here.toml:3\); did you mean 'codex'\?"):
        names.entry_point("codx", source="here.toml:3")


def test_a_name_may_be_written_in_any_way() -> None:
    assert names.parse_backend_type(" Claude_Code ") == "claude"
    assert names.canonical_name("Some_Agent") == "some-agent"
