"""What holds for every test: the configuration of the person who runs them has no part in it."""

from __future__ import annotations

import os

for _name in [name for name in os.environ if name.startswith("AGENT_SDK_") and not name.endswith("_PATH")]:
    del os.environ[_name]
os.environ["AGENT_SDK_CONFIG"] = os.devnull
