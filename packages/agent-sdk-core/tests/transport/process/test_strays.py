from __future__ import annotations

import os
import signal
import subprocess

import pytest

from agent_sdk_core.transport.process.descendants import ProcessEntry
from agent_sdk_core.transport.process.strays import TAG_VARIABLE, Strays


def test_a_process_that_the_first_look_misses_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    root = subprocess.Popen(["sleep", "0"])
    root.wait()
    stray = subprocess.Popen(["sleep", "600"], env={**os.environ, TAG_VARIABLE: "missed"}, start_new_session=True)
    find, looks = Strays._find, 0  # pyright: ignore[reportPrivateUsage]  # what is made to miss one

    def late(strays: Strays) -> list[ProcessEntry]:
        nonlocal looks
        looks += 1
        return find(strays) if looks > 1 else []

    monkeypatch.setattr(Strays, "_find", late)
    try:
        assert Strays(root.pid, "missed").kill() == 0
        assert stray.wait(30) in (-signal.SIGKILL, 0)
    finally:
        stray.kill()
        stray.wait()
