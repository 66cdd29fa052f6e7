"""The codex executable: where it is looked for, and which versions of it this package works with."""

from __future__ import annotations

from typing import Final

from agent_sdk_core.transport.process.executable import ExecutableSearch, VersionRange

MINIMUM_VERSION: Final = (0, 133, 0)
"""Oldest version that sessions with approvals and patches have run on; its protocol lacks some of what is used here."""

TESTED_VERSION: Final = (0, 163, 0)
"""The pinned version, which the extra brings and the protocol is generated from."""

TESTED_VERSIONS: Final = ((0, 162, 1), TESTED_VERSION, (0, 169, 0), (0, 171, 0))
"""Those that the contract suite has run with, oldest first; any other works as far as its protocol does.

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
    tested=TESTED_VERSIONS,
    advice="what its protocol lacks does not work. CodexBackend.check_protocol() says what that is.",
)
PATH_VARIABLE: Final = SEARCH.variable
find_executable = SEARCH.find
check_version = VERSIONS.check
tested_versions = VERSIONS.in_words
