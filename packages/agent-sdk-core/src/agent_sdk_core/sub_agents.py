"""The definition of a sub-agent: what it is for, what it is told, and what it may use."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool

from agent_sdk_core.asking.mode_names import mode_of
from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.option_values import Names, Options, Text, wrong


def checked_mode(value: Any) -> Any:
    """Return the mode that an option names in any spelling, for pydantic to check.

    Raises:
        ValueError: It is a word of an agent's for something else.
    """
    if not isinstance(value, str):
        return value
    try:
        return mode_of(value)
    except InvalidRequestError as error:
        raise wrong(f"cannot be this: {error.message.rstrip('.')}") from None


class AgentDefinition(Options):
    """A sub-agent that the agent can start, for `SessionOptions.agents`; what is left out is as in the session.

    Attributes:
        description: When to use it; the model chooses by it.
        prompt: What the sub-agent is told: its system prompt on Claude, its developer instructions on Codex.
        model: Model id as the agent knows it.
        reasoning_effort: How much its model reasons.
        tools: Names of the tools that it has; None: all. Claude only.
        disallowed_tools: Names of tools that it has not. Claude only.
        permission_mode: How much it may do unasked. Claude only.
        max_turns: Model calls that it may take. Claude only.
        skills: Names of the skills that it knows from the start. Claude only.
        mcp_servers: Names of MCP servers of the session that it may use. Claude only.
        background: Whether it always runs in the background. Claude only.

    Raises:
        InvalidRequestError: A field does not exist, is missing, or has a value that is of no use; the message names it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    description: Text
    prompt: Text
    model: Text | None = None
    reasoning_effort: Text | None = None
    tools: Names | None = None
    disallowed_tools: Names = ()
    permission_mode: Annotated[PermissionMode | None, BeforeValidator(checked_mode)] = None
    max_turns: Annotated[int, Field(gt=0, strict=True)] | None = None
    skills: Names | None = None
    mcp_servers: Names | None = None
    background: StrictBool | None = None

    def require_only(self, *supported: str, name: str, backend: str) -> None:
        """Refuse the fields that a backend cannot honour.

        Args:
            supported: Names of those that it can, beside description and prompt.
            name: Name of the sub-agent, for the message.
            backend: Name of the backend.

        Raises:
            UnsupportedOptionError: Another one is set.
        """
        for field, info in type(self).model_fields.items():
            if field in ("description", "prompt", *supported) or getattr(self, field) == info.get_default():
                continue
            raise UnsupportedOptionError(
                f"The {backend} backend cannot honour {field!r} of SessionOptions.agents[{name!r}]; leave it unset or "
                "choose a backend that can.",
                backend=backend,
                details={"option": "agents"},
            )
