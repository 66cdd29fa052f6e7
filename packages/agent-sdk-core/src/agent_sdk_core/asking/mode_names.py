"""The spellings of a permission mode: ours, the agents' own, and words of theirs that are taken for one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, get_args

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import nearest

PermissionMode = Literal["default", "accept_edits", "plan", "auto", "dont_ask", "bypass"]
"""How much the agent may do unasked; docs/permissions.md says what each means to each agent.

Claude's own spellings, such as "acceptEdits" and "bypassPermissions", are taken wherever a mode is.
"""

MODES: Final[tuple[PermissionMode, ...]] = get_args(PermissionMode)
"""The permission modes, from what asks most to what never asks."""

_SEPARATORS: Final = re.compile(r"[\s_-]+")
_SPELLINGS: Final[Mapping[str, PermissionMode]] = {
    **{mode.replace("_", ""): mode for mode in MODES},
    "manual": "default",  # as claude's command line has it
    "bypasspermissions": "bypass",
}
_POLICIES: Final = frozenset({"onrequest", "onfailure", "never", "untrusted", "unlesstrusted", "granular"})
_SANDBOXES: Final[Mapping[str, str]] = {
    "readonly": "read-only",
    "workspacewrite": "workspace-write",
    "dangerfullaccess": "danger-full-access",
}


def mode_of(name: str) -> str:
    """Return the mode that a name means, or the name itself if it means none.

    Upper case, spaces, hyphens and underscores make no difference.

    Raises:
        InvalidRequestError: It is a word of Codex's for something else; the message says for what, and what to take.
    """
    folded = _SEPARATORS.sub("", name.casefold())
    if folded in _POLICIES:
        raise InvalidRequestError(
            f"{name!r} is an approval policy of Codex and no permission mode: a mode says what may be done unasked, "
            f"with either agent. Take one of {', '.join(MODES)}; for the policy alone, "
            "native={'approvalPolicy': …} of the codex backend."
        )
    if folded in _SANDBOXES:
        raise InvalidRequestError(
            f"{name!r} is a sandbox and no permission mode: SessionOptions(sandbox=SandboxPolicy("
            f"mode={_SANDBOXES[folded]!r}))."
        )
    return _SPELLINGS.get(folded, name)


def parse_mode(name: str, *, backend: str | None = None) -> PermissionMode:
    """Return the mode that a name means.

    Args:
        name: Any spelling of it.
        backend: Name of the backend, for the error.

    Raises:
        InvalidRequestError: It means none; the message names the nearest, or all there are.
    """
    mode = mode_of(name)
    if mode in MODES:
        return mode
    meant = nearest(name, MODES)
    hint = f"did you mean {meant!r}?" if meant else f"there are: {', '.join(MODES)}."
    raise InvalidRequestError(f"There is no permission mode {name!r}; {hint}", backend=backend)
