"""The notifications that are deliberately no message, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_BY_REASON: Final[Mapping[str, tuple[str, ...]]] = {
    "the session's state, kept by its driver": (
        "thread/started",
        "thread/status/changed",
        "thread/closed",
        "thread/archived",
        "thread/unarchived",
        "thread/deleted",
        "thread/reverted",
        "thread/environment/connected",
        "thread/environment/disconnected",
        "thread/queue/changed",
        "serverRequest/resolved",
    ),
    "what Codex's own apps keep of a thread": (
        "thread/readState/changed",
        "thread/prediction/updated",
        "thread/project/updated",
        "thread/attachment/updated",
        "project/changed",
    ),
    "the backend's, not a thread's": (
        "account/updated",
        "account/login/completed",
        "account/gatewayOAuth/changed",
        "app/list/updated",
        "skills/changed",
        "remoteControl/status/changed",
        "externalAgentConfig/import/progress",
        "externalAgentConfig/import/completed",
        "mcpServer/oauthLogin/completed",
        "mcpServer/event/stream/notification",
        "windows/worldWritableWarning",
        "windowsSandbox/setupCompleted",
    ),
    "answers requests that only the native interface makes": (
        "command/exec/outputDelta",
        "process/outputDelta",
        "process/exited",
        "fs/changed",
        "fuzzyFileSearch/sessionUpdated",
        "fuzzyFileSearch/sessionCompleted",
        "thread/realtime/started",
        "thread/realtime/closed",
        "thread/realtime/error",
        "thread/realtime/sdp",
        "thread/realtime/itemAdded",
        "thread/realtime/item/started",
        "thread/realtime/item/completed",
        "thread/realtime/item/transcript/delta",
        "thread/realtime/outputAudio/delta",
        "thread/realtime/transcript/delta",
        "thread/realtime/transcript/done",
    ),
    "said again by an item": (
        "thread/compacted",
        "item/fileChange/outputDelta",
        "item/autoApprovalReview/started",
        "rawResponse/completed",
    ),
    "the provider's bookkeeping": (
        "turn/moderationMetadata",
        "model/verification",
        "model/safetyBuffering/updated",
    ),
}

NOT_MESSAGES: Final[Mapping[str, str]] = {
    method: reason for reason, methods in _BY_REASON.items() for method in methods
}
"""Reason by method."""
