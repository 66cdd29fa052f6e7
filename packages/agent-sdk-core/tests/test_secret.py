from __future__ import annotations

import copy
import json
import pickle

import pytest
from pydantic import BaseModel, ValidationError

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.secret import REDACTED, Secret


class Holder(BaseModel):
    secret: Secret


def test_nothing_but_reveal_shows_it() -> None:
    secret = Secret("sk-1")
    assert secret.reveal() == "sk-1"
    assert f"{secret:>5}" == f"{REDACTED:>5}"
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", "%s" % secret, repr([secret])):  # noqa: UP031  # each way to show it
        assert "sk-1" not in shown
        assert REDACTED in shown


def test_a_model_takes_text_or_a_secret_and_writes_asterisks_to_json() -> None:
    for given in ("sk-1", Secret("sk-1")):
        holder = Holder.model_validate({"secret": given})
        assert holder.secret == Secret("sk-1")
        assert json.loads(holder.model_dump_json()) == {"secret": REDACTED}
        assert "sk-1" not in repr(holder)
    assert Holder.model_validate_json('{"secret": "sk-1"}').secret.reveal() == "sk-1"
    assert Holder(secret=Secret("sk-1")).model_dump()["secret"] == Secret("sk-1")
    with pytest.raises(ValidationError, match="string"):
        Holder.model_validate({"secret": 5})


def test_secrets_compare_by_what_they_hold() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"
    secret = Secret("a")
    assert copy.copy(secret) is copy.deepcopy([secret])[0] is secret


def test_it_is_not_pickled() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(InvalidRequestError, match="not pickled"):
            pickle.dumps({"key": Secret("a")}, protocol)
