from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import InvalidRequestError, SandboxPolicy, TurnOptions, UnsupportedOptionError


def test_what_is_left_out_says_nothing() -> None:
    assert TurnOptions().chosen == {}
    options = TurnOptions(model="m", cwd="x", sandbox=SandboxPolicy(mode="read-only"))
    assert set(options.chosen) == {"model", "cwd", "sandbox"}
    assert options == TurnOptions.model_validate({"model": "m", "cwd": "x", "sandbox": {"mode": "read-only"}})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"modle": "m"}, r"TurnOptions\.modle does not exist; did you mean 'model'\?"),
        ({"model": 5}, r"TurnOptions\.model must be text"),
        (
            {"permission_mode": "never"},
            r"TurnOptions\.permission_mode cannot be this: 'never' is an approval policy of Codex",
        ),
        ({"output_schema": []}, r"TurnOptions\.output_schema must be a table"),
        ({"sandbox": {"mode": "none"}}, r"TurnOptions\.sandbox is wrong"),
    ],
)
def test_a_wrong_value_is_told_by_its_name(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        TurnOptions.model_validate(given)
    with pytest.raises(InvalidRequestError, match=told):
        TurnOptions().model_copy(update=given)


def test_options_are_frozen() -> None:
    options: Any = TurnOptions(model="m")
    with pytest.raises(InvalidRequestError, match="cannot be changed"):
        options.model = "n"


def test_what_a_backend_cannot_change_is_named() -> None:
    TurnOptions().require_supported("mini", ())
    TurnOptions(model="m").require_supported("mini", {"model"})
    with pytest.raises(
        UnsupportedOptionError, match=r"mini .*TurnOptions\.cwd: for one turn it can change model\."
    ) as one:
        TurnOptions(model="m", cwd=".").require_supported("mini", {"model"})
    assert (one.value.backend, one.value.details["option"]) == ("mini", "cwd")
    with pytest.raises(UnsupportedOptionError, match="it can change nothing"):
        TurnOptions(model="m").require_supported("mini", ())
