from __future__ import annotations

from typing import Any

from codex_sdk.normalizer import wire

ODD: dict[str, Any] = {"a": None, "b": True, "c": [1, "x", {}], "d": {}, "e": "text", "f": 3}


def test_what_is_of_another_type_reads_as_absent() -> None:
    assert [wire.text(ODD, key) for key in "abcdef"] == ["", "", "", "", "text", ""]
    assert [wire.optional_text(ODD, key) for key in "aef"] == [None, "text", None]
    assert [wire.integer(ODD, key) for key in "abf"] == [None, None, 3]
    assert wire.record(ODD, "e") == {}
    assert wire.records(ODD, "c") == [{}]
    assert wire.records(ODD, "e") == []
    assert wire.texts(ODD, "c") == ["x"]
    assert wire.texts(ODD, "a") == []
