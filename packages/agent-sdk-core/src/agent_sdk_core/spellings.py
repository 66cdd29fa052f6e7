"""Spellings of the official packages, each with what it is called here; loaded only when a name was not found."""

from __future__ import annotations

import sys
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

_SESSIONS: Final = "a session is made by `backend.create_session(SessionOptions(…))`"
_ERRORS: Final = "errors are `AgentError` and its subclasses, such as"

_PUBLIC: Final[Mapping[str, str]] = {
    "ClaudeSDKClient": f'here a backend makes sessions: `create_backend("claude")`, and {_SESSIONS}',
    "ClaudeAgentOptions": "the options of a session are `SessionOptions`",
    "ClaudeCodeOptions": "the options of a session are `SessionOptions`",
    "Codex": f'the backend is `create_backend("codex")`, and {_SESSIONS}',
    "AsyncCodex": f'the backend is `create_backend("codex")`, and {_SESSIONS}',
    "CodexConfig": '`create_backend("codex", executable=…, env=…)` takes what starts Codex, `SessionOptions` the rest',
    "Thread": "a thread is an `AgentSession`",
    "AsyncThread": "a thread is an `AgentSession`",
    "ThreadOptions": "the options of a session are `SessionOptions`",
    "thread_start": _SESSIONS,
    "thread_resume": "`await backend.resume(session_id)` resumes a session",
    "TurnHandle": "a turn is a `Turn`, made by `session.query(prompt)`",
    "AsyncTurnHandle": "a turn is a `Turn`, made by `session.query(prompt)`",
    "TurnResult": "a turn ends with a `ResultMessage`",
    "ApprovalMode": "approvals are `SessionOptions(permission_mode=…)`",
    "AskForApproval": "approvals are `SessionOptions(permission_mode=…)`",
    "Sandbox": "the sandbox is `SandboxPolicy`",
    "SandboxMode": "the sandbox is `SandboxPolicy`",
    "SandboxSettings": "the sandbox is `SandboxPolicy`",
    "SandboxNetworkConfig": "the sandbox is `SandboxPolicy`",
    "LocalImageInput": "an image from a file is `ImageInput(path=…)`",
    "Input": "what a prompt may be is `Prompt`",
    "InputItem": "what a prompt may be is `Prompt`",
    "RunInput": "what a prompt may be is `Prompt`",
    "Message": "every message is an `SDKMessage`",
    "TaskStartedMessage": "it is `TaskStarted` here",
    "TaskUpdatedMessage": "it is `TaskUpdated` here",
    "TaskProgressMessage": "it is `TaskUpdated` here",
    "TaskNotificationMessage": "it is `TaskNotification` here",
    "SystemInitData": "the first message of a turn is an `InitMessage`",
    "TaskUsage": "it is `Usage` here",
    "RateLimitInfo": "it is the `rate_limit_info` of a `RateLimitEvent`",
    "EffortLevel": "it is `ReasoningEffort` here",
    "ThinkingConfig": "reasoning is `SessionOptions(reasoning_effort=…)`",
    "ThinkingConfigAdaptive": "reasoning is `SessionOptions(reasoning_effort=…)`",
    "ThinkingConfigEnabled": "reasoning is `SessionOptions(reasoning_effort=…)`",
    "ThinkingConfigDisabled": "reasoning is `SessionOptions(reasoning_effort=…)`",
    "ServerToolResultBlock": "it is `WebSearchToolResultBlock` here",
    "CanUseTool": "`SessionOptions(can_use_tool=…)` takes an async function of a `PermissionRequest`",
    "PermissionResult": "a permission request is answered with `Allow` or `Deny`",
    "PermissionResultAllow": "a permission request is answered with `Allow`",
    "PermissionResultDeny": "a permission request is answered with `Deny`",
    "PermissionRuleValue": 'a rule is a text: `PermissionUpdate("add_rules", ["Bash(git push *)"], "allow")`',
    "ToolPermissionContext": "what a permission request is about stands in its `PermissionRequest`",
    "McpServerConfig": "MCP servers are tables: `SessionOptions(mcp_servers={name: {…}})`",
    "McpSdkServerConfig": "tools of your own are `SessionOptions(tools=ToolRegistry(…))`",
    "create_sdk_mcp_server": "tools of your own are `SessionOptions(tools=ToolRegistry(…))`",
    "SdkMcpTool": "a tool is a `Tool`, made by `@tool` above an async function",
    "SDKSessionInfo": "a stored session is a `SessionSummary`",
    "SessionMessage": "stored messages are those of a `HistoryPage`",
    "list_sessions": "it is a method here: `await backend.list_sessions()`",
    "get_session_info": "it is a method here: `await backend.session_info(session_id)`",
    "get_session_messages": "it is a method here: `await backend.read_history(session_id)`",
    "rename_session": "it is a method here: `await backend.rename_session(session_id, title)`",
    "delete_session": "it is a method here: `await backend.delete_session(session_id)`",
    "fork_session": "it is a method here: `await session.fork()`",
    "ForkSessionResult": "`await session.fork()` returns the new session",
    "Transport": "what starts an agent is a backend: `AgentBackend`",
    "ClaudeSDKError": f"{_ERRORS} `ProcessExitedError`",
    "CLIConnectionError": f"{_ERRORS} `ConnectionLostError` and `StartError`",
    "CLINotFoundError": f"{_ERRORS} `ExecutableNotFoundError`",
    "ProcessError": f"{_ERRORS} `ProcessExitedError`",
    "CLIJSONDecodeError": f"{_ERRORS} `ProtocolError`",
    "ResultError": "a failed turn is a `ResultMessage`: `result.error`, `result.raise_for_error()`",
    "CodexError": f"{_ERRORS} `ProtocolError`",
    "TransportClosedError": f"{_ERRORS} `ConnectionLostError`",
    "JsonRpcError": f"{_ERRORS} `ProtocolError`",
    "CodexRpcError": f"{_ERRORS} `ProtocolError`",
    "ParseError": f"{_ERRORS} `ProtocolError`",
    "MethodNotFoundError": f"{_ERRORS} `ProtocolError`",
    "InvalidParamsError": f"{_ERRORS} `InvalidRequestError`",
    "InternalRpcError": f"{_ERRORS} `ProtocolError`",
    "ServerBusyError": f"{_ERRORS} `RateLimitError`, whose `retryable` is True",
    "RetryLimitExceededError": "`error.retryable` says whether to try again",
    "retry_on_overload": "`error.retryable` says whether to try again",
    "is_retryable_error": "`error.retryable` says whether to try again",
}
"""Public names of the official packages that have another name here."""

_SESSION: Final[Mapping[str, str]] = {
    "receive_response": "iterate the turn: `async for message in session.query(prompt)`",
    "receive_messages": "iterate `session.messages()`",
    "connect": f"{_SESSIONS}, and is connected",
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
    "get_mcp_status": "the names of its MCP servers are `session.info.mcp_servers`",
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


def belongs_to_backend(option: str) -> str | None:
    """Return the argument of `create_backend` that an option of a session is meant for, or None."""
    return _BACKEND_OPTIONS.get(option)


def no_attribute(interface: str, owner: object, name: str) -> AttributeError:
    """Return the error for a name that an object does not have, with what to write instead where it is known.

    Args:
        interface: What the object is, such as "AgentSession".
        owner: The object.
        name: The name.
    """
    sentence = f"{type(owner).__name__!r} object has no attribute {name!r}"
    known = _PLACES.get(interface, {}).get(name)
    return AttributeError(f"{sentence}: {known}." if known else sentence, name=name, obj=owner)


def no_public_name(module: str, name: str) -> ImportError | AttributeError:
    """Return the error for a name that a package does not have, with ours where it is an official package's.

    Of `from package import name` Python would tell another sentence than an `AttributeError` brings, so that one gets
    an `ImportError`.

    Args:
        module: Name of the package.
        name: The name.
    """
    known = _PUBLIC.get(name)
    if known is None:
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    if _imports(2):
        return ImportError(f"cannot import name {name!r} from {module!r}: {known}.", name=module)
    return AttributeError(f"module {module!r} has no attribute {name!r}: {known}.")


def _imports(depth: int) -> bool:
    """Tell whether the code that asks a package for a name is a `from … import`."""
    from opcode import opmap

    caller = sys._getframe(depth + 1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # who asks is seen only so
    return caller.f_lasti >= 0 and caller.f_code.co_code[caller.f_lasti] == opmap["IMPORT_FROM"]
