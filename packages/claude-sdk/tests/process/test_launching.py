from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import (
    InvalidRequestError,
    PermissionMode,
    SandboxPolicy,
    SessionOptions,
    UnsupportedOptionError,
    tool,
)
from claude_sdk.modes import MODES
from claude_sdk.process.launching import Launch, launch_plan
from claude_sdk.process.typed_options import flag_settings

ID = "00000001-0000-4000-8000-000000000001"
OTHER = "00000001-0000-4000-8000-000000000002"
BASE = (
    "--output-format=stream-json",
    "--input-format=stream-json",
    "--verbose",
    "--permission-prompt-tool=stdio",
)


def plan(*, env: dict[str, str] | None = None, session_id: str = ID, **fields: Any) -> Launch:
    extra = {name: fields.pop(name) for name in ("resume_at", "announced", "stored_cwd") if name in fields}
    if "stored_cwd" in extra:
        extra["cwd"] = extra.pop("stored_cwd")
    return launch_plan(SessionOptions(**fields), env=env or {}, session_id=session_id, **extra)


def arguments(**fields: Any) -> tuple[str, ...]:
    """Return what is added to the arguments that every process gets."""
    launched = plan(**fields).arguments
    assert launched[: len(BASE)] == BASE
    return launched[len(BASE) :]


class TestArguments:
    def test_a_new_session_has_the_id_that_we_choose(self) -> None:
        launch = plan()
        assert launch.arguments == (
            *BASE, "--include-partial-messages", f"--session-id={ID}", "--setting-sources=user"
        )  # fmt: skip
        assert (launch.session_id, launch.stored, launch.cwd) == (ID, False, Path.cwd())

    def test_a_resumed_session_keeps_its_id(self) -> None:
        launch = plan(resume=OTHER)
        assert f"--resume={OTHER}" in launch.arguments
        assert not [each for each in launch.arguments if each.startswith(("--session-id", "--fork"))]
        assert (launch.session_id, launch.stored) == (OTHER, True)

    def test_a_forked_session_has_a_new_one(self) -> None:
        launch = plan(resume=OTHER, fork=True, resume_at="asked")
        assert launch.arguments[5:9] == (
            f"--resume={OTHER}", "--fork-session", "--resume-session-at=asked", f"--session-id={ID}"
        )  # fmt: skip
        assert (launch.session_id, launch.stored) == (ID, False)

    def test_partial_messages_can_be_left_out(self) -> None:
        assert "--include-partial-messages" not in plan(include_partial_messages=False).arguments

    def test_what_is_named_is_an_argument_and_nothing_else(self) -> None:
        assert arguments(model="m", reasoning_effort="high", max_turns=3, max_budget_usd=0.5)[3:] == (
            "--model=m", "--effort=high", "--max-turns=3", "--max-budget-usd=0.5"
        )  # fmt: skip

    @pytest.mark.parametrize(("mode", "theirs"), MODES.items())
    def test_every_mode_is_spelt_as_claude_does(self, mode: PermissionMode, theirs: str) -> None:
        added = arguments(permission_mode=mode)
        assert f"--permission-mode={theirs}" in added
        assert ("--allow-dangerously-skip-permissions" in added) is (mode == "bypass")

    @pytest.mark.parametrize(
        ("sources", "argument"), [((), ""), (("user", "project"), "user,project"), (("local",), "local")]
    )
    def test_setting_sources_are_the_callers(self, sources: Any, argument: str) -> None:
        assert f"--setting-sources={argument}" in arguments(setting_sources=sources)

    def test_tools_and_folders_are_listed(self, tmp_path: Path) -> None:
        added = arguments(
            allowed_tools=("Read", "Bash(git log *)"),
            disallowed_tools=("WebFetch",),
            add_dirs=(tmp_path, str(tmp_path)),
        )
        assert added[3:] == (
            f"--add-dir={tmp_path}", f"--add-dir={tmp_path}", "--allowedTools=Read,Bash(git log *)",
            "--disallowedTools=WebFetch",
        )  # fmt: skip

    def test_servers_of_the_caller_come_with_the_handshake(self) -> None:
        launch = plan(mcp_servers={"files": {"command": "serve", "env": {"KEY": "secret"}}})
        assert launch.arguments[-1] == "--await-initialize"
        assert "secret" not in str(launch.arguments)
        assert launch.initialize["mcpServers"] == {
            "files": {"type": "stdio", "command": "serve", "args": [], "env": {"KEY": "secret"}, "timeout": 600_000}
        }

    def test_flags_of_the_callers_own_come_last(self) -> None:
        launch = plan(native={"flags": {"fallback-model": "haiku", "bare": True, "max-turns": 2}}, max_turns=1)
        assert launch.arguments[-4:] == ("--max-turns=1", "--fallback-model=haiku", "--bare", "--max-turns=2")
        assert "flags" not in launch.initialize

    @pytest.mark.parametrize("flags", ["--bare", ["--bare"], None, 7])
    def test_flags_without_names_are_refused(self, flags: object) -> None:
        with pytest.raises(InvalidRequestError, match="flags of claude by name"):
            plan(native={"flags": flags})


class TestSettings:
    def test_rules_say_about_which_tools_of_the_application_nobody_is_asked(self) -> None:
        @tool(read_only=True)
        async def looking() -> None:
            """Look."""

        @tool(ask="always")
        async def acting() -> None:
            """Act."""

        ours = {"allow": ["mcp__tools__looking"], "ask": ["mcp__tools__acting"]}
        options = SessionOptions(tools=[looking, acting])
        assert not [flag for flag in arguments(tools=[looking]) if flag.startswith("--allowedTools")]
        assert flag_settings(options) == {"permissions": ours}
        given = {"permissions": {"ask": ["Bash"], "deny": ["Read"], "defaultMode": "plan"}, "model": "a"}
        options = options.model_copy(update={"settings": given, "permission_mode": "default", "model": "b"})
        assert flag_settings(options) == {
            "permissions": {"allow": ours["allow"], "ask": ["Bash", *ours["ask"]], "deny": ["Read"]}
        }

    def test_without_tools_and_settings_there_is_nothing_to_tell(self) -> None:
        assert flag_settings(SessionOptions()) is None
        assert flag_settings(SessionOptions(settings={"model": "a"})) == {"model": "a"}


class TestInitialize:
    def test_it_says_little_by_itself(self) -> None:
        assert plan().initialize == {"forwardSubagentText": True}

    def test_prompts_and_schemas_never_are_arguments(self) -> None:
        schema = {"type": "object"}
        launch = plan(append_system_prompt="more", output_schema=schema)
        assert launch.initialize == {
            "forwardSubagentText": True, "appendSystemPrompt": "more", "jsonSchema": schema
        }  # fmt: skip
        assert plan(system_prompt="all").initialize["systemPrompt"] == "all"

    def test_a_prompt_is_said_in_place_of_the_one_that_a_resumed_conversation_has(self) -> None:
        assert plan(resume="x", append_system_prompt="more").initialize["systemPromptSnapshot"] is False
        assert plan(resume="x", system_prompt="all").initialize["systemPromptSnapshot"] is False
        assert "systemPromptSnapshot" not in plan(resume="x").initialize

    def test_native_fields_go_before_ours(self) -> None:
        launch = plan(announced={"sdkMcpServers": ["app"]}, native={"forwardSubagentText": False, "title": "T"})
        assert launch.initialize == {"forwardSubagentText": False, "sdkMcpServers": ["app"], "title": "T"}


class TestFolder:
    def test_the_callers_goes_before_the_stored_one_and_that_before_ours(self, tmp_path: Path) -> None:
        (tmp_path / "stored").mkdir()
        (tmp_path / "mine").mkdir()
        stored = str(tmp_path / "stored")
        assert plan(resume=OTHER, stored_cwd=stored).cwd == tmp_path / "stored"
        assert plan(resume=OTHER, stored_cwd=stored, cwd=tmp_path / "mine").cwd == tmp_path / "mine"

    def test_one_that_cannot_be_used_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidRequestError, match=r"SessionOptions\.cwd: .*missing does not exist"):
            plan(cwd=tmp_path / "missing")
        with pytest.raises(InvalidRequestError, match=r"SessionOptions\.add_dirs: .*missing does not exist"):
            plan(add_dirs=(tmp_path / "missing",))


class TestEnvironment:
    ENV = {
        "PATH": "/bin", "HOME": "/home/ada", "LC_ALL": "C", "ANTHROPIC_API_KEY": "k", "CLAUDE_CONFIG_DIR": "/c",
        "https_proxy": "http://p", "CLAUDECODE": "1", "SECRET": "s", "EXTRA": "e",
    }  # fmt: skip
    OURS = {
        "CLAUDE_CODE_ENTRYPOINT",
        "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS",
        "CLAUDE_CODE_ENABLE_SDK_FILE_CHECKPOINTING",
    }

    def names(self, **fields: Any) -> set[str]:
        return set(plan(env=self.ENV, **fields).env) - self.OURS

    @pytest.mark.parametrize("inherit", [None, True])
    def test_it_is_the_whole_one_but_for_what_says_that_we_run_inside_of_claude(self, inherit: bool | None) -> None:
        assert self.names(inherit_env=inherit) == set(self.ENV) - {"CLAUDECODE"}

    def test_without_inheritance_only_what_claude_needs_is_left(self) -> None:
        needed = set(self.ENV) - {"CLAUDECODE", "SECRET", "EXTRA"}
        assert self.names(inherit_env=False) == needed
        assert self.names(inherit_env=("EXTRA", "ABSENT")) == needed | {"EXTRA"}

    def test_the_sessions_own_variables_are_added(self) -> None:
        options = SessionOptions(env={"EXTRA": "mine", "NEW": "n", "CLAUDE_CODE_ENTRYPOINT": "x"})
        env = launch_plan(options, env=self.ENV, session_id=ID).env
        assert (env["EXTRA"], env["NEW"], env["CLAUDE_CODE_ENTRYPOINT"]) == ("mine", "n", "sdk-py")
        assert self.ENV["EXTRA"] == "e"


class TestRefusals:
    @pytest.mark.parametrize("value", ["mine", "../../etc/x", ID.replace("-", ""), "{" + ID + "}", ID + "\n"])
    def test_an_id_that_is_no_uuid_is_refused_before_it_becomes_a_path(self, value: str) -> None:
        with pytest.raises(InvalidRequestError, match="nothing but a UUID"):
            launch_plan(SessionOptions(session_id=value), env={}, session_id=value)

    def test_an_id_in_capitals_is_a_uuid_too(self) -> None:
        wanted = ID.replace("1", "A")
        options = SessionOptions(session_id=wanted)
        assert launch_plan(options, env={}, session_id=wanted).session_id == wanted

    def test_a_sandbox_is_not_for_claude(self) -> None:
        with pytest.raises(UnsupportedOptionError, match="sandbox"):
            plan(sandbox=SandboxPolicy(mode="read-only"))
