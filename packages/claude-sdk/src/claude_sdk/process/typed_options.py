"""Session options that are flags or `initialize` fields of claude's one for one. Pure but for the paths it checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import existing_folder, existing_option_file
from agent_sdk_core.sub_agents import AgentDefinition
from agent_sdk_core.wire.reading import Json, record_of, records_of, texts_of
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


def flag_settings(options: SessionOptions, rules: Iterable[tuple[str, str]] = ()) -> Json | None:
    """Return the settings that claude is told when it has started, for what is on a command line can be read by all.

    They come later than its arguments, and what an option of its own says is therefore left out. Rules say about which
    tools of the application nobody is asked, and about which somebody is each time, for no mode and no other rule lifts
    an "ask" (2.1.329); these can be told again when the tools have changed.

    Args:
        options: The session's options.
        rules: Further rules, each with its list, which answers added before claude was started again.
    """
    settings = {**options.settings} if isinstance(options.settings, Mapping) else {}
    for option, key in (("model", "model"), ("reasoning_effort", "effortLevel")):
        if getattr(options, option) is not None:
            settings.pop(key, None)
    permissions = {**record_of(settings.get("permissions"))}
    if options.permission_mode is not None:
        permissions.pop("defaultMode", None)
    for verdict, attribute in (("allow", "unasked"), ("ask", "always_asked")):
        if options.registries:
            names = [name for registry in options.registries for name in getattr(registry, attribute)]
            permissions[verdict] = [*texts_of(permissions.get(verdict)), *names]
    for verdict, text in rules:
        permissions[verdict] = [*texts_of(permissions.get(verdict)), text]
    return {**settings, **({"permissions": permissions} if permissions else {})} or None


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
