from __future__ import annotations

import pytest

from agent_sdk_core.asking.escalations import is_within


@pytest.mark.parametrize(
    ("path", "cwd", "within"),
    [
        ("/w/a", "/w", True),
        ("a", "/w", True),
        ("/w", "/w/", True),
        ("/added/deep/a", "/w", True),
        ("/w/../x", "/w", False),
        ("/wide/a", "/w", False),
        ("~/a", "/w", False),
        ("/anything", "/", True),
        ("/w/a", None, False),
    ],
)
def test_a_path_is_within_the_folders_that_the_session_works_in(path: str, cwd: str | None, within: bool) -> None:
    assert is_within(path, cwd, ("/added/",)) is within
