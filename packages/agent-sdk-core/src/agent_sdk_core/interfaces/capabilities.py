"""Capabilities: what a backend declares that it can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.interfaces.account import LoginMethod
from agent_sdk_core.records import dataclass

if TYPE_CHECKING:
    from agent_sdk_core.asking.permissions import PermissionMode
    from agent_sdk_core.hooks.names import HookName


@checked_class()
@dataclass(frozen=True, slots=True)
class BackendCapabilities:
    """What a backend can do; what it does not declare raises `UnsupportedOptionError`.

    Attributes:
        resume: Sessions can be resumed.
        fork: Sessions can be copied.
        steer: A prompt can join a running turn.
        compact: A session can be compacted on request.
        shared_process: One process serves all sessions.
        images: Prompts take images.
        documents: Prompts take documents.
        audio: Prompts take audio.
        skills: Prompts take skills.
        mentions: Prompts take mentions.
        list_sessions: Stored sessions can be listed.
        edit_sessions: Stored sessions can be renamed, archived and deleted.
        tag_sessions: Stored sessions can be tagged.
        search_sessions: Stored sessions can be searched for what was said in them.
        goals: A session can pursue a goal, turn after turn.
        background_tasks: Commands that go on in the background can be listed and ended.
        mcp_status: The state of MCP servers can be asked, and they can be started anew.
        mcp_switching: MCP servers can be enabled and disabled while a session is open.
        mcp_login: Somebody can log in to an MCP server.
        permission_modes: The permission modes that it has.
        login_methods: How `login` can log in, the usual way first.
        policy_scope: Whether a policy sees every tool call, or only those the agent asks about.
        hooks: The events of `Hooks` that it has; a hook for another one raises.
        turn_options: The fields of `TurnOptions` that it can honour for one turn; setting another one raises.
        unsupported_options: The fields of `SessionOptions` that it cannot honour; setting one raises.
    """

    resume: bool = False
    fork: bool = False
    steer: bool = False
    compact: bool = False
    shared_process: bool = False
    images: bool = False
    documents: bool = False
    audio: bool = False
    skills: bool = False
    mentions: bool = False
    list_sessions: bool = False
    edit_sessions: bool = False
    tag_sessions: bool = False
    search_sessions: bool = False
    goals: bool = False
    background_tasks: bool = False
    mcp_status: bool = False
    mcp_switching: bool = False
    mcp_login: bool = False
    permission_modes: tuple[PermissionMode, ...] = ()
    login_methods: tuple[LoginMethod, ...] = ()
    policy_scope: Literal["every_call", "asked_only"] = "asked_only"
    hooks: frozenset[HookName] = frozenset()
    turn_options: frozenset[str] = frozenset()
    unsupported_options: frozenset[str] = frozenset()
