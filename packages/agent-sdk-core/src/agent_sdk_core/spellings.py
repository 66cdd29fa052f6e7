"""Spellings of what the official packages' objects and calls have, each with what it is called here.

Loaded only when a name was not found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_OPTIONS: Final[Mapping[str, str]] = {
    "allowedTools": "allowed_tools",
    "disallowedTools": "disallowed_tools",
    "approval_policy": "permission_mode",
    "approvalPolicy": "permission_mode",
    "approval_mode": "permission_mode",
    "permissionMode": "permission_mode",
    "mcpServers": "mcp_servers",
    "maxTurns": "max_turns",
    "maxBudgetUsd": "max_budget_usd",
    "systemPrompt": "system_prompt",
    "base_instructions": "system_prompt",
    "baseInstructions": "system_prompt",
    "developer_instructions": "append_system_prompt",
    "developerInstructions": "append_system_prompt",
    "appendSystemPrompt": "append_system_prompt",
    "settingSources": "setting_sources",
    "canUseTool": "can_use_tool",
    "addDirs": "add_dirs",
    "additionalDirectories": "add_dirs",
    "writable_roots": "add_dirs",
    "includePartialMessages": "include_partial_messages",
    "outputFormat": "output_schema",
    "output_format": "output_schema",
    "outputSchema": "output_schema",
    "effort": "reasoning_effort",
    "model_reasoning_effort": "reasoning_effort",
    "modelReasoningEffort": "reasoning_effort",
    "thinking": "max_thinking_tokens",
    "maxThinkingTokens": "max_thinking_tokens",
    "summary": "reasoning_summary",
    "serviceTier": "service_tier",
    "fallbackModel": "fallback_model",
    "strict_mcp_config": "strict_mcp_servers",
    "strictMcpConfig": "strict_mcp_servers",
    "sandbox_mode": "sandbox",
    "sandboxMode": "sandbox",
    "sandbox_policy": "sandbox",
    "fork_session": "fork",
    "forkSession": "fork",
    "resume_session_at": "fork_at",
    "continue_conversation": "resume",
    "thread_id": "resume",
    "sessionId": "session_id",
    "cwd_path": "cwd",
    "working_directory": "cwd",
    "workingDirectory": "cwd",
    "extra_args": "native",
    "config": "settings",
    "config_overrides": "settings",
}
"""Options that have another name here."""

_ELSEWHERE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("stderr", "debug_stderr"), "what the agent logs is read by backend.logs()"),
    "max_buffer_size": "none is needed, for a line may have 64 MiB",
    "session_store": "ClaudeBackend(session_store=…) takes it",
    "session_store_flush": "a session_store of ClaudeBackend is always written at once",
    "permission_prompt_tool_name": "can_use_tool takes an async function that is asked instead",
    "client_app": "create_backend(…, client_name=…, client_version=…) takes it",
    "include_hook_events": "hooks are functions of yours: hooks=Hooks(…)",
    **dict.fromkeys(
        ("user", "forward_subagent_text", "verbatim_prompts", "resume_drops_turn", "enable_file_checkpointing"),
        "there is nothing of the kind here",
    ),
}
"""Options of claude-agent-sdk that a session does not take, each with where it went."""

_BACKEND_OPTIONS: Final[Mapping[str, str]] = {
    "cli_path": "executable",
    "codex_bin": "executable",
    "path_to_claude_code_executable": "executable",
    "load_timeout_ms": "startup_timeout",
}
"""What a backend takes under another name, or a session does not take at all."""

_CALLS: Final[Mapping[str, Mapping[str, str]]] = {
    "Allow": {
        "updatedInput": "updated_input",
        "input": "updated_input",
        **dict.fromkeys(("updated_permissions", "updatedPermissions", "permission_updates", "suggestions"), "updates"),
    },
    "PermissionUpdate": {"ruleContent": "rules", "behaviour": "behavior", "dirs": "directories"},
    "Deny": {"reason": "message"},
    "query": {"model": "options", "cwd": "options", "transport": "backend"},
    "AgentSession.query": {"input": "prompt", "text": "prompt"},
    "AgentSession.send": {"input": "prompt", "text": "prompt", "message": "prompt"},
    "AgentBackend.list_sessions": {"directory": "cwd"},
    "AgentBackend.read_history": {"thread_id": "session_id", "offset": "cursor"},
}
"""Parameters of calls that have another name here."""

_GRANT: Final = (
    'write Allow("session") to grant more than this call, Allow(updates=[PermissionUpdate(…)]) to change rules, or '
    "return the answer of one of request.options, each of which says exactly what it grants and where that is kept"
)
_STOP: Final = "write Deny(interrupt=True) to end the turn as well"

_INSTEAD: Final[Mapping[str, Mapping[str, str]]] = {
    "query": {
        name: f"a backend does: query(…, backend=create_backend(…, {_BACKEND_OPTIONS.get(name, name)}=…))"
        for name in ("executable", "startup_timeout", "wire_log", "url", "token", "client_name", *_BACKEND_OPTIONS)
    },
    "Allow": {
        **dict.fromkeys(
            (*("permissions", "permission_suggestions", "rule", "rules", "destination", "decision", "for_session"),),
            _GRANT,
        ),
        "mode": 'write Allow(updates=[PermissionUpdate("set_mode", mode=…)]) to change the mode as well',
        "behavior": "an Allow is one by itself, and a Deny refuses",
        "message": "only a Deny has one",
        "interrupt": _STOP,
    },
    "Deny": {
        "behavior": "a Deny is one by itself, and an Allow lets the tool run",
        "stop": _STOP,
        "updated_input": "write Allow(updated_input=…) to have something else run",
    },
}
"""Parameters of the official packages that have no equal here, each with what to write instead."""

_SESSION: Final[Mapping[str, str]] = {
    "receive_response": "iterate the turn: `async for message in session.query(prompt)`",
    "receive_messages": "iterate `session.messages()`",
    "connect": "a session is made by `backend.create_session(SessionOptions(…))`, and is connected",
    "disconnect": "close it with `await session.aclose()`, or by `async with`",
    "close": "close it with `await session.aclose()`, or by `async with`",
    "turn": "a turn is made by `session.query(prompt)`",
    "stream": "iterate the turn: `async for message in session.query(prompt)`",
    "stream_text": "iterate the turn: `async for message in session.query(prompt)`",
    "steer": 'steer with `await session.send(prompt, priority="steer")`',
    "read": "read it with `await session.history()`",
    "set_name": "name it with `await backend.rename_session(session_id, title)`",
    "rename": "name it with `await backend.rename_session(session_id, title)`",
    "id": "its id is `session.session_id`",
    "thread_id": "its id is `session.session_id`",
    "get_context_usage": "ask with `await session.usage()`",
    "get_server_info": "what it runs with is `session.info`",
    "get_mcp_status": "ask with `await session.mcp_status()`",
    "set_effort": "set it with `await session.set_reasoning_effort(effort)`",
}

_BACKEND: Final[Mapping[str, str]] = {
    "thread_start": "open a session with `await backend.create_session(SessionOptions(…))`",
    "thread_resume": "resume one with `await backend.resume(session_id)`",
    "thread_fork": "copy one with `SessionOptions(resume=session_id, fork=True)`, or `await session.fork()`",
    "thread_list": "list them with `await backend.list_sessions()`",
    "thread_archive": "archive it with `await backend.archive_session(session_id)`",
    "thread_unarchive": "bring it back with `await backend.unarchive_session(session_id)`",
    "thread_read": "read it with `await backend.read_history(session_id)`",
    "models": "list them with `await backend.list_models()`",
    "metadata": "what it found at its start is told by `backend.events()` and `await backend.diagnose()`",
    "login_api_key": 'log in with `await backend.login("api_key", api_key=Secret(key))`',
    "login_chatgpt": "log in with `async with await backend.login() as login`",
    "login_chatgpt_device_code": 'log in with `async with await backend.login("device_code") as login`',
    "close": "close it with `await backend.aclose()`, or by `async with`",
    "connect": "start it with `await backend.start()`, or by `async with`",
    "disconnect": "close it with `await backend.aclose()`, or by `async with`",
    "query": "ask in a session: `session = await backend.create_session()`, then `session.query(prompt)`",
    "get_session_messages": "read it with `await backend.read_history(session_id)`",
}

_TURN: Final[Mapping[str, str]] = {
    "final_response": "the answer is `turn.text`, once the turn has ended",
    "stream": "iterate the turn itself: `async for message in turn`",
    "steer": 'steer with `await session.send(prompt, priority="steer")`',
    "id": "its id is `turn.uuid`",
    "run": "wait for its end with `await turn`",
    "usage": "what it used is `turn.result.usage`",
    "items": "iterate the turn itself: `async for message in turn`",
}

_PERMISSION: Final[Mapping[str, str]] = {
    "name": "the tool is `request.tool_name`",
    "tool": "the tool is `request.tool_name`",
    "tool_input": "its arguments are `request.input`",
    "arguments": "its arguments are `request.input`",
    "command": 'its arguments are `request.input`, such as `request.input["command"]`',
    "context": "what claude-agent-sdk calls the context stands in the request itself",
    **dict.fromkeys(
        ("suggestions", "permission_suggestions"),
        "what can be granted is `request.options`, each with the answer to return and, as `updates`, its rules",
    ),
    "available_decisions": "what can be granted is `request.options`, each with the answer to return",
    "signal": "whether an answer is still wanted is `request.settled`",
    "decision_reason": "why it is asked is `request.reason`",
    "description": "why it is asked is `request.reason`",
    "title": "why it is asked is `request.reason`",
    "id": "its id is `request.request_id`",
}

_PLACES: Final[Mapping[str, Mapping[str, str]]] = {
    "AgentSession": _SESSION,
    "AgentBackend": _BACKEND,
    "Turn": _TURN,
    "PermissionRequest": _PERMISSION,
}


_PLAIN: Final = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"`await turn`", "`turn.wait()`"),
        (r"await ((?:\w+\.)?query\([^)]*\))", r"\1.wait()"),
        (r"async with await ", "with "),
        (r"async (with|for)", r"\1"),
        (r"await ", ""),
        (r"Await it", "Wait for it"),
        (r"\baclose\b", "close"),
    )
)
"""What advice for the async face is where nothing is awaited."""


def spelled(call: str, name: str) -> str | None:
    """Return what a parameter, or an option, is called here.

    Args:
        call: What was called, such as "SessionOptions" or "AgentSession.send".
        name: How it was written.
    """
    if call in ("SessionOptions", "TurnOptions"):
        return _OPTIONS.get(name)
    return _BACKEND_OPTIONS.get(name) if call.endswith("Backend") else _CALLS.get(call, {}).get(name)


def instead(call: str, name: str) -> str | None:
    """Return what to write instead of a parameter that has no equal here."""
    return _INSTEAD.get(call, {}).get(name)


def elsewhere(option: str) -> str | None:
    """Return where something went that is an option of a session in claude-agent-sdk, and none here."""
    return _ELSEWHERE.get(option)


def belongs_to_backend(option: str) -> str | None:
    """Return the argument of `create_backend` that an option of a session is meant for, or None."""
    return _BACKEND_OPTIONS.get(option)


def no_attribute(interface: str, owner: object, name: str, *, synchronous: bool = False) -> AttributeError:
    """Return the error for a name that an object does not have, with what to write instead where it is known.

    Args:
        interface: What the object is, such as "AgentSession".
        owner: The object.
        name: The name.
        synchronous: Whether the object is of the synchronous face.
    """
    sentence = f"{type(owner).__name__!r} object has no attribute {name!r}"
    known = _PLACES.get(interface, {}).get(name)
    if synchronous:
        known = "here it is `close()`" if name == "aclose" else known and without_async(known)
    return AttributeError(f"{sentence}: {known}." if known else sentence, name=name, obj=owner)


def without_async(advice: str) -> str:
    """Return advice as it is for the synchronous face."""
    for pattern, plain in _PLAIN:
        advice = pattern.sub(plain, advice)
    return advice
