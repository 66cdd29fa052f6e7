"""What the agent in memory tells its model: a conversation as a request, in the words of Anthropic Messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from agent_sdk_core import SDKMessage, SessionOptions
from agent_sdk_testing.memory.turn import Voice
from agent_sdk_testing.model.anthropic.request import parse
from agent_sdk_testing.model.requests import ModelRequest

Json = dict[str, Any]

DEFAULT_MODEL: Final = "memory-1"

_OWN_TOOLS: Final[Mapping[str, str]] = {
    "Bash": "Run a command.",
    "Read": "Read a file.",
    "Write": "Write a file.",
    "Edit": "Edit a file.",
    "Glob": "Find files by name.",
    "Grep": "Search files.",
    "WebFetch": "Read a web page.",
    "WebSearch": "Search the web.",
    "TodoWrite": "Keep a list.",
    "Agent": "Start a sub-agent.",
    "AskUserQuestion": "Ask the user.",
    "ExitPlanMode": "Propose a plan.",
}
"""Those of Claude that the actions of a script look for, and an application sees most."""


@dataclass
class Talk:
    """A conversation with the model: that of the session, or of a sub-agent.

    Attributes:
        voice: Who speaks in it with the model.
        instructions: What the model is told before all.
        told: What was said, as the model is told it.
    """

    voice: Voice
    instructions: str
    told: list[Json] = field(default_factory=list[Json])


def as_told(messages: Iterable[SDKMessage]) -> Iterator[Json]:
    """Return what the model is told of messages: what was said, and what tools returned."""
    for message in messages:
        if message.type == "assistant":
            content = message.to_wire()["message"]["content"]
            yield {"role": "assistant", "content": content}
        elif message.type == "user":
            yield {"role": "user", "content": message.to_wire()["message"]["content"]}


def tools_of(options: SessionOptions, named: Iterable[str]) -> list[Json]:
    """Return the tools that a session offers its model.

    Args:
        options: The session's options.
        named: Further tools of the agent's own.
    """
    wanted, refused = options.builtin_tools, options.disallowed_tools
    own = {**dict.fromkeys(named, "A tool of the test."), **_OWN_TOOLS}
    tools: list[Json] = [
        {"name": name, "description": told, "input_schema": {"type": "object"}}
        for name, told in own.items()
        if (wanted is None or name in wanted) and name not in refused
    ]
    for registry in options.registries:
        for entry in registry:
            name = f"mcp__{registry.name}__{entry.name}"
            tools.append({"name": name, "description": entry.description, "input_schema": entry.input_schema})
    return tools


def instructions_of(options: SessionOptions, cwd: str) -> str:
    """Return what a session tells its model before all."""
    own = "You are the agent in memory." if options.system_prompt is None else options.system_prompt
    parts = [own, options.append_system_prompt, f"Working directory: {cwd}"]
    return "\n\n".join(part for part in parts if part)


def request_of(talk: Talk, *, tools: list[Json], model: str, effort: str | None, schema: object) -> ModelRequest:
    """Return the request by which the model is asked to go on."""
    body: Json = {"model": model, "system": talk.instructions, "messages": talk.told, "tools": tools, "stream": True}
    output: Json = {}
    if effort is not None:
        output["effort"] = effort
    if schema is not None:
        output["format"] = {"type": "json_schema", "schema": schema}
    if output:
        body["output_config"] = output
    return ModelRequest("POST", "/v1/messages", {}, json.dumps(body, default=dict).encode(), parse=parse)
