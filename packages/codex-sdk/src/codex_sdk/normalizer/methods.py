"""What takes each notification. A method that is neither here nor in `NOT_MESSAGES` is unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from agent_sdk_core.wire.reading import Json, record_at, text_at
from codex_sdk.normalizer import item_events, notices, turn_events
from codex_sdk.normalizer.speech.speech import RAW, SUMMARY
from codex_sdk.normalizer.state import ThreadState

MethodHandler = Callable[[ThreadState, Json], None]
"""Takes the thread and the notification's params."""


def _message(state: ThreadState, params: Json) -> None:
    state.speech.delta(params, "agentMessage")


def _plan(state: ThreadState, params: Json) -> None:
    state.speech.delta(params, "plan")


def _summary(state: ThreadState, params: Json) -> None:
    state.speech.reasoning(params, SUMMARY, "summaryIndex")


def _raw(state: ThreadState, params: Json) -> None:
    state.speech.reasoning(params, RAW, "contentIndex")


def _output(state: ThreadState, params: Json) -> None:
    state.cards.progress(text_at(params, "itemId"), text_at(params, "delta"), _NOTHING)


def _typed(state: ThreadState, params: Json) -> None:
    item_id, stdin = text_at(params, "itemId"), text_at(params, "stdin")
    state.cards.typed_into(item_id)
    if stdin:
        state.cards.progress(item_id, "", {"stdin": stdin})


def _call_progress(state: ThreadState, params: Json) -> None:
    state.cards.progress(text_at(params, "itemId"), text_at(params, "message"), _NOTHING)


def _patch_updated(state: ThreadState, params: Json) -> None:
    state.cards.update(text_at(params, "itemId"), {"changes": params.get("changes")})


def _raw_item(state: ThreadState, params: Json) -> None:
    item = record_at(params, "item")
    if (call := state.raw_calls.take(item)) is not None:
        state.cards.complete(state.turn(params), call)


_NOTHING: Final[Json] = {}

METHODS: Final[Mapping[str, MethodHandler]] = {
    "item/agentMessage/delta": _message,
    "item/reasoning/summaryTextDelta": _summary,
    "item/reasoning/summaryPartAdded": _summary,
    "item/reasoning/textDelta": _raw,
    "item/plan/delta": _plan,
    "item/commandExecution/outputDelta": _output,
    "item/commandExecution/terminalInteraction": _typed,
    "item/mcpToolCall/progress": _call_progress,
    "item/fileChange/patchUpdated": _patch_updated,
    "item/started": item_events.started,
    "item/completed": item_events.completed,
    "rawResponseItem/completed": _raw_item,
    "item/autoApprovalReview/completed": notices.auto_reviewed,
    "autoApprovalReview/strictReviewRequired": notices.strict_review,
    "turn/started": turn_events.started,
    "turn/completed": turn_events.completed,
    "turn/diff/updated": turn_events.diff_updated,
    "turn/plan/updated": turn_events.plan_updated,
    "thread/tokenUsage/updated": turn_events.tokens_updated,
    "thread/settings/updated": turn_events.settings_updated,
    "thread/name/updated": notices.renamed,
    "thread/goal/updated": notices.goal_updated,
    "thread/goal/cleared": notices.goal_updated,
    "error": notices.error,
    "warning": notices.warning,
    "guardianWarning": notices.warning,
    "configWarning": notices.warning,
    "deprecationNotice": notices.warning,
    "modelProvider/authRecoveryStarted": notices.info,
    "modelProvider/authRecoveryCompleted": notices.info,
    "model/rerouted": notices.rerouted,
    "hook/started": notices.hook_started,
    "hook/completed": notices.hook_completed,
    "mcpServer/startupStatus/updated": notices.server_status,
    "account/rateLimits/updated": notices.rate_limits,
}
"""Handler by method."""
