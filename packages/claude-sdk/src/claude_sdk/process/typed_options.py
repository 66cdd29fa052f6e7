"""Session options that are flags or `initialize` fields of claude's one for one. Pure but for the paths it checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import existing_folder, existing_option_file
from agent_sdk_core.sub_agents import AgentDefinition
from agent_sdk_core.wire.reading import Json, records_of, texts_of
from claude_sdk.modes import MODES


def typed_flags(options: SessionOptions) -> Iterator[str]:
    """Return the arguments that options amount to which are left out if they are not set.

    Raises:
        InvalidRequestError: A folder or a file is not there.
    """
    if options.builtin_tools is not None:
        yield f"--tools={','.join(options.builtin_tools)}"
    if options.fallback_model is not None:
        yield f"--fallback-model={options.fallback_model}"
    for beta in options.betas:  # Of a list with commas it would take none.
        yield f"--betas={beta}"
    if options.max_thinking_tokens is not None:
        yield f"--max-thinking-tokens={options.max_thinking_tokens}"
    if options.strict_mcp_servers:
        yield "--strict-mcp-config"
    if options.ephemeral:
        yield "--no-session-persistence"
    if options.settings is not None and not isinstance(options.settings, Mapping):
        yield f"--settings={existing_option_file('settings', options.settings, backend='claude')}"
    for folder in options.plugins:
        yield f"--plugin-dir={existing_folder('plugins', folder, backend='claude')}"


def typed_fields(options: SessionOptions) -> Json:
    """Return the fields of `initialize` that options amount to."""
    fields: Json = {}
    if options.agents:
        fields["agents"] = {name: _agent(definition) for name, definition in options.agents.items()}
    if options.skills is not None:
        fields["skills"] = list(options.skills)
    return fields


def flag_settings(options: SessionOptions) -> Json | None:
    """Return the settings that claude is told when it has started, for what is on a command line can be read by all.

    They come later than its arguments, and what an option of its own says is therefore left out.
    """
    if not isinstance(options.settings, Mapping):
        return None
    settings = {**options.settings}
    for option, key in (("model", "model"), ("reasoning_effort", "effortLevel")):
        if getattr(options, option) is not None:
            settings.pop(key, None)
    if options.permission_mode is not None and isinstance(permissions := settings.get("permissions"), Mapping):
        told = cast("Mapping[str, object]", permissions)
        settings["permissions"] = {key: value for key, value in told.items() if key != "defaultMode"}
    return settings


def _agent(definition: AgentDefinition) -> Json:
    fields: Json = {
        "description": definition.description,
        "prompt": definition.prompt,
        "model": definition.model,
        "effort": definition.reasoning_effort,
        "tools": None if definition.tools is None else list(definition.tools),
        "disallowedTools": list(definition.disallowed_tools) or None,
        "permissionMode": None if definition.permission_mode is None else MODES[definition.permission_mode],
        "maxTurns": definition.max_turns,
        "skills": None if definition.skills is None else list(definition.skills),
        "mcpServers": None if definition.mcp_servers is None else list(definition.mcp_servers),
        "background": definition.background,
    }
    return {name: value for name, value in fields.items() if value is not None}


def passed_over(options: SessionOptions, init: Json) -> Iterator[str]:
    """Return, as sentences, what claude left out of the options without a word, by the first message of a turn."""
    told = {
        "builtin_tools": (options.builtin_tools or (), texts_of(init.get("tools"))),
        "betas": (options.betas, texts_of(init.get("betas"))),
        "agents": (tuple(options.agents), texts_of(init.get("agents"))),
    }
    for option, (asked, taken) in told.items():
        if lost := [name for name in asked if name not in taken and name != "default"]:
            yield f"claude knows no {', '.join(map(repr, lost))} of SessionOptions.{option}, and does without."
    for problem in records_of(init.get("plugin_errors")):
        yield f"claude could not load a plugin: {problem.get('message') or problem.get('type')}."
