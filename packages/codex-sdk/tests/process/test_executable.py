from __future__ import annotations

import os
from pathlib import Path

from codex_sdk import CodexBackend
from codex_sdk.process.executable import (
    MINIMUM_VERSION,
    PATH_VARIABLE,
    TESTED_VERSION,
    TESTED_VERSIONS,
    check_version,
    find_executable,
)


def test_the_backend_finds_the_executable_that_is_bundled() -> None:
    found = find_executable(None, {})
    assert found.is_absolute()
    assert os.access(found, os.X_OK)
    assert find_executable(None, {PATH_VARIABLE: str(found)}) == found
    assert CodexBackend.locate().is_absolute()


def test_the_declared_versions_are_in_order() -> None:
    assert sorted({MINIMUM_VERSION, *TESTED_VERSIONS}) == [MINIMUM_VERSION, *TESTED_VERSIONS]
    assert TESTED_VERSION in TESTED_VERSIONS
    assert check_version(TESTED_VERSION, Path("/x/codex")) is None
    newer = (TESTED_VERSIONS[-1][0], TESTED_VERSIONS[-1][1] + 1, 0)
    assert "check_protocol" in str(check_version(newer, Path("/x/codex")))


def test_a_correction_of_a_tested_release_is_not_tested_by_it() -> None:
    for release in TESTED_VERSIONS:
        assert "tested with" in str(check_version((release[0], release[1], 99), Path("/x/codex")))
