"""The kinds of frames that this package knows, of claude 2.1: any other passes through, is counted, and told once."""

from __future__ import annotations

from typing import Final

from agent_sdk_core.wire.reading import Json

KNOWN_FRAMES: Final = frozenset(
    {
        "active_goal",
        "assistant",
        "auth_status",
        "command_lifecycle",
        "conversation_reset",
        "keep_alive",
        "prompt_suggestion",
        "rate_limit_event",
        "result",
        "stream_event",
        "system/api_retry",
        "system/background_tasks_changed",
        "system/commands_changed",
        "system/compact_boundary",
        "system/control_request_progress",
        "system/elicitation_complete",
        "system/files_persisted",
        "system/hook_progress",
        "system/hook_response",
        "system/hook_started",
        "system/informational",
        "system/init",
        "system/local_command_output",
        "system/memory_recall",
        "system/mirror_error",
        "system/model_fallback",
        "system/model_refusal_fallback",
        "system/model_refusal_no_fallback",
        "system/notification",
        "system/permission_denied",
        "system/plugin_install",
        "system/session_state_changed",
        "system/session_title_changed",
        "system/session_writes_lost",
        "system/status",
        "system/task_notification",
        "system/task_progress",
        "system/task_started",
        "system/task_updated",
        "system/thinking_tokens",
        "system/ui_invalidate",
        "system/worker_shutting_down",
        "tool_progress",
        "tool_use_summary",
        "transcript_mirror",
        "user",
    }
)


def frame_kind(frame: Json) -> str:
    """Return what kind a frame is of: its type, and the subtype of a system frame."""
    kind = frame.get("type")
    return f"system/{frame.get('subtype')}" if kind == "system" else str(kind)
