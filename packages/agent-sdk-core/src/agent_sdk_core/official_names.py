"""Public names of the official packages, each with what it is called here; loaded only when a name was not found."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from agent_sdk_core.names import nearest

_SESSIONS: Final = "a session is made by `backend.create_session(SessionOptions(…))`"
_OPTIONS: Final = "the options of a session are `SessionOptions`"
_SANDBOX: Final = "the sandbox is `SandboxPolicy`"
_REASONING: Final = "reasoning is `SessionOptions(reasoning_effort=…)`"
_MCP: Final = "MCP servers tell what they do by `await session.mcp_status()`, as `McpServerStatus`"
_INIT: Final = "the first message of a turn is an `InitMessage`"
_FIELD: Final = "it is a field of the messages that have it, as Claude spells it"
_UNKNOWN: Final = "such a message arrives as `UnknownMessage` or `SystemMessage`, with all of its fields"
_HOOK: Final = "a hook is an async function of a `HookEvent` that returns `Block`, `ChangeInput`, `AddContext` or None"
_STORE: Final = "`ClaudeBackend(session_store=…)` takes the official one as it is"
_STORED: Final = (
    "with `ClaudeBackend(session_store=…)`, `await backend.session_info(…)` and `read_history(…)` read the store"
)
_TEXT: Final = "it is a text here, as an option takes it"
_NONE: Final = "there is nothing of the kind here"
_RETRY: Final = "`error.retryable` says whether to try again"
_ERRORS: Final = "errors are `AgentError` and its subclasses, such as"

_PUBLIC: Final[Mapping[str, str]] = {
    "ClaudeSDKClient": f'here a backend makes sessions: `create_backend("claude")`, and {_SESSIONS}',
    "ClaudeAgentOptions": _OPTIONS,
    "ClaudeCodeOptions": _OPTIONS,
    "Codex": f'the backend is `create_backend("codex")`, and {_SESSIONS}',
    "AsyncCodex": f'the backend is `create_backend("codex")`, and {_SESSIONS}',
    "AppServerClient": f'the backend is `create_backend("codex")`, and {_SESSIONS}',
    "AsyncAppServerClient": f'the backend is `create_backend("codex")`, and {_SESSIONS}',
    **dict.fromkeys(
        ("AppServerConfig", "CodexConfig"),
        '`create_backend("codex", executable=…, env=…)` takes what starts Codex, `SessionOptions` the rest',
    ),
    "Thread": "a thread is an `AgentSession`",
    "AsyncThread": "a thread is an `AgentSession`",
    "ThreadOptions": _OPTIONS,
    "thread_start": _SESSIONS,
    "thread_resume": "`await backend.resume(session_id)` resumes a session",
    **dict.fromkeys(
        ("ChatgptLoginHandle", "AsyncChatgptLoginHandle", "DeviceCodeLoginHandle", "AsyncDeviceCodeLoginHandle"),
        "a login that goes on is a `LoginHandle`, made by `await backend.login()`",
    ),
    "TurnHandle": "a turn is a `Turn`, made by `session.query(prompt)`",
    "AsyncTurnHandle": "a turn is a `Turn`, made by `session.query(prompt)`",
    "TurnResult": "a turn ends with a `ResultMessage`",
    "ApprovalMode": "approvals are `SessionOptions(permission_mode=…)`",
    "AskForApproval": "approvals are `SessionOptions(permission_mode=…)`",
    "Sandbox": _SANDBOX,
    "SandboxMode": _SANDBOX,
    "SandboxSettings": _SANDBOX,
    "SandboxNetworkConfig": _SANDBOX,
    "LocalImageInput": "an image from a file is `ImageInput(path=…)`",
    "Input": "what a prompt may be is `Prompt`",
    "InputItem": "what a prompt may be is `Prompt`",
    "RunInput": "what a prompt may be is `Prompt`",
    "Message": "every message is an `SDKMessage`",
    "TaskStartedMessage": "it is `TaskStarted` here",
    "TaskUpdatedMessage": "it is `TaskUpdated` here",
    "TaskProgressMessage": "it is `TaskUpdated` here",
    "TaskNotificationMessage": "it is `TaskNotification` here",
    "SystemInitData": _INIT,
    "TaskUsage": "it is `Usage` here",
    "RateLimitInfo": "it is the `rate_limit_info` of a `RateLimitEvent`",
    "EffortLevel": "it is `ReasoningEffort` here",
    "ThinkingConfig": _REASONING,
    "ThinkingConfigAdaptive": _REASONING,
    "ThinkingConfigEnabled": _REASONING,
    "ThinkingConfigDisabled": _REASONING,
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
    "HookMatcher": "it is `Hook` here: `SessionOptions(hooks=Hooks(pre_tool_use=[Hook(check, matcher=…)]))`",
    **dict.fromkeys(("HookCallback", "HookContext", "HookJSONOutput", "HookEffort"), _HOOK),
    **dict.fromkeys(("HookInput", "BaseHookInput"), "what a hook is given is a `HookEvent`"),
    "PostToolUseFailureHookInput": "it is a `PostToolUseEvent` here, whose `is_error` is True",
    "NotificationHookInput": "what an agent asks is told by `RequestOpened` among `session.messages()`",
    "PermissionRequestHookInput": "`SessionOptions(can_use_tool=…)` takes an async function of a `PermissionRequest`",
    "CanUseToolShadowedWarning": 'it is a `BackendEvent` of kind "warning" here',
    **dict.fromkeys(("McpServerStatusConfig", "McpServerConnectionStatus", "McpServerInfo", "McpStatusResponse"), _MCP),
    "McpToolInfo": "it is `McpTool` here",
    **dict.fromkeys(("McpToolAnnotations", "ToolAnnotations"), "write `@tool(read_only=…, destructive=…)`"),
    **dict.fromkeys(("SystemInitMcpServer", "SystemInitPlugin", "SystemInitPluginError"), _INIT),
    **dict.fromkeys(("FastModeState", "FastModeDisabledReason", "DeferredToolUse"), _FIELD),
    **dict.fromkeys(("RateLimitStatus", "RateLimitType"), "it is in the `rate_limit_info` of a `RateLimitEvent`"),
    **dict.fromkeys(
        ("TaskNotificationStatus", "TaskUpdatedStatus", "TERMINAL_TASK_STATUSES"),
        "the `status` of `TaskNotification` and `TaskUpdated` is a text",
    ),
    **dict.fromkeys(("ConversationResetMessage", "HookEventMessage", "MirrorErrorMessage"), _UNKNOWN),
    **dict.fromkeys(
        ("MessageOrigin", "MessageOriginKind", "TaskNotificationOriginSubkind"),
        "who wrote it is `UserMessage.written_by`",
    ),
    "TaskBudget": "limits are `SessionOptions(max_turns=…, max_budget_usd=…)`, and those of `PolicyLimits`",
    "ServerToolName": "the `name` of a `ServerToolUseBlock` is a text",
    **dict.fromkeys(
        ("ContextUsageCategory", "ContextUsageResponse"), "`await session.usage()` tells how full the context window is"
    ),
    **dict.fromkeys(("BackgroundTaskSummary", "SessionCronSummary"), "it is `BackgroundTask` here"),
    **dict.fromkeys(("SettingSource", "SdkBeta"), _TEXT),
    "SdkPluginConfig": "a plugin is the path of its folder: `SessionOptions(plugins=[…])`",
    "SandboxIgnoreViolations": _SANDBOX,
    **dict.fromkeys(
        ("list_subagents", "get_subagent_messages"), "they are those with a `parent_tool_use_id` in a history"
    ),
    **dict.fromkeys(("SessionStore", "SessionKey", "SessionStoreEntry", "SessionStoreListEntry"), _STORE),
    **dict.fromkeys(("SessionSummaryEntry", "SessionListSubkeysKey", "InMemorySessionStore"), _STORE),
    "SessionStoreFlushMode": f"{_STORE}; it is always written at once",
    **dict.fromkeys(("get_session_info_from_store", "get_session_messages_from_store"), _STORED),
    "get_subagent_messages_from_store": _STORED,
    "tag_session": "it is a method here: `await backend.tag_session(session_id, tag)`",
    "SDKSessionInfo": "a stored session is a `StoredSession`",
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
    "RetryLimitExceededError": _RETRY,
    "retry_on_overload": _RETRY,
    "is_retryable_error": _RETRY,
}
"""Public names of the official packages that have another name here."""

_MISSING: Final = frozenset(
    {
        *("import_session_to_store", "fold_session_summary", "project_key_for_directory"),
        *("list_sessions_from_store", "list_subagents_from_store", "rename_session_via_store"),
        *("ExternalMessage", "tag_session_via_store", "delete_session_via_store", "fork_session_via_store"),
    }
)
"""Those that have no equal."""


def _official(name: str) -> str | None:
    """Return what a name of an official package is called here, as far as it is known."""
    if (known := _PUBLIC.get(name)) is not None:
        return known
    if name.endswith("HookSpecificOutput"):
        return _HOOK
    if name.endswith("HookInput"):
        return f"it is `{name.removesuffix('HookInput').removeprefix('User')}Event` here"
    return _NONE if name in _MISSING else None


def no_public_name(module: str, name: str) -> ImportError | AttributeError:
    """Return the error for a name that a package does not have, with ours where it is an official package's, or near.

    Of `from package import name` Python would tell another sentence than an `AttributeError` brings, so that one gets
    an `ImportError`.

    Args:
        module: Name of the package.
        name: The name.
    """
    hint = "" if name.startswith("_") else _hint(module, name)
    if hint and _imports(2):
        return ImportError(f"cannot import name {name!r} from {module!r}{hint}", name=module)
    return AttributeError(f"module {module!r} has no attribute {name!r}{hint}")


def _hint(module: str, name: str) -> str:
    if (known := _official(name)) is not None:
        return f": {known}."
    package = module.rpartition(".")[0]
    if package and name in getattr(sys.modules[package], "__all__", ()):
        return f": it is `{package}.{name}`."
    near = nearest(name, getattr(sys.modules[module], "__all__", ()))
    return f"; did you mean {near!r}?" if near else ""


def _imports(depth: int) -> bool:
    """Tell whether the code that asks a package for a name is a `from … import`."""
    from opcode import opmap

    caller = sys._getframe(depth + 1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # who asks is seen only so
    return caller.f_lasti >= 0 and caller.f_code.co_code[caller.f_lasti] == opmap["IMPORT_FROM"]
