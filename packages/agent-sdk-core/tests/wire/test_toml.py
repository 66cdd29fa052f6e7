from __future__ import annotations

import tomllib

import pytest

from agent_sdk_core.wire.toml import toml_key, toml_value

VALUE: dict[str, object] = {
    "text": 'a "b" \\ \x7f é \U0001f600\n',
    "odd key.": [1, 2.5, True, False, {"deep": {}}],
    "empty": [],
}


def test_a_value_is_read_back_as_it_was() -> None:
    assert tomllib.loads(f"{toml_key('odd key')} = {toml_value(VALUE)}") == {"odd key": VALUE}


def test_what_toml_has_no_form_for_is_refused() -> None:
    with pytest.raises(ValueError, match="None has no form in TOML; leave it out"):
        toml_value({"a": [None]})
