"""What holds for every test: neither the configuration of the person who runs them nor how they are run has a part."""

from __future__ import annotations

import os
import signal

for _name in [name for name in os.environ if name.startswith("AGENT_SDK_") and not name.endswith("_PATH")]:
    del os.environ[_name]
os.environ["AGENT_SDK_CONFIG"] = os.devnull
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # A shell that runs them in the background has it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
