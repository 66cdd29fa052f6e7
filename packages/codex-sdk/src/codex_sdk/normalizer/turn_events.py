"""The events of a turn as a whole: its start, its end, its tokens, its checklist, its diff, its settings."""

from __future__ import annotations

from typing import Final

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import StatusMessage
from agent_sdk_core.wire.reading import Json, optional_text_at, record_at, records_at, text_at
from codex_sdk.normalizer.state import ThreadState
from codex_sdk.normalizer.turns.results import ended_by_codex, ended_by_us, result_fields, task_fields, task_summary
from codex_sdk.normalizer.turns.thread_facts import CLAUDE_MODES
from codex_sdk.normalizer.turns.turns import Turn

_OUTCOMES: Final = {"completed": "completed", "interrupted": "stopped", "gone": "stopped"}
"""How a sub-agent's task ended, by its turn's status as `finish` takes it."""

_STEP: Final = {"inProgress": "in_progress", "completed": "completed"}


def started(state: ThreadState, params: Json) -> None:
    """Take turn/started.

    Raises:
        LookupError: It does not say which turn.
    """
    turn = record_at(params, "turn")
    turn_id = text_at(turn, "id") or text_at(params, "turnId")
    if not turn_id:
        raise LookupError("the turn has no id")
    # A sub-agent's turn has one of another thread as its root.
    root_id = optional_text_at(turn, "rootTurnId") if state.turns.agent is None else None
    state.turns.begin(turn_id, root_id)


def completed(state: ThreadState, params: Json) -> None:
    """Take turn/completed. One without an id, or with one that nobody heard of, ends the turn that runs.

    What else seems to run and does nothing began with a damaged id: a thread runs one turn at a time.

    Raises:
        LookupError: It does not say which turn, and none runs.
    """
    ended = record_at(params, "turn")
    turn = state.turn({"turnId": text_at(ended, "id") or text_at(params, "turnId")})
    state.given_up.discard(turn.id)
    if not turn.ended:
        state.finished = True
        for other in [other for other in state.turns.running() if other is not turn and _is_empty(state, other)]:
            lost = ended_by_us("protocol_error", "Codex told no end of this turn.", "api_error")
            finish(state, other, "failed", lost, other.synthetic)
        # A turn that nobody interrupted was ended by a refusal, whose tool Codex completes before (0.163).
        in_tools = state.cards.busy(turn) or (bool(turn.denials) and not turn.interrupting)
        structured = state.prompts.structured(turn)
        if text_at(ended, "status") == "interrupted":
            state.prompts.leave_out(turn)
        ending = ended_by_codex(turn, ended, in_tools=in_tools, structured=structured)
        finish(state, turn, text_at(ended, "status"), ending, turn.source)


def _is_empty(state: ThreadState, turn: Turn) -> bool:
    done = turn.prompted or turn.tool_uses or turn.calls or turn.said is not None or state.speech.goes_on(turn)
    return turn.begun and not done


def finish(
    state: ThreadState, turn: Turn, status: str, ending: Json, source: Source, reason: str | None = None
) -> None:
    """Emit the end of a turn: what was being said, the open tool uses, prompts not shown yet, the result.

    A sub-agent's turn has no result; it ends a task.

    Args:
        state: The thread.
        turn: The turn.
        status: How it ended, as `Cards.settle` takes it.
        ending: What sets its result apart.
        source: Origin of the result.
        reason: What tool uses that are cut off say, where it is not Codex that ended the turn.
    """
    state.turns.begin(turn.id)
    state.speech.cut(turn)
    state.stop_compacting(turn)
    state.cards.settle(turn, status, reason)
    state.prompts.end(turn)
    if (agent := state.turns.agent) is not None:
        outcome = _OUTCOMES.get(status, "failed")
        agent.end(state.frames, outcome, task_summary(turn, ending), task_fields(turn, ending))
    else:
        state.frames.add(ResultMessage, source, result_fields(turn, state.meter, ending))
    state.turns.end(turn)


def diff_updated(state: ThreadState, params: Json) -> None:
    """Take turn/diff/updated, which repeats the whole diff of the turn; the last one is told with the result."""
    turn = state.turns.known(text_at(params, "turnId"))
    if turn is not None:
        turn.diff = optional_text_at(params, "diff") or turn.diff


def plan_updated(state: ThreadState, params: Json) -> None:
    """Take turn/plan/updated: a TodoWrite tool use with its result, a new pair each time."""
    turn = state.turn(params)
    turn.plans += 1
    todos: Json = {"todos": [_todo(step) for step in records_at(params, "plan")]}
    use_id = f"{turn.id}#plan{turn.plans}"
    source = turn.item_source(use_id, synthetic=True)
    block = {"type": "tool_use", "id": use_id, "name": "TodoWrite", "input": todos}
    state.frames.assistant(source, use_id, turn.model, block, {})
    state.frames.tool_result(source, use_id, "The plan was updated.", is_error=False, result=todos)


def tokens_updated(state: ThreadState, params: Json) -> None:
    """Take thread/tokenUsage/updated. One for a turn that we never saw is the state replayed on resume."""
    turn = state.turns.known(text_at(params, "turnId"))
    model = turn.model if turn is not None else None
    call = state.meter.update(record_at(params, "tokenUsage"), model, counts=turn is not None)
    if turn is None or call is None:
        return
    if not turn.ended:
        turn.calls += 1
        turn.tokens = turn.tokens.plus(call)
        state.cards.model_called(turn)
    state.meter.announce(state.frames, state.turns.begin(turn.id).source, call)


def settings_updated(state: ThreadState, params: Json) -> None:
    """Take thread/settings/updated: the facts change, and a change of the permission mode is told."""
    before = state.turns.facts.permission_mode
    state.turns.facts = state.turns.facts.with_settings(record_at(params, "threadSettings"))
    mode = state.turns.facts.permission_mode
    if mode is not None and mode != before:
        fields = {"status": None, "permissionMode": CLAUDE_MODES[mode]}
        state.frames.system(StatusMessage, "status", state.source(params), fields)


def _todo(step: Json) -> Json:
    content = text_at(step, "step")
    return {"content": content, "status": _STEP.get(text_at(step, "status"), "pending"), "activeForm": content}
