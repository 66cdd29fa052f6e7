"""Names of methods in each version, and the codes of errors.

`tests/protocol/test_census.py` holds them to the published schemas.
"""

from __future__ import annotations

from typing import Final

INITIALIZE: Final = "initialize"
LOGIN: Final = "auth/login"
LOGOUT: Final = "auth/logout"
AUTH_STATUS: Final = "auth/status"
NEW: Final = "session/new"
LOAD: Final = "session/load"
RESUME: Final = "session/resume"
FORK: Final = "session/fork"
LIST: Final = "session/list"
CLOSE: Final = "session/close"
DELETE: Final = "session/delete"
ARCHIVE: Final = "session/archive"
UNARCHIVE: Final = "session/unarchive"
STATUS: Final = "session/status"
SET_TITLE: Final = "session/set_title"
PROMPT: Final = "session/prompt"
CANCEL: Final = "session/cancel"
SET_MODE: Final = "session/set_mode"
SET_CONFIG_OPTION: Final = "session/set_config_option"
UPDATE: Final = "session/update"
REQUEST_PERMISSION: Final = "session/request_permission"
CREATE_ELICITATION: Final = "elicitation/create"
COMPLETE_ELICITATION: Final = "elicitation/complete"
CANCEL_TOOL_CALL: Final = "tool_call/cancel"
CANCEL_TERMINAL: Final = "terminal/cancel"
CANCEL_REQUEST: Final = "$/cancel_request"
STEER: Final = "_session/steering"
"""An extension of both official adapters: a prompt joins the running turn. Its sign is `steering` in `_meta`."""
BARRIER: Final = "_agent_sdk/barrier"
"""Ours, which no agent knows: the refusal stands behind what was told before it."""

V1_LOGIN: Final = "authenticate"
V1_LOGOUT: Final = "logout"

_SHARED: Final = (INITIALIZE, NEW, RESUME, LIST, CLOSE, DELETE, PROMPT, CANCEL, SET_CONFIG_OPTION)
_UNSTABLE: Final = (AUTH_STATUS, FORK, ARCHIVE, UNARCHIVE, STATUS, SET_TITLE, "mcp/message")
_PROVIDERS: Final = ("providers/list", "providers/set", "providers/disable")
_FILES: Final = ("fs/read_text_file", "fs/write_text_file")
_TERMINALS: Final = tuple(f"terminal/{each}" for each in ("create", "output", "wait_for_exit", "kill", "release"))

TO_AGENT: Final[dict[int, frozenset[str]]] = {
    1: frozenset({*_SHARED, LOAD, SET_MODE, V1_LOGIN, V1_LOGOUT}),
    2: frozenset({*_SHARED, LOGIN, LOGOUT, CANCEL_TOOL_CALL, CANCEL_TERMINAL}),
}
"""Requests and notifications of a client, the stable ones, by version."""

TO_AGENT_UNSTABLE: Final[dict[int, frozenset[str]]] = {
    version: methods | {*_UNSTABLE, *_PROVIDERS} for version, methods in TO_AGENT.items()
}
"""The same, with those that are not part of the specification yet."""

_ASKED: Final = (UPDATE, REQUEST_PERMISSION, CREATE_ELICITATION, COMPLETE_ELICITATION)
TO_CLIENT: Final[dict[int, frozenset[str]]] = {
    1: frozenset({*_ASKED, *_FILES, *_TERMINALS}),
    2: frozenset(_ASKED),
}
"""Requests and notifications of an agent, the stable ones, by version."""

TO_CLIENT_UNSTABLE: Final[dict[int, frozenset[str]]] = {
    version: methods | {"mcp/message", "auth/status_update"} for version, methods in TO_CLIENT.items()
}
"""The same, with those that are not part of the specification yet."""

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
REQUEST_CANCELLED: Final = -32800
AUTH_REQUIRED: Final = -32000
NOT_FOUND: Final = -32002
UNSUPPORTED_VERSION: Final = -32022
"""Version 2 only."""

ERROR_CODES: Final[dict[int, frozenset[int]]] = {
    1: frozenset(
        {
            *(PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR),
            *(REQUEST_CANCELLED, AUTH_REQUIRED, NOT_FOUND),
        }
    ),
}
"""Codes of errors that a version names."""
ERROR_CODES[2] = ERROR_CODES[1] | {UNSUPPORTED_VERSION}
