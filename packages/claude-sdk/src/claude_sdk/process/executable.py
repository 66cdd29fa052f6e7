"""The claude executable: where it is looked for, and which versions of it this package works with."""

from __future__ import annotations

from typing import Final

from agent_sdk_core.transport.process.executable import ExecutableSearch, VersionRange

MINIMUM_VERSION: Final = (2, 1, 306)
"""Oldest version that whole sessions have run on; some twenty before it, claude did not tell its version yet."""

UNTOLD_VERSION: Final = (2, 0, 0)
"""What a claude counts as that greets without a version, as those up to 2.1.283 do."""

TESTED_VERSION: Final = (2, 1, 332)
"""The pinned version, which the extra brings."""

TESTED_VERSIONS: Final = ((2, 1, 329), TESTED_VERSION)
"""Those that the contract suite has run with, oldest first; any other works as far as the protocol does."""

SEARCH: Final = ExecutableSearch(
    name="claude",
    variable="AGENT_SDK_CLAUDE_PATH",
    bundled=("claude_agent_sdk", "_bundled/claude"),
    advice='Install it with `pip install "agent-sdk[claude]"`, or point AGENT_SDK_CLAUDE_PATH at an installed one.',
    installed=".local/bin/claude",
)
VERSIONS: Final = VersionRange(
    SEARCH,
    minimum=MINIMUM_VERSION,
    tested=TESTED_VERSIONS,
    advice="what it lacks does not work.",
    untold=UNTOLD_VERSION,
)
PATH_VARIABLE: Final = SEARCH.variable
find_executable = SEARCH.find
check_version = VERSIONS.check
tested_versions = VERSIONS.in_words
