"""What holds for every test: neither the configuration of the person who runs them nor how they are run has a part."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
from pathlib import Path

from hypothesis import settings

settings.register_profile("agent-sdk", deadline=None, derandomize=True)
settings.register_profile(
    "explore", deadline=None
)  # Other examples at each run: `pytest --hypothesis-profile=explore`.
settings.load_profile("agent-sdk")
_KEPT = ("_PATH", "_SCREENSHOTS")
for _name in [name for name in os.environ if name.startswith("AGENT_SDK_") and not name.endswith(_KEPT)]:
    del os.environ[_name]
os.environ["AGENT_SDK_CONFIG"] = os.devnull
os.environ["GIT_CEILING_DIRECTORIES"] = os.path.realpath(tempfile.gettempdir())  # It may be inside of a repository.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # A shell that runs them in the background has it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests start hundreds of interpreters: each would compile every module anew where the machine says to keep none.
sys.dont_write_bytecode = False
sys.pycache_prefix = str(Path(__file__).parent / ".cache" / "bytecode")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix


def pytest_collection() -> None:
    """Look for no garbage while tests are collected: there is hardly any, and all of them are looked at each time."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Pass over what was collected when garbage is, from now on."""
    gc.freeze()
    gc.enable()
