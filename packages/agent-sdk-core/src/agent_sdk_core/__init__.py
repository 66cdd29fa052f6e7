"""One Python API over coding agents: interfaces, messages, permissions, errors, and the runtime that backends share.

Names load when they are first used, so that importing this package costs next to nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from agent_sdk_core.asking.permissions import (
        DEFER,
        Allow,
        Deny,
        Escalation,
        PermissionMode,
        PermissionOption,
        PermissionRequest,
    )
    from agent_sdk_core.asking.questions import (
        Answers,
        Choice,
        ElicitationAnswer,
        ElicitationRequest,
        Question,
        QuestionRequest,
    )
    from agent_sdk_core.asking.requests import answer_from_wire, request_from_wire
    from agent_sdk_core.asking.updates import PermissionUpdate
    from agent_sdk_core.config.fields import BackendConfig
    from agent_sdk_core.config.runtime import RuntimeConfig
    from agent_sdk_core.config.sources import ValueSource
    from agent_sdk_core.errors import (
        AccountError,
        AgentError,
        AuthenticationError,
        ConnectionLostError,
        ExecutableNotFoundError,
        FrameTooLargeError,
        HandshakeError,
        InvalidRequestError,
        PolicyDeniedError,
        ProcessExitedError,
        ProtocolError,
        RateLimitError,
        RequestError,
        RequestTimeoutError,
        SessionBusyError,
        SessionClosedError,
        SessionError,
        SessionNotFoundError,
        SpawnError,
        StartError,
        StartupTimeoutError,
        UnsupportedError,
        UnsupportedOptionError,
        UnsupportedVersionError,
        UsageLimitError,
    )
    from agent_sdk_core.factory.catalog import ChatModelCatalog, ModelChoice, ModelListing
    from agent_sdk_core.factory.diagnose import AvailableBackend, available_backends, diagnose_backend
    from agent_sdk_core.factory.one_shot import query
    from agent_sdk_core.factory.registry import create_backend
    from agent_sdk_core.hooks.decisions import AddContext, Block, ChangeInput, StopTurn
    from agent_sdk_core.hooks.events import (
        HookEvent,
        PostCompactEvent,
        PostToolUseEvent,
        PreCompactEvent,
        PreSkillCommandEvent,
        PreToolUseEvent,
        PromptSubmitEvent,
        SessionEndEvent,
        SessionStartEvent,
        StopEvent,
        SubagentStartEvent,
        SubagentStopEvent,
    )
    from agent_sdk_core.hooks.names import HookName
    from agent_sdk_core.hooks.table import Hook, Hooks
    from agent_sdk_core.interfaces.account import Account, AccountKind, LoginHandle, LoginMethod
    from agent_sdk_core.interfaces.backend import AgentBackend
    from agent_sdk_core.interfaces.capabilities import BackendCapabilities
    from agent_sdk_core.interfaces.diagnosis import Diagnosis, Problem, ProtocolDrift
    from agent_sdk_core.interfaces.events import BackendEvent
    from agent_sdk_core.interfaces.goal import Goal, GoalRun
    from agent_sdk_core.interfaces.mcp import McpServerStatus, McpState, McpTool
    from agent_sdk_core.interfaces.opening import SessionOpening
    from agent_sdk_core.interfaces.pages import HistoryPage, SessionPage, StoredSession
    from agent_sdk_core.interfaces.session import (
        AgentCommand,
        AgentSession,
        BackgroundTask,
        InterruptReceipt,
        SessionInfo,
        SessionState,
    )
    from agent_sdk_core.interfaces.streams import Stream
    from agent_sdk_core.interfaces.turn import MessageStream, PromptQueue, QueuedPrompt, Turn
    from agent_sdk_core.mcp_servers import McpServer, McpTransport
    from agent_sdk_core.messages.base import Source
    from agent_sdk_core.messages.blocks import (
        ContentBlock,
        DocumentBlock,
        ImageBlock,
        RedactedThinkingBlock,
        ServerToolUseBlock,
        TextBlock,
        ThinkingBlock,
        ToolResultBlock,
        ToolUseBlock,
        UnknownBlock,
        WebSearchToolResultBlock,
    )
    from agent_sdk_core.messages.conversation import (
        AssistantMessage,
        CommandLifecycle,
        RateLimitEvent,
        StreamEvent,
        ToolProgress,
        UnknownMessage,
        UserMessage,
    )
    from agent_sdk_core.messages.kinds import ToolKind, tool_kind
    from agent_sdk_core.messages.parse import SDKMessage, parse_message
    from agent_sdk_core.messages.result import ResultMessage
    from agent_sdk_core.messages.system import (
        ApiRetry,
        CompactBoundary,
        GoalChanged,
        Informational,
        InitMessage,
        MessagesDropped,
        PermissionDenied,
        RequestOpened,
        RequestResolved,
        SessionStateChanged,
        SessionTitleChanged,
        StatusMessage,
        SystemMessage,
        TaskNotification,
        TaskStarted,
        TaskUpdated,
        UsageMessage,
    )
    from agent_sdk_core.messages.typed import TypedResult
    from agent_sdk_core.messages.usage import ContextWindow, ModelPrice, ModelUsage, SessionUsage, Usage
    from agent_sdk_core.models import ChatModel, ReasoningEffort
    from agent_sdk_core.names import BackendType, parse_backend_type
    from agent_sdk_core.options import SandboxPolicy, SessionOptions
    from agent_sdk_core.policy.guard import PolicyDecision, PolicyGuard
    from agent_sdk_core.policy.limits import PolicyLimits
    from agent_sdk_core.policy.rules import Rule
    from agent_sdk_core.prompts import (
        AudioInput,
        DocumentInput,
        ImageInput,
        MentionInput,
        Prompt,
        SkillInput,
        TextInput,
    )
    from agent_sdk_core.secret import Secret
    from agent_sdk_core.sub_agents import AgentDefinition
    from agent_sdk_core.telemetry.correlation import correlation
    from agent_sdk_core.telemetry.metrics import Metric, MetricSeries, metrics
    from agent_sdk_core.telemetry.reporting import ErrorRecord, ErrorReporter, error_reporter
    from agent_sdk_core.telemetry.snapshot import telemetry_snapshot
    from agent_sdk_core.tools.context import ToolContext
    from agent_sdk_core.tools.registry import ToolRegistry
    from agent_sdk_core.tools.results import ToolImage, ToolResult
    from agent_sdk_core.tools.tool import Tool, tool
    from agent_sdk_core.turn_options import TurnOptions
    from agent_sdk_core.wire.error_form import error_from_wire, error_to_wire
    from agent_sdk_core.wire_log import WireLog, read_wire_log

__version__ = "0.1.0"

__all__ = [
    "DEFER",
    "Account",
    "AccountError",
    "AccountKind",
    "AddContext",
    "AgentBackend",
    "AgentCommand",
    "AgentDefinition",
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
    "Block",
    "ChangeInput",
    "ChatModel",
    "ChatModelCatalog",
    "Choice",
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
    "ErrorRecord",
    "ErrorReporter",
    "Escalation",
    "ExecutableNotFoundError",
    "FrameTooLargeError",
    "Goal",
    "GoalChanged",
    "GoalRun",
    "HandshakeError",
    "HistoryPage",
    "Hook",
    "HookEvent",
    "HookName",
    "Hooks",
    "ImageBlock",
    "ImageInput",
    "Informational",
    "InitMessage",
    "InterruptReceipt",
    "InvalidRequestError",
    "LoginHandle",
    "LoginMethod",
    "McpServer",
    "McpServerStatus",
    "McpState",
    "McpTool",
    "McpTransport",
    "MentionInput",
    "MessageStream",
    "MessagesDropped",
    "Metric",
    "MetricSeries",
    "ModelChoice",
    "ModelListing",
    "ModelPrice",
    "ModelUsage",
    "PermissionDenied",
    "PermissionMode",
    "PermissionOption",
    "PermissionRequest",
    "PermissionUpdate",
    "PolicyDecision",
    "PolicyDeniedError",
    "PolicyGuard",
    "PolicyLimits",
    "PostCompactEvent",
    "PostToolUseEvent",
    "PreCompactEvent",
    "PreSkillCommandEvent",
    "PreToolUseEvent",
    "Problem",
    "ProcessExitedError",
    "Prompt",
    "PromptQueue",
    "PromptSubmitEvent",
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
    "Rule",
    "RuntimeConfig",
    "SDKMessage",
    "SandboxPolicy",
    "Secret",
    "ServerToolUseBlock",
    "SessionBusyError",
    "SessionClosedError",
    "SessionEndEvent",
    "SessionError",
    "SessionInfo",
    "SessionNotFoundError",
    "SessionOpening",
    "SessionOptions",
    "SessionPage",
    "SessionStartEvent",
    "SessionState",
    "SessionStateChanged",
    "SessionTitleChanged",
    "SessionUsage",
    "SkillInput",
    "Source",
    "SpawnError",
    "StartError",
    "StartupTimeoutError",
    "StatusMessage",
    "StopEvent",
    "StopTurn",
    "StoredSession",
    "Stream",
    "StreamEvent",
    "SubagentStartEvent",
    "SubagentStopEvent",
    "SystemMessage",
    "TaskNotification",
    "TaskStarted",
    "TaskUpdated",
    "TextBlock",
    "TextInput",
    "ThinkingBlock",
    "Tool",
    "ToolContext",
    "ToolImage",
    "ToolKind",
    "ToolProgress",
    "ToolRegistry",
    "ToolResult",
    "ToolResultBlock",
    "ToolUseBlock",
    "Turn",
    "TurnOptions",
    "TypedResult",
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
    "answer_from_wire",
    "available_backends",
    "correlation",
    "create_backend",
    "diagnose_backend",
    "error_from_wire",
    "error_reporter",
    "error_to_wire",
    "metrics",
    "parse_backend_type",
    "parse_message",
    "query",
    "read_wire_log",
    "request_from_wire",
    "telemetry_snapshot",
    "tool",
    "tool_kind",
]

_HOMES: Final[dict[str, tuple[str, ...]]] = {
    "asking.permissions": (
        "Allow",
        "DEFER",
        "Deny",
        "Escalation",
        "PermissionMode",
        "PermissionOption",
        "PermissionRequest",
    ),
    "asking.questions": ("Answers", "Choice", "ElicitationAnswer", "ElicitationRequest", "Question", "QuestionRequest"),
    "asking.requests": ("answer_from_wire", "request_from_wire"),
    "asking.updates": ("PermissionUpdate",),
    "config.fields": ("BackendConfig",),
    "config.runtime": ("RuntimeConfig",),
    "secret": ("Secret",),
    "config.sources": ("ValueSource",),
    "errors": (
        "AccountError",
        "AgentError",
        "AuthenticationError",
        "ConnectionLostError",
        "ExecutableNotFoundError",
        "FrameTooLargeError",
        "HandshakeError",
        "InvalidRequestError",
        "PolicyDeniedError",
        "ProcessExitedError",
        "ProtocolError",
        "RateLimitError",
        "RequestError",
        "RequestTimeoutError",
        "SessionBusyError",
        "SessionClosedError",
        "SessionError",
        "SessionNotFoundError",
        "SpawnError",
        "StartError",
        "StartupTimeoutError",
        "UnsupportedError",
        "UnsupportedOptionError",
        "UnsupportedVersionError",
        "UsageLimitError",
    ),
    "factory.catalog": ("ChatModelCatalog", "ModelChoice", "ModelListing"),
    "factory.diagnose": ("AvailableBackend", "available_backends", "diagnose_backend"),
    "factory.one_shot": ("query",),
    "factory.registry": ("create_backend",),
    "hooks.decisions": ("AddContext", "Block", "ChangeInput", "StopTurn"),
    "hooks.events": (
        "HookEvent",
        "PostCompactEvent",
        "PostToolUseEvent",
        "PreCompactEvent",
        "PreSkillCommandEvent",
        "PreToolUseEvent",
        "PromptSubmitEvent",
        "SessionEndEvent",
        "SessionStartEvent",
        "StopEvent",
        "SubagentStartEvent",
        "SubagentStopEvent",
    ),
    "hooks.names": ("HookName",),
    "hooks.table": ("Hook", "Hooks"),
    "interfaces.account": ("Account", "AccountKind", "LoginHandle", "LoginMethod"),
    "interfaces.backend": ("AgentBackend",),
    "interfaces.capabilities": ("BackendCapabilities",),
    "interfaces.diagnosis": ("Diagnosis", "Problem", "ProtocolDrift"),
    "interfaces.events": ("BackendEvent",),
    "interfaces.mcp": ("McpServerStatus", "McpState", "McpTool"),
    "interfaces.opening": ("SessionOpening",),
    "interfaces.goal": ("Goal", "GoalRun"),
    "interfaces.pages": ("HistoryPage", "SessionPage", "StoredSession"),
    "interfaces.session": (
        "AgentCommand",
        "AgentSession",
        "BackgroundTask",
        "InterruptReceipt",
        "SessionInfo",
        "SessionState",
    ),
    "interfaces.streams": ("Stream",),
    "interfaces.turn": ("MessageStream", "PromptQueue", "QueuedPrompt", "Turn"),
    "messages.base": ("Source",),
    "messages.blocks": (
        "ContentBlock",
        "DocumentBlock",
        "ImageBlock",
        "RedactedThinkingBlock",
        "ServerToolUseBlock",
        "TextBlock",
        "ThinkingBlock",
        "ToolResultBlock",
        "ToolUseBlock",
        "UnknownBlock",
        "WebSearchToolResultBlock",
    ),
    "messages.conversation": (
        "AssistantMessage",
        "CommandLifecycle",
        "RateLimitEvent",
        "StreamEvent",
        "ToolProgress",
        "UnknownMessage",
        "UserMessage",
    ),
    "messages.kinds": ("ToolKind", "tool_kind"),
    "messages.parse": ("SDKMessage", "parse_message"),
    "messages.result": ("ResultMessage",),
    "messages.system": (
        "ApiRetry",
        "CompactBoundary",
        "GoalChanged",
        "Informational",
        "InitMessage",
        "MessagesDropped",
        "PermissionDenied",
        "RequestOpened",
        "RequestResolved",
        "SessionStateChanged",
        "SessionTitleChanged",
        "StatusMessage",
        "SystemMessage",
        "TaskNotification",
        "TaskStarted",
        "TaskUpdated",
        "UsageMessage",
    ),
    "messages.typed": ("TypedResult",),
    "messages.usage": ("ContextWindow", "ModelPrice", "ModelUsage", "SessionUsage", "Usage"),
    "mcp_servers": ("McpServer", "McpTransport"),
    "models": ("ChatModel", "ReasoningEffort"),
    "names": ("BackendType", "parse_backend_type"),
    "options": ("SandboxPolicy", "SessionOptions"),
    "policy.guard": ("PolicyDecision", "PolicyGuard"),
    "policy.limits": ("PolicyLimits",),
    "policy.rules": ("Rule",),
    "sub_agents": ("AgentDefinition",),
    "telemetry.correlation": ("correlation",),
    "telemetry.metrics": ("Metric", "MetricSeries", "metrics"),
    "telemetry.reporting": ("ErrorRecord", "ErrorReporter", "error_reporter"),
    "telemetry.snapshot": ("telemetry_snapshot",),
    "prompts": ("AudioInput", "DocumentInput", "ImageInput", "MentionInput", "Prompt", "SkillInput", "TextInput"),
    "tools.context": ("ToolContext",),
    "tools.registry": ("ToolRegistry",),
    "tools.results": ("ToolImage", "ToolResult"),
    "tools.tool": ("Tool", "tool"),
    "turn_options": ("TurnOptions",),
    "wire.error_form": ("error_from_wire", "error_to_wire"),
    "wire_log": ("WireLog", "read_wire_log"),
}
_MODULES: Final = {name: module for module, names in _HOMES.items() for name in names}


def lazy_names(package: str, modules: Mapping[str, str], beside: ModuleType | None = None) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package (PEP 562).

    Args:
        package: Its name.
        modules: The module of each name, below the package.
        beside: A package whose public names are this one's too.
    """

    def load(name: str) -> Any:
        if (module := modules.get(name)) is not None:
            value = getattr(import_module(f"{package}.{module}"), name)
        elif beside is not None and name in beside.__all__:
            value = getattr(beside, name)
        else:
            from agent_sdk_core.official_names import no_public_name

            raise no_public_name(package, name)
        setattr(sys.modules[package], name, value)
        return value

    return load


__getattr__ = lazy_names(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
