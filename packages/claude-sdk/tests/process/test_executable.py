from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent_sdk_core import UnsupportedVersionError
from claude_sdk import ClaudeBackend
from claude_sdk.process.executable import (
    MINIMUM_VERSION,
    PATH_VARIABLE,
    TESTED_VERSION,
    TESTED_VERSIONS,
    UNTOLD_VERSION,
    check_version,
    find_executable,
)


def test_the_backend_finds_the_executable_that_is_bundled() -> None:
    found = find_executable(None, {})
    assert found.is_absolute()
    assert os.access(found, os.X_OK)
    assert find_executable(None, {PATH_VARIABLE: str(found)}) == found
    assert ClaudeBackend.locate().is_absolute()


def test_the_declared_versions_are_in_order() -> None:
    assert sorted({MINIMUM_VERSION, *TESTED_VERSIONS}) == [MINIMUM_VERSION, *TESTED_VERSIONS]
    assert TESTED_VERSION in TESTED_VERSIONS
    assert check_version(TESTED_VERSION, Path("/x/claude")) is None
    newer = (*TESTED_VERSIONS[-1][:2], TESTED_VERSIONS[-1][2] + 1)
    assert "what it lacks does not work" in str(check_version(newer, Path("/x/claude")))


def test_one_that_does_not_tell_its_version_is_too_old() -> None:
    with pytest.raises(UnsupportedVersionError, match="an old claude that does not tell its version"):
        check_version(UNTOLD_VERSION, Path("/x/claude"))
