"""Codex behind the agent-sdk interfaces: one `codex app-server` that serves many sessions.

Everything that `agent_sdk_core` exports is here too, so that `import codex_sdk` is enough. Names load when they are
first used, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import agent_sdk_core

if TYPE_CHECKING:
    from agent_sdk_core import *  # noqa: F403  # the whole public core
    from codex_sdk.asking.client_hooks import ClientHooks
    from codex_sdk.backend import CodexBackend
    from codex_sdk.oneshot import query
    from codex_sdk.playback.player import replay
    from codex_sdk.playback.wire_log import WireLog, read_wire_log
    from codex_sdk.routing.receiver import Notification
    from codex_sdk.session import CodexSession

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
    "ClientHooks",
    "CodexBackend",
    "CodexSession",
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
    "Notification",
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
    "WireLog",
    "available_backends",
    "create_backend",
    "diagnose_backend",
    "parse_backend_type",
    "parse_message",
    "query",
    "read_wire_log",
    "replay",
    "tool",
    "tool_kind",
]

_OURS: Final = {
    "ClientHooks": "asking.client_hooks",
    "CodexBackend": "backend",
    "CodexSession": "session",
    "Notification": "routing.receiver",
    "WireLog": "playback.wire_log",
    "read_wire_log": "playback.wire_log",
    "query": "oneshot",
    "replay": "playback.player",
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
