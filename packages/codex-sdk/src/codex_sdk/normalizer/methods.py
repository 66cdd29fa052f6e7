"""What takes each notification. A method that is neither here nor in `NOT_MESSAGES` is unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from codex_sdk.normalizer import item_events, notices, turn_events
from codex_sdk.normalizer.state import ThreadState
from codex_sdk.normalizer.wire import Wire, record, text

MethodHandler = Callable[[ThreadState, Wire], None]
"""Takes the thread and the notification's params."""


def _text_delta(state: ThreadState, params: Wire) -> None:
    state.speech.text_delta(params)


def _plan_delta(state: ThreadState, params: Wire) -> None:
    state.speech.plan_delta(params)


def _summary_part(state: ThreadState, params: Wire) -> None:
    state.speech.summary_part(params)


def _summary_delta(state: ThreadState, params: Wire) -> None:
    state.speech.summary_delta(params)


def _raw_delta(state: ThreadState, params: Wire) -> None:
    state.speech.raw_delta(params)


def _output(state: ThreadState, params: Wire) -> None:
    state.cards.progress(text(params, "itemId"), text(params, "delta"), _NOTHING)


def _typed(state: ThreadState, params: Wire) -> None:
    item_id, stdin = text(params, "itemId"), text(params, "stdin")
    state.cards.typed_into(item_id)
    if stdin:
        state.cards.progress(item_id, "", {"stdin": stdin})


def _call_progress(state: ThreadState, params: Wire) -> None:
    state.cards.progress(text(params, "itemId"), text(params, "message"), _NOTHING)


def _patch_updated(state: ThreadState, params: Wire) -> None:
    state.cards.update(text(params, "itemId"), {"changes": params.get("changes")})


def _raw_item(state: ThreadState, params: Wire) -> None:
    item = record(params, "item")
    if (call := state.raw_calls.take(item)) is not None:
        state.cards.complete(state.turn(params), call)


_NOTHING: Final[Wire] = {}

METHODS: Final[Mapping[str, MethodHandler]] = {
    "item/agentMessage/delta": _text_delta,
    "item/reasoning/summaryTextDelta": _summary_delta,
    "item/reasoning/summaryPartAdded": _summary_part,
    "item/reasoning/textDelta": _raw_delta,
    "item/plan/delta": _plan_delta,
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
