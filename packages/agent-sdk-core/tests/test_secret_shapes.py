"""The shapes of secrets are found where every place would be tried, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from agent_sdk_core.secret_shapes import secret_shapes, shapes

FRAGMENTS: Final = (
    "Proxy-Authorization: Basic ",
    "authorization=",
    '"Authorization": "',
    "BEARER  ",
    "api_key",
    "ACCESS-KEY: ",
    "secretary: ",
    "client_secret_of = ",
    "token: ",
    "tokens: ",
    "passphrase='",
    "https://user:",
    "@host/",
    "://",
    "sk-",
    "task-",
    "sk_live_",
    "rk_test_",
    "ghp_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "AKIA",
    "AIza",
    "hf_",
    "npm_",
    "eyJ",
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----END RSA PRIVATE KEY-----",
    "abcdefgh",
    "ABCDEFGHIJKLMNOP",
    "0123456789012345678901234567890123456789",
    "\\n",
    "\\u00e4",
    ".",
    " ",
    "\n",
    ";",
    "_",
    "\u0130",
    "\u212a",
    "\u017f",
)


def masked(text: str, found: Iterable[re.Match[str]]) -> str:
    told, shown = 0, ""
    for each in found:
        shown += f"{text[told : each.start()]}{each['before'] or ''}*"
        told = each.end()
    return shown + text[told:]


@given(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=4), max_size=14), st.booleans())
def test_the_same_is_found_as_where_every_place_is_tried(pieces: list[str], upper: bool) -> None:
    text = "".join(pieces)
    text = text.upper() if upper else text
    assert masked(text, secret_shapes(text)) == masked(text, shapes().finditer(text))
