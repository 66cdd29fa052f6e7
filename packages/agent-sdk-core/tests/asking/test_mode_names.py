from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from agent_sdk_core import InvalidRequestError, RuntimeConfig, SessionOptions
from agent_sdk_core.asking.mode_names import MODES, mode_of, parse_mode

SPELLINGS = {
    "acceptEdits": "accept_edits",
    "accept-edits": "accept_edits",
    "Accept Edits": "accept_edits",
    "bypassPermissions": "bypass",
    "dontAsk": "dont_ask",
    "manual": "default",
}


@pytest.mark.parametrize(("name", "mode"), [*SPELLINGS.items(), *((mode, mode) for mode in MODES)])
def test_a_mode_is_found_by_ours_and_by_the_agents_spelling_wherever_it_is_taken(
    name: str, mode: str, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(f'permission_mode = "{name}"\n')
    assert parse_mode(name) == mode
    assert SessionOptions(permission_mode=cast("Any", name)).permission_mode == mode
    assert RuntimeConfig.load(env={}, user_file=tmp_path / "config.toml").permission_mode == mode


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("on-request", "'on-request' is an approval policy of Codex and no permission mode"),
        ("never", "native={'approvalPolicy': …}"),
        ("workspace-write", r"SandboxPolicy(mode='workspace-write')"),
        ("dangerFullAccess", r"SandboxPolicy(mode='danger-full-access')"),
    ],
)
def test_a_word_of_codex_for_something_else_is_met_with_what_to_take(name: str, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        mode_of(name)
    assert words in caught.value.message
    with pytest.raises(InvalidRequestError) as caught:
        SessionOptions(permission_mode=cast("Any", name))
    assert words in caught.value.message
    with pytest.raises(InvalidRequestError, match="permission_mode"):
        RuntimeConfig(permission_mode=cast("Any", name))


def test_a_name_of_no_mode_names_the_nearest_or_all() -> None:
    with pytest.raises(InvalidRequestError, match=r"no permission mode 'accept_edit'; did you mean 'accept_edits'\?$"):
        parse_mode("accept_edit")
    with pytest.raises(InvalidRequestError, match=r"no permission mode 'x'; there are: default, .*bypass\.$") as caught:
        parse_mode("x", backend="claude")
    assert caught.value.backend == "claude"
    for odd in (1, ["plan"], "nope"):
        with pytest.raises(InvalidRequestError, match=r"^SessionOptions\.permission_mode must be 'default', "):
            SessionOptions(permission_mode=cast("Any", odd))
