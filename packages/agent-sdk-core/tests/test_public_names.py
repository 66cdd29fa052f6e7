from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import agent_sdk_core

NAMES = [
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
    "DEFER",
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
    "error_to_wire",
    "error_reporter",
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


def test_the_public_names_are_these() -> None:
    assert sorted(agent_sdk_core.__all__) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_loads_from_where_its_type_checkers_see_it(name: str) -> None:
    value = getattr(agent_sdk_core, name)
    assert getattr(agent_sdk_core, name) is value
    assert name in dir(agent_sdk_core)
    tree = ast.parse(Path(agent_sdk_core.__file__).read_text(encoding="utf-8"))
    homes = [
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]
    ]
    assert len(homes) == 1
    assert getattr(sys.modules[str(homes[0])], name) is value


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Nonsense"):
        agent_sdk_core.Nonsense  # noqa: B018  # looking is what is tested


def test_importing_the_package_loads_neither_pydantic_nor_anyio() -> None:
    code = (
        "import sys, agent_sdk_core\n"
        "print(*sorted(set(sys.modules) & {'pydantic', 'anyio', 'asyncio', 'trio', 'structlog', 'stamina'}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout.strip() == ""
