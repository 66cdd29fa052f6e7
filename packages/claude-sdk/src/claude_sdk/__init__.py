"""Claude Code behind the agent-sdk interfaces: one `claude` process a session, spoken to in its control protocol.

Everything that `agent_sdk_core` exports is here too, so that `import claude_sdk` is enough. Names load when they are
first used, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import agent_sdk_core

if TYPE_CHECKING:
    from agent_sdk_core import *  # noqa: F403  # the whole public core
    from claude_sdk.backend import ClaudeBackend
    from claude_sdk.oneshot import query
    from claude_sdk.session import ClaudeSession

__all__ = [  # noqa: F405  # the public core, then what is ours
    "DEFER",
    "AccountError",
    "AgentBackend",
    "AgentError",
    "AgentSession",
    "Allow",
    "Answers",
    "ApiRetry",
    "AssistantMessage",
    "AudioInput",
    "AuthenticationError",
    "AvailableBackend",
    "BackendCapabilities",
    "BackendConfig",
    "BackendEvent",
    "BackendType",
    "BackgroundTask",
    "ChatModel",
    "ChatModelCatalog",
    "Choice",
    "ClaudeBackend",
    "ClaudeSession",
    "CommandLifecycle",
    "CompactBoundary",
    "ConnectionLostError",
    "ContentBlock",
    "ContextWindow",
    "Deny",
    "Diagnosis",
    "DocumentBlock",
    "DocumentInput",
    "ElicitationAnswer",
    "ElicitationRequest",
    "Escalation",
    "ExecutableNotFoundError",
    "FrameTooLargeError",
    "HandshakeError",
    "HistoryPage",
    "ImageBlock",
    "ImageInput",
    "Informational",
    "InitMessage",
    "InterruptReceipt",
    "InvalidRequestError",
    "MentionInput",
    "MessageStream",
    "MessagesDropped",
    "ModelChoice",
    "ModelListing",
    "ModelPrice",
    "ModelUsage",
    "PermissionDenied",
    "PermissionMode",
    "PermissionOption",
    "PermissionRequest",
    "PolicyDeniedError",
    "Problem",
    "ProcessExitedError",
    "Prompt",
    "PromptQueue",
    "ProtocolDrift",
    "ProtocolError",
    "Question",
    "QuestionRequest",
    "QueuedPrompt",
    "RateLimitError",
    "RateLimitEvent",
    "ReasoningEffort",
    "RedactedThinkingBlock",
    "RequestError",
    "RequestOpened",
    "RequestResolved",
    "RequestTimeoutError",
    "ResultMessage",
    "RuntimeConfig",
    "SDKMessage",
    "SandboxPolicy",
    "Secret",
    "ServerToolUseBlock",
    "SessionBusyError",
    "SessionClosedError",
    "SessionError",
    "SessionInfo",
    "SessionNotFoundError",
    "SessionOptions",
    "SessionPage",
    "SessionState",
    "SessionStateChanged",
    "SessionSummary",
    "SessionUsage",
    "SkillInput",
    "Source",
    "SpawnError",
    "StartError",
    "StartupTimeoutError",
    "StatusMessage",
    "StreamEvent",
    "SystemMessage",
    "TaskNotification",
    "TaskStarted",
    "TaskUpdated",
    "TextBlock",
    "TextInput",
    "ThinkingBlock",
    "Tool",
    "ToolImage",
    "ToolKind",
    "ToolProgress",
    "ToolRegistry",
    "ToolResult",
    "ToolResultBlock",
    "ToolUseBlock",
    "Turn",
    "UnknownBlock",
    "UnknownMessage",
    "UnsupportedError",
    "UnsupportedOptionError",
    "UnsupportedVersionError",
    "Usage",
    "UsageLimitError",
    "UsageMessage",
    "UserMessage",
    "ValueSource",
    "WebSearchToolResultBlock",
    "available_backends",
    "create_backend",
    "diagnose_backend",
    "parse_backend_type",
    "parse_message",
    "query",
    "tool",
    "tool_kind",
]

_OURS: Final = {
    "ClaudeBackend": "backend",
    "ClaudeSession": "session",
    "query": "oneshot",
}


def __getattr__(name: str) -> Any:
    module = _OURS.get(name)
    if module is not None:
        value = getattr(import_module(f"{__name__}.{module}"), name)
    elif name in __all__:
        value = getattr(agent_sdk_core, name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
