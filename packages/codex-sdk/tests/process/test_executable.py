from __future__ import annotations

import os
from pathlib import Path

from codex_sdk import CodexBackend
from codex_sdk.process.executable import (
    MINIMUM_VERSION,
    OLDEST_TESTED_VERSION,
    PATH_VARIABLE,
    TESTED_VERSION,
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
    versions: list[tuple[int, int, int]] = [MINIMUM_VERSION, OLDEST_TESTED_VERSION, TESTED_VERSION]
    assert sorted(versions) == versions
    assert check_version(TESTED_VERSION, Path("/x/codex")) is None
    newer = (TESTED_VERSION[0], TESTED_VERSION[1] + 1, 0)
    assert "check_protocol" in str(check_version(newer, Path("/x/codex")))


def test_a_correction_of_a_tested_release_counts_as_tested() -> None:
    for version in ((*TESTED_VERSION[:2], 99), (*OLDEST_TESTED_VERSION[:2], 0)):
        assert check_version(version, Path("/x/codex")) is None
