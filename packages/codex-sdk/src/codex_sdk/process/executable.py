"""The codex executable: where it is looked for, and which versions of it this package works with."""

from __future__ import annotations

from typing import Final

from agent_sdk_core.transport.process.executable import ExecutableSearch, VersionRange

MINIMUM_VERSION: Final = (0, 133, 0)
"""Oldest version that sessions with approvals and patches have run on; its protocol lacks some of what is used here."""

OLDEST_TESTED_VERSION: Final = (0, 162, 1)
TESTED_VERSION: Final = (0, 163, 0)
"""Oldest and newest version that the test suite runs with; one outside this range works as far as the protocol does.

0.155.1 fails one behaviour of the suite, but one to rely on: tools inherit everything, whatever `inherit_env` says.
"""

SEARCH: Final = ExecutableSearch(
    name="codex",
    variable="AGENT_SDK_CODEX_PATH",
    bundled=("codex_cli_bin", "bin/codex"),  # of the distribution openai-codex-cli-bin
    advice='Install it with `pip install "agent-sdk[codex]"`, or point AGENT_SDK_CODEX_PATH at an installed one.',
)
VERSIONS: Final = VersionRange(
    SEARCH,
    minimum=MINIMUM_VERSION,
    oldest=OLDEST_TESTED_VERSION,
    newest=TESTED_VERSION,
    advice="what its protocol lacks does not work. CodexBackend.check_protocol() says what that is.",
    counted=2,  # Neither 0.162.1 nor 0.159.3 changed the protocol of the release that it corrects, in one word.
)
PATH_VARIABLE: Final = SEARCH.variable
find_executable = SEARCH.find
check_version = VERSIONS.check
tested_range = VERSIONS.tested
