"""Which request opens a session: `thread/start`, `thread/resume` or `thread/fork`, and its parameters. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agent_sdk_core.errors import UnsupportedOptionError
from agent_sdk_core.names import nearest
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.structured.strict import strict_form
from agent_sdk_core.wire.reading import Json
from codex_sdk.threads.params import thread_params
from codex_sdk.tools import tool_specs


@dataclass(frozen=True, slots=True)
class Opening:
    """A request that opens a session.

    Attributes:
        method: Its method.
        params: Its parameters.
        stored: Whether the thread is stored from the start, so that it can be resumed at once.
        answers: What its answers have to be, where the session has an output schema.
        warnings: What is passed on although this SDK does not know it.
    """

    method: Literal["thread/start", "thread/resume", "thread/fork"]
    params: Json
    stored: bool
    answers: AnswerForm | None = None
    warnings: tuple[str, ...] = ()


def opening(options: SessionOptions) -> Opening:
    """Return the request that opens a session with these options; `fork_at` is taken for a turn's id.

    Raises:
        InvalidRequestError: An option is wrong, or `fork` has nothing to fork.
        UnsupportedOptionError: An option cannot be honoured.
    """
    answers = None if options.output_schema is None else strict_form(options.output_schema, backend="codex")
    params = thread_params(options)
    unknown = _unknown(options)
    if options.resume is None:
        if options.tools is not None and len(options.tools):
            params.setdefault("dynamicTools", tool_specs(options.tools))
        params.setdefault("experimentalRawEvents", True)  # They tell of the calls that have no item.
        return Opening("thread/start", params, False, answers, unknown)
    if "dynamicTools" in params:
        raise UnsupportedOptionError(
            "The codex backend cannot change a stored session's tools: it keeps those it was started with.",
            backend="codex",
        )
    # Turns are paged in by `history()`; together they can be larger than any message should be.
    params |= {"threadId": options.resume, "excludeTurns": True}
    if not options.fork:
        return Opening("thread/resume", params, True, answers, unknown)
    if options.fork_at is not None:
        params["lastTurnId"] = options.fork_at
    return Opening("thread/fork", params, True, answers, unknown)


def _unknown(options: SessionOptions) -> tuple[str, ...]:
    """Return what Codex passes over in silence: fields of `native` that no request that opens a thread has."""
    if not options.native:
        return ()
    from codex_sdk.protocol.thread import ThreadForkParams, ThreadResumeParams, ThreadStartParams

    request = ThreadStartParams if options.resume is None else ThreadForkParams if options.fork else ThreadResumeParams
    known = [field.alias or name for name, field in request.model_fields.items()]
    told: list[str] = []
    for name in options.native:
        if name not in known:
            meant = nearest(name, known)
            hint = f"; did you mean {meant!r}?" if meant else "."
            told.append(
                f"SessionOptions.native[{name!r}] is passed on as a field of Codex's request that this SDK does not "
                f"know{hint}"
            )
    return tuple(told)
