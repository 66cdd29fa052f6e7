"""The models against the published schemas: every method, update and field is known, or named as left out."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from acp_sdk.protocol import (
    asking,
    content,
    initialization,
    methods,
    sessions,
    settings,
    tool_calls,
    updates,
)
from acp_sdk.protocol.model import AcpModel

ROOT = Path(__file__).parents[4]
SCHEMAS = ROOT / "schemas/acp"
MODULES = (asking, content, initialization, sessions, settings, tool_calls, updates)


@cache
def definitions(version: int, *, unstable: bool) -> dict[str, Any]:
    path = SCHEMAS / f"v{version}" / ("schema.unstable.json" if unstable else "schema.json")
    return json.loads(path.read_text(encoding="utf-8"))["$defs"]


def methods_of(version: int, side: str, *, unstable: bool) -> set[str]:
    found = definitions(version, unstable=unstable).values()
    return {each["x-method"] for each in found if each.get("x-side") == side}


@pytest.mark.parametrize("version", [1, 2])
def test_every_method_is_named(version: int) -> None:
    for unstable, to_agent, to_client in (
        (False, methods.TO_AGENT, methods.TO_CLIENT),
        (True, methods.TO_AGENT_UNSTABLE, methods.TO_CLIENT_UNSTABLE),
    ):
        assert methods_of(version, "agent", unstable=unstable) == to_agent[version]
        assert methods_of(version, "client", unstable=unstable) == to_client[version]
        assert methods_of(version, "protocol", unstable=unstable) == {methods.CANCEL_REQUEST}


@pytest.mark.parametrize("version", [1, 2])
def test_every_error_code_is_named(version: int) -> None:
    codes = definitions(version, unstable=True)["ErrorCode"]["anyOf"]
    assert {each["const"] for each in codes if "const" in each} == methods.ERROR_CODES[version]


def variants(version: int, name: str, tag: str) -> set[str]:
    schema = definitions(version, unstable=True)[name]
    found = [each.get("properties", {}).get(tag, {}) for each in schema.get("oneOf", schema.get("anyOf", []))]
    return {each["const"] for each in found if "const" in each}


def test_every_update_is_known() -> None:
    assert variants(2, "SessionUpdate", "sessionUpdate") == set(updates.UPDATES)
    of_version_1 = {"tool_call", "plan", "current_mode_update"}  # upgraded
    assert variants(1, "SessionUpdate", "sessionUpdate") - set(updates.UPDATES) == of_version_1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ToolKind", tool_calls.TOOL_KINDS),
        ("ToolCallStatus", tool_calls.TOOL_STATUSES),
        ("PermissionOptionKind", asking.OPTION_KINDS),
        ("SessionConfigOptionCategory", settings.CATEGORIES),
    ],
)
def test_every_word_of_an_open_list_is_named(name: str, words: tuple[str, ...]) -> None:
    schema = definitions(2, unstable=True)[name]
    assert {each["const"] for each in schema["anyOf"] if "const" in each} == set(words)


def fields_of(cls: type[AcpModel]) -> set[str]:
    tags = {"type", "sessionUpdate"}
    return {str(field.serialization_alias) for field in cls.model_fields.values()} - tags


MODELS: dict[str, type[AcpModel]] = {
    "Annotations": content.Annotations,
    "TextContent": content.TextContent,
    "ImageContent": content.ImageContent,
    "AudioContent": content.AudioContent,
    "ResourceLink": content.ResourceLink,
    "EmbeddedResource": content.EmbeddedResource,
    "Content": tool_calls.ContentItem,
    "DiffPatch": tool_calls.DiffPatch,
    "Terminal": tool_calls.TerminalItem,
    "ToolCallLocation": tool_calls.ToolCallLocation,
    "ToolCallUpdate": tool_calls.ToolCallUpdate,
    "ToolCallContentChunk": tool_calls.ToolCallContentChunk,
    "TerminalUpdate": tool_calls.TerminalUpdate,
    "TerminalOutputChunk": tool_calls.TerminalOutputChunk,
    "ContentChunk": updates.AgentMessageChunk,
    "UserMessage": updates.UserMessage,
    "AgentMessage": updates.AgentMessage,
    "AgentThought": updates.AgentThought,
    "PlanEntry": updates.PlanEntry,
    "PlanItems": updates.PlanItems,
    "PlanFile": updates.PlanFile,
    "PlanMarkdown": updates.PlanMarkdown,
    "PlanUpdate": updates.PlanUpdate,
    "PlanRemoved": updates.PlanRemoved,
    "Command": updates.AvailableCommand,
    "AvailableCommandsUpdate": updates.AvailableCommandsUpdate,
    "ConfigOptionUpdate": updates.ConfigOptionUpdate,
    "SessionInfoUpdate": updates.SessionInfoUpdate,
    "Cost": updates.Cost,
    "UsageUpdate": updates.UsageUpdate,
    "Notice": updates.Notice,
    "CompactionUpdate": updates.CompactionUpdate,
    "CompactionSummaryChunk": updates.CompactionSummaryChunk,
    "SubagentUpdate": updates.SubagentUpdate,
    "SessionMessage": updates.SessionMessage,
    "SessionMessageChunk": updates.SessionMessageChunk,
    "SessionConfigSelectOption": settings.SelectOption,
    "SessionConfigSelectGroup": settings.SelectGroup,
    "SetSessionConfigOptionResponse": settings.ConfigOptions,
    "PermissionOption": asking.PermissionOption,
    "ToolCallPermissionSubject": asking.ToolCallSubject,
    "CommandPermissionSubject": asking.CommandSubject,
    "RequestPermissionRequest": asking.PermissionRequest,
    "CompleteElicitationNotification": asking.ElicitationCompleted,
    "Implementation": initialization.Implementation,
    "PromptCapabilities": initialization.PromptCapabilities,
    "AgentCapabilities": initialization.AgentCapabilities,
    "AuthMethodAgent": initialization.AgentLogin,
    "AuthMethodTerminal": initialization.TerminalLogin,
    "InitializeRequest": initialization.InitializeRequest,
    "InitializeResponse": initialization.InitializeResponse,
    "LoginAuthRequest": initialization.LoginRequest,
    "EnvVariable": sessions.EnvVariable,
    "HttpHeader": sessions.HttpHeader,
    "McpServerStdio": sessions.McpServerStdio,
    "McpServerHttp": sessions.McpServerHttp,
    "NewSessionRequest": sessions.NewSession,
    "ForkSessionRequest": sessions.ForkSession,
    "ResumeSessionRequest": sessions.ResumeSession,
    "NewSessionResponse": sessions.OpenedSession,
    "CloseSessionRequest": sessions.SessionReference,
    "SetSessionTitleRequest": sessions.SetTitle,
    "ListSessionsRequest": sessions.ListSessions,
    "ListSessionsResponse": sessions.SessionList,
    "SessionInfo": sessions.SessionInfo,
    "PromptRequest": sessions.PromptRequest,
    "PromptResponse": sessions.PromptResponse,
    "CancelToolCallRequest": sessions.CancelToolCall,
    "CancelRequestNotification": sessions.CancelRequest,
    "SystemPrompt": sessions.SystemPrompt,
}


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_field_of_a_definition_is_a_field_of_its_model(name: str) -> None:
    schema = definitions(2, unstable=True)[name]
    assert set(schema["properties"]) - fields_of(MODELS[name]) == set()
    required = set(schema.get("required", []))
    demanded = {field.serialization_alias for field in MODELS[name].model_fields.values() if field.is_required()}
    assert demanded <= required, "nothing is asked of a peer that the schema does not"


MERGED: dict[str, set[str]] = {  # Groups whose two versions are one model: fields of version 1 beside those of 2.
    "ClientCapabilities": fields_of(initialization.ClientCapabilities),
    "SessionCapabilities": fields_of(initialization.SessionCapabilities),
    "McpCapabilities": fields_of(initialization.McpCapabilities),
    "Diff": fields_of(tool_calls.DiffItem),
}


@pytest.mark.parametrize("name", sorted(MERGED))
@pytest.mark.parametrize("version", [1, 2])
def test_a_group_of_both_versions_knows_the_fields_of_each(version: int, name: str) -> None:
    assert set(definitions(version, unstable=True)[name]["properties"]) - MERGED[name] == set()


def test_the_manifest_is_of_the_files() -> None:
    manifest = json.loads((SCHEMAS / "manifest.json").read_text(encoding="utf-8"))
    files = sorted(path for path in SCHEMAS.rglob("*.json") if path.name != "manifest.json")
    assert manifest["files"] == {
        path.relative_to(SCHEMAS).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }
    for version in (1, 2):
        for unstable in (False, True):
            told = manifest["methods"][f"v{version}{'.unstable' if unstable else ''}"]
            for side in ("agent", "client", "protocol"):
                assert set(told[side]) == methods_of(version, side, unstable=unstable)


def test_every_model_is_held_to_a_definition_or_named_here() -> None:
    modelled = {*MODELS.values()}
    named = {  # Variants of types whose parts the schema writes in place, and what keeps the unknown.
        *("ResourceContents", "ToolCall", "DiffChange", "DiffItem", "SelectConfig", "BooleanConfig", "SetConfigOption"),
        *("PermissionOutcome", "PermissionResponse", "ElicitationRequest", "ElicitationResponse", "StateUpdate"),
        *("UserMessageChunk", "AgentThoughtChunk", "McpServerSse"),
        *("ClientCapabilities", "SessionCapabilities", "McpCapabilities"),
    }
    found = {
        value
        for module in MODULES
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, AcpModel) and value.__module__ == module.__name__
        and not name.startswith(("_", "Unknown"))
    }  # fmt: skip
    assert {cls.__name__ for cls in found - modelled} == named
