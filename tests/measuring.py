"""Coverage of the workers that run the tests: `pytest -n 4 -p tests.measuring`.

Coverage's own way measures whatever Python a test starts as well, at twice the time of each. What only another process
runs counts as not covered here.
"""

from __future__ import annotations

import os
from typing import Any

import coverage
import pytest

_WORKER = os.environ.get("PYTEST_XDIST_WORKER")
_measured = coverage.Coverage(data_suffix=True)
_begun = _WORKER == "gw0"
if _begun:  # What the import of a module runs is seen by one of them.
    _measured.start()


def pytest_collection_finish(session: Any) -> None:
    """Begin where the tests are collected, unless the workers run them; a hook of pytest."""
    global _begun
    if not _begun and (_WORKER is not None or not session.config.getoption("numprocesses", None)):
        _measured.start()
        _begun = True


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Write down what was measured; a hook of pytest."""
    if _begun:
        _measured.stop()
        _measured.save()
