"""Overrides of Codex's configuration: which keys there are, and how two tables become one. Pure.

Codex (0.163) passes over keys that it does not know, without a word unless it is told to be strict. A test asks the
pinned codex for each of them, with `--strict-config`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from agent_sdk_core.wire.reading import Json

KEYS: Final = frozenset(
    """
    agents allow_login_shell allow_symlinked_codex_home analytics approval_policy approvals_reviewer apps
    apps_mcp_product_sku audio auto_review background_terminal_max_timeout browser_use bypass_hook_trust
    chatgpt_base_url check_for_update_on_startup cli_auth_credentials_store cloud compact_prompt computer_use
    default_permissions desktop developer_instructions disable_paste_burst experimental_compact_prompt_file
    experimental_realtime_start_instructions experimental_realtime_webrtc_call_base_url
    experimental_realtime_ws_backend_prompt experimental_realtime_ws_base_url experimental_realtime_ws_model
    experimental_realtime_ws_startup_context experimental_thread_store experimental_thread_store_endpoint
    experimental_use_unified_exec_tool features feedback file_opener forced_chatgpt_workspace_id forced_login_method
    ghost_snapshot goals hide_agent_reasoning history hooks include_apps_instructions
    include_collaboration_mode_instructions include_environment_context include_permissions_instructions
    instructions js_repl_node_module_dirs js_repl_node_path log_dir marketplaces mcp_enterprise_managed_auth
    mcp_oauth_callback_port mcp_oauth_callback_url mcp_oauth_credentials_store mcp_optional_startup_grace_ms
    mcp_servers memories model model_auto_compact_token_limit model_auto_compact_token_limit_scope
    model_catalog_json model_context_window model_instructions_file model_post_turn_compact_threshold_percent
    model_provider model_providers model_reasoning_effort model_reasoning_summary model_verbosity notice notify
    openai_base_url orchestrator oss_provider otel permissions personality plan_mode_reasoning_effort plugins
    profile profiles project_doc_fallback_filenames project_doc_max_bytes project_root_markers projects realtime
    responses_api_metadata review_model sandbox_mode sandbox_workspace_write service_tier shell_environment_policy
    show_raw_agent_reasoning skills sqlite_home suppress_unstable_features_warning thread_unload_delay_secs
    tool_output_token_limit tool_suggest tools tui web_search windows
    """.split()  # noqa: SIM905  # a name a line would be a page
)
"""The keys at the top."""

TABLES: Final[Mapping[str, frozenset[str]]] = {
    "sandbox_workspace_write": frozenset(
        {"exclude_slash_tmp", "exclude_tmpdir_env_var", "network_access", "writable_roots"}
    ),
    "shell_environment_policy": frozenset(
        {"exclude", "experimental_use_profile", "ignore_default_excludes", "include_only", "inherit", "set"}
    ),
}
"""The keys of tables in which a mistyped one changes what the agent may do."""


def unknown_keys(config: Mapping[str, object]) -> Iterator[tuple[str, frozenset[str]]]:
    """Return the keys of a configuration that Codex does not know, dotted, each with those there are in its place."""
    for key, value in config.items():
        top, _, rest = key.partition(".")
        if top not in KEYS:
            yield key, KEYS
        elif top in TABLES:
            inner = (
                (rest,) if rest else tuple(cast("Mapping[str, object]", value if isinstance(value, Mapping) else {}))
            )
            for name in inner:
                if name.partition(".")[0] not in TABLES[top]:
                    yield f"{top}.{name}", TABLES[top]


def merged(weak: Json, strong: Mapping[str, object]) -> Json:
    """Return two configurations as one: tables are merged, of anything else the strong one's counts."""
    both = dict(weak)
    for key, value in strong.items():
        mine = both.get(key)
        if isinstance(mine, dict) and isinstance(value, Mapping):
            both[key] = merged(cast("Json", mine), cast("Mapping[str, object]", value))
        else:
            both[key] = value
    return both
