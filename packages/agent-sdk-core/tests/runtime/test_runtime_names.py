from __future__ import annotations

import pytest

from agent_sdk_core import runtime
from agent_sdk_core.runtime.session import BaseSession


def test_the_names_for_authors_of_backends_are_these() -> None:
    assert runtime.__all__ == [
        "BaseBackend",
        "BaseSession",
        "BoundedStream",
        "Broadcast",
        "Host",
        "Link",
        "PendingRequests",
        "Resolution",
        "SessionDriver",
        "SessionSink",
    ]
    assert all(getattr(runtime, name).__name__ == name for name in runtime.__all__)
    assert runtime.BaseSession is BaseSession


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        runtime.Nothing  # type: ignore[attr-defined]  # noqa: B018  # looking is what is tested
