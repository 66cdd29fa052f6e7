"""One prompt to Codex, from nothing to its result."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from agent_sdk_core.arguments import checked
from agent_sdk_core.factory import one_shot
from agent_sdk_core.interfaces.turn import Turn
from agent_sdk_core.messages.typed import TypedResult
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt
from codex_sdk.backend import CodexBackend

T = TypeVar("T")


@overload
def query(prompt: Prompt, *, backend: CodexBackend | None = None, options: SessionOptions | None = None) -> Turn: ...
@overload
def query(
    prompt: Prompt,
    *,
    backend: CodexBackend | None = None,
    options: SessionOptions | None = None,
    output_type: type[T],
) -> Turn[TypedResult[T]]: ...
@overload
def query(
    prompt: Prompt, *, backend: CodexBackend | None = None, options: SessionOptions | None = None, output_type: Any
) -> Turn[Any]: ...
@checked
def query(
    prompt: Prompt,
    *,
    backend: CodexBackend | None = None,
    options: SessionOptions | None = None,
    output_type: Any = None,
) -> Turn[Any]:
    """Return a turn that opens a session of its own for one prompt, and closes it with the turn.

    Args:
        prompt: The prompt.
        backend: Backend to use, as it is; absent: a new one, made as configured, which ends with the turn.
        options: Options of the session; they beat what is configured.
        output_type: What the answer shall be, as for `AgentSession.query`; it is `result.output`.

    Raises:
        InvalidRequestError: The prompt is empty or malformed, the configuration is wrong, or no answer can be of this
            type.
    """
    return one_shot.query(prompt, backend=backend or CodexBackend.type, options=options, output_type=output_type)
