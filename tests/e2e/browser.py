"""Chromium of the system: found, or installed where that is possible; run as a module it says what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

NAMES: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Executables; first the one without windows, whose tabs cost a quarter of the processor's time."""

PACKAGES: Final = (("chromium-headless-shell", "fonts-dejavu-core"), ("chromium", "fonts-dejavu-core"))
"""What to install, until a browser is there."""

ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing but this machine is reached
)


def find_chromium() -> Path | None:
    """Return the browser, or None."""
    named = os.environ.get("AGENT_SDK_CHROMIUM")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    return None if found is None else Path(found)


def main() -> int:
    """Install Chromium with apt where that may be done, and say what is missing."""
    if find_chromium() is None and shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        for packages in PACKAGES:
            if find_chromium() is None:
                subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], check=False)
    if (found := find_chromium()) is None:
        print(f"Chromium is missing: install it ({' '.join(PACKAGES[-1])}), or name it in AGENT_SDK_CHROMIUM.")
        return 1
    print(f"The browser is {found}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
