"""What a prompt asks of its turn: options and the type of its answer, checked before the prompt is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.structured.output_type import OutputType
from agent_sdk_core.turn_options import TurnOptions


def asked_options(
    options: TurnOptions | None,
    output_type: Any,
    *,
    backend: str,
    capabilities: BackendCapabilities,
    answers: AnswerForm | None,
) -> tuple[TurnOptions | None, OutputType | None]:
    """Return the options of a turn, the schema of its type included, and the type; None for none.

    Args:
        options: The options as they were given.
        output_type: The type as it was given.
        backend: Name of the backend.
        capabilities: What it can do.
        answers: What the session's answers have to be; to ask for the same once more is no change.

    Raises:
        InvalidRequestError: It is no type that an answer can be of, or they ask for two schemas.
        UnsupportedOptionError: The backend cannot honour one of them for one turn.
    """
    if options is None and output_type is None:
        return None, None
    options = options or TurnOptions()
    wanted = None
    if output_type is not None:
        if options.output_schema is not None:
            raise InvalidRequestError(
                "output_type and TurnOptions.output_schema ask for two answers; say it once.",
                details={"option": "output_type"},
            )
        wanted = OutputType(output_type)
        options = options.model_copy(update={"output_schema": wanted.schema})
    supported = capabilities.turn_options
    if (
        answers is not None
        and options.output_schema is not None
        and _plain(options.output_schema) == answers.asked.schema
    ):
        supported |= {"output_schema"}
    try:
        options.require_supported(backend, supported)
    except UnsupportedOptionError as error:
        if wanted is None or error.details.get("option") != "output_schema":
            raise
        raise UnsupportedOptionError(
            f"The {backend} backend cannot ask for an output_type in one turn of a session. Open a session for it, "
            "with SessionOptions(output_schema=TypeAdapter(…).json_schema()), or run it alone: "
            "query(…, output_type=…).",
            backend=backend,
            details={"option": "output_type"},
        ) from None
    return (options if options.chosen else None), wanted


def _plain(schema: Mapping[str, object]) -> object:
    import json

    return json.loads(json.dumps(schema, default=dict))
