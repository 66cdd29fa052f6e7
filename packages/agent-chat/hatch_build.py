"""The page in the distribution: built into the source archive, from which wheels take it as it is."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface[Any]):
    """Builds the page for the source archive; a wheel without it is refused."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Do so before the files are collected."""
        del build_data
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "src" / "agent_chat" / "web"))
        # Without its package, whose dependencies are not here.
        bundle: Any = importlib.import_module("bundle")
        if bundle.is_built():
            return
        if self.target_name == "wheel":
            raise RuntimeError("The page is not built: build the source archive first, or run `uv run nox -s web`.")
        bundle.build(self.app.display_info, anew=False)
