from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_sdk_testing.agents.toml import TomlValue, dumps

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_SCALARS = st.one_of(_TEXT, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(_TEXT, _VALUES, max_size=4))
def test_what_is_written_reads_back_equal(table: dict[str, Any]) -> None:
    assert tomllib.loads(dumps(table)) == table


def test_tables_get_headers_and_keys_are_quoted_where_needed() -> None:
    table: dict[str, TomlValue] = {"model": "m", "mcp_servers": {"my server": {"args": ["a", {"b": 1}]}}, "empty": {}}
    assert dumps(table) == ('model = "m"\n\n[mcp_servers."my server"]\nargs = ["a", { b = 1 }]\n\n[empty]\n')


def test_a_value_without_a_toml_form_is_refused() -> None:
    with pytest.raises(ValueError, match="None has no form in TOML"):
        dumps({"a": None})  # pyright: ignore[reportArgumentType]  # what is refused
