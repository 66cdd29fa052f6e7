"""Build the VS Code extension: lint, types, its own tests, and `dist/agent-sdk.vsix`, the same bytes each time."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.vscode.installing import npm
from tests.vscode.packaging import package

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "editors" / "vscode"
VSIX = ROOT / "dist" / "agent-sdk.vsix"


def main() -> None:
    """Build it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-tests", action="store_true", help="build the package alone")
    given = parser.parse_args()
    steps = [["ci", "--ignore-scripts", "--prefer-offline"]]
    if not given.no_tests:
        steps += [["run", "lint"], ["run", "check"], ["test"]]
    for step in steps:
        print("npm", *step, flush=True)
        npm(*step, cwd=SOURCES)
    VSIX.parent.mkdir(exist_ok=True)
    package(SOURCES, VSIX)
    print(f"Packaged: {VSIX.relative_to(ROOT)}")


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(str(error))
