"""The real agents under these tests: how each is pointed at the scripted model, and what it has."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

from tests.acp import installing

from acp_sdk import AcpBackend, AcpSession
from agent_sdk_core import AgentBackend, AgentSession, PermissionMode
from agent_sdk_testing import Action as Acting
from agent_sdk_testing import ScriptedModel, Step, call
from agent_sdk_testing.contract.agent import HTTP_FAILURES, Action, Failure, Verdict
from agent_sdk_testing.contract.process_agent import Impostor, ProcessAgent
from agent_sdk_testing.contract.traits import Trait
from agent_sdk_testing.model.requests import ModelRequest
from agent_sdk_testing.model.steps import JsonValue

BASE = AcpBackend.capabilities
QUICK_CLOCK = Path(__file__).parent / "programs" / "quick_clock.cjs"


class Opencode(AcpBackend):
    """opencode: what it can do is declared before it is started, for the cases to be chosen by it."""

    type = "opencode"
    capabilities = replace(
        BASE,
        audio=False,
        documents=False,
        skills=False,
        permission_modes=("default", "accept_edits", "plan", "bypass"),
        turn_options=BASE.turn_options - {"reasoning_effort"},
        unsupported_options=BASE.unsupported_options | {"reasoning_effort", "add_dirs"},
    )


class Gemini(AcpBackend):
    """Gemini CLI: it lists no sessions."""

    type = "gemini"
    capabilities = replace(
        BASE,
        fork=False,
        documents=False,
        list_sessions=False,
        permission_modes=("default", "accept_edits", "plan", "bypass"),
        turn_options=BASE.turn_options - {"reasoning_effort"},
        unsupported_options=BASE.unsupported_options | {"reasoning_effort", "add_dirs", "fork"},
    )


PER_FOLDER = "a process is started for each folder, and not before a session wants it"
APART: Mapping[str, str] = {
    "test_backend.test_events_tell_that_the_agent_started": PER_FOLDER,
    "test_sessions.test_starts_at_the_same_time_start_one_process": PER_FOLDER,
    "test_options.test_no_other_option_than_the_declared_ones_is_refused": "it has no hooks on "
    "tools, and of `settings` its own ids",
    "test_options.test_native_options_reach_the_agent_and_beat_ours": "`native` goes with the request that opens a "
    "session, in which no model is named",
    "test_options.test_a_native_option_that_nobody_knows_is_refused_with_the_nearest": "what an agent takes beside the "
    "protocol, nobody here knows",
}
"""What no agent behind this backend has."""

OTHER_WORDS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "test_startup.test_a_missing_executable_says_how_to_install_it",
            "test_startup.test_no_executable_at_all_says_how_to_install_it",
        ),
        "how an agent of another's is installed, its own pages say",
    ),
    "test_startup.test_a_version_that_is_too_old_names_both_versions": "the versions that are compared are the "
    "protocol's",
    "test_startup.test_a_bad_model_fails_its_turn_with_what_the_provider_says": "a model that the agent does not offer "
    "is refused when it is chosen",
    **dict.fromkeys(
        (
            "test_mcp_servers.test_a_server_is_taken_in_the_spelling_of_each_official_package",
            "test_mcp_servers.test_a_server_that_never_answers_is_given_up",
            "test_mcp_servers.test_a_call_that_is_never_answered_is_an_error_and_the_turn_goes_on",
        ),
        "the protocol has no word for the patience with an MCP server, so that one with it is refused",
    ),
}
"""What is told otherwise of an agent that is any program."""

FAILURES: Mapping[Failure, Step] = {name: HTTP_FAILURES[name] for name in ("bad request", "unauthorized")}
"""Of the others they ask again, for longer than anybody waits."""

NO_OUTPUT = "it does not tell what a command printed, nor how it ended"
AT_THE_END = "it tells the tokens of a turn when that has ended"
_STATUS = "test_failures.test_a_status_of_the_provider_has_one_code_whichever_agent_saw_it"
ASKS_AGAIN = "it asks its model again for longer than a case waits"
NO_STATUS = "it tells what its provider said, and not the status"
_STATUSES = (
    "402-UsageLimitError-usage_limit-False",
    "403-AuthenticationError-authentication_failed-False",
    "404-InvalidRequestError-invalid_request-False",
    "413-InvalidRequestError-invalid_request-False",
    "422-InvalidRequestError-invalid_request-False",
)
MUTE = "it does not tell that an MCP server did not start"
NOT_RUN: Mapping[str, str] = {
    "test_consumers.test_a_turn_cancelled_while_it_is_entered_is_interrupted": "the protocol has no answer that takes "
    "a prompt, so that none is waited for and nothing is left to be cancelled",
    "test_mcp_servers.test_a_server_that_does_not_start_is_told_and_the_turn_goes_on": MUTE,
    "test_failures.test_a_failure_after_a_tool_keeps_the_tools_result": ASKS_AGAIN,
    **dict.fromkeys(
        (f"{_STATUS}[503-AgentError-server_error-True]", f"{_STATUS}[529-AgentError-overloaded-True]"), ASKS_AGAIN
    ),
}
"""What is not run on either."""
BY_TITLE = "it tells a command by a title alone, so that no rule allows it"
AUTO_EDIT = "its `autoEdit` asks about no edit"
OPEN_TWICE = "it lets two processes open a session"
NO_CACHE = "it tells no tokens that were cached, and of thoughts none as output"


class RealAgent(ProcessAgent):
    """An agent of another's making, in a home of its own; its command is a wrapped program, and its arguments."""

    backend_type: ClassVar[type[AcpBackend]]
    alternates = True
    seconds = 120.0
    apart: ClassVar[frozenset[str]] = frozenset({"on_elicitation"})
    """Their clients of MCP servers take no forms, so that none reaches us: `test_real_agents` has a case of it."""

    def __init__(self, model: ScriptedModel, folder: Path) -> None:
        self._program, *self.rest = self.real_command()
        super().__init__(model, folder)
        self.home = folder / "home"
        self.home.mkdir()
        self._env = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **self.settings()}

    @classmethod
    def backend_class(cls) -> type[AgentBackend]:
        return cls.backend_type

    @property
    def wrapper(self) -> Path:
        """The program that starts it."""
        return self.executable

    @property
    def env(self) -> dict[str, str]:
        return self._env

    def arguments(self) -> Mapping[str, Any]:
        return {"executable": self.executable, "env": self.env, "name": self.name}

    def backend(self, **arguments: Any) -> AgentBackend:
        """Return a backend; its executable is the first word of its command."""
        given = {**self.arguments(), **arguments}
        command = [str(given.pop("executable") or self.name), *self.rest]
        made = self.backend_class()(**{"command": command, **given})
        self._backends.append(made)
        return made

    def real_executable(self) -> Path:
        return Path(self._program)

    def pid(self, session: AgentSession) -> int:
        assert isinstance(session, AcpSession)
        pid = session.driver.link.pid
        assert pid is not None
        return pid

    def send_signal(self, pid: int, signal_number: int) -> None:
        # The process that is started may have started the one that speaks, and only a kill of the first is an end.
        send = os.kill if signal_number == signal.SIGKILL else os.killpg
        send(pid, signal_number)

    def impostor(self, kind: Impostor) -> str:
        result = {"too old": '{"protocolVersion":0}', "something else": '{"hello":"world"}'}[kind]
        return f'read line; echo \'{{"jsonrpc":"2.0","id":1,"result":{result}}}\'; read line'

    @abstractmethod
    def real_command(self) -> list[str]:
        """Return the command of the agent."""

    @abstractmethod
    def settings(self) -> dict[str, str]:
        """Point the agent at the scripted model, and return the variables that it needs."""


class OpencodeAgent(RealAgent):
    """opencode, with tools `bash`, `write` and `edit` that ask."""

    name = "opencode"
    backend_type = Opencode
    traits: ClassVar[frozenset[Trait]] = frozenset({"process", "edits", "output_streams", "thinking"})
    modes: ClassVar[Mapping[PermissionMode, Mapping[Action, Verdict]]] = {
        "default": {
            "read in cwd": "asks",
            "edit in cwd": "asks",
            "writing command": "asks",
            "escalated command": "asks",
            "network command": "asks",
        },
        "accept_edits": {"edit in cwd": "runs", "writing command": "asks"},
        "plan": {},
        "bypass": {"edit in cwd": "runs", "writing command": "runs"},
    }
    differs: ClassVar[Mapping[str, str]] = {
        **APART,
        **OTHER_WORDS,
        "test_limits.test_tokens_are_limited": AT_THE_END,
        "test_failures.test_a_failed_model_request_is_a_failed_result_of_the_right_class": NO_STATUS,
        **{f"{_STATUS}[{each}]": NO_STATUS for each in _STATUSES},
        "test_backend.test_the_usage_of_a_session_sums_its_turns": "it tells the tokens of a turn's last answer alone",
        "test_backend.test_what_is_known_of_a_stored_session_is_told_without_opening_it": "it tells the title that its "
        "model gave it, and the folder",
        **dict.fromkeys(
            (
                "test_resume.test_the_history_in_a_new_process_equals_what_was_watched",
                "test_resume.test_a_stored_session_is_read_without_being_opened",
                "test_resume.test_a_history_is_read_page_by_page",
            ),
            "it tells calls that were made together in another order when it loads them",
        ),
        "test_resume.test_a_session_without_a_finished_turn_is_not_found": "it stores a session at once",
        **dict.fromkeys(
            (
                "test_forks.test_a_fork_ends_with_the_turn_that_is_named",
                "test_forks.test_a_stored_session_is_forked_at_a_turn_in_another_process",
                "test_forks.test_a_place_that_the_session_does_not_have_is_refused",
            ),
            "it copies sessions whole",
        ),
        "test_resume.test_a_session_that_is_open_in_another_process_is_busy": OPEN_TWICE,
    }
    left_out: ClassVar[Mapping[str, str]] = {
        **NOT_RUN,
        f"{_STATUS}[408-RequestTimeoutError-request_timeout-True]": ASKS_AGAIN,
        "test_consumers.test_an_absent_consumer_under_many_deltas_does_not_delay_an_interrupt": "on a slow machine it "
        "ends a turn of so many pieces later than a prompt waits for that",
        "test_resume.test_a_session_whose_file_is_gone_is_not_found": "its sessions are in a database",
    }
    failures: ClassVar[Mapping[Failure, Step]] = FAILURES
    other_models = ("local/other", "local/third")
    tells_exit_codes = False

    def real_command(self) -> list[str]:
        return installing.opencode()

    def model_of(self, request: ModelRequest) -> str:
        return f"local/{request.model}"

    def mcp_tool(self, server: str, name: str, /, **arguments: object) -> Step | Acting:
        return call(f"{server}_{name}", cast("Mapping[str, JsonValue]", arguments))

    def settings(self) -> dict[str, str]:
        size = {"context": 100_000, "output": 4_096}
        models: dict[str, dict[str, Any]] = {
            name: {"name": name, "limit": size, "attachment": True} for name in ("scripted", "other", "third")
        }
        models["scripted"]["cost"] = {"input": 1, "output": 2}
        models["scripted"]["modalities"] = {"input": ["text", "image"], "output": ["text"]}
        provider = {
            "npm": "@ai-sdk/openai-compatible",
            "name": "Local",
            "options": {"baseURL": f"{self.model.url}/v1", "apiKey": "none"},
            "models": models,
        }
        # What it calls modes are agents of its configuration, each with permissions of its own.
        own = {
            "acceptEdits": {
                "mode": "primary",
                "permission": {"bash": "ask", "edit": "allow", "external_directory": "ask"},
            },
            "bypass": {"mode": "primary", "permission": {"bash": "allow", "edit": "allow"}},
        }
        config = {
            "agent": own,
            "autoupdate": False,
            "share": "disabled",
            "model": "local/scripted",
            "small_model": "local/scripted",
            "enabled_providers": ["local"],
            "permission": {"bash": "ask", "edit": "ask", "external_directory": "allow", "bench_wipe": "ask"},
            "experimental": {"continue_loop_on_deny": True},  # Else a refusal ends the turn.
            "provider": {"local": provider},
        }
        file = self.folder / "opencode.json"
        file.write_text(json.dumps(config))
        switches = ("MODELS_FETCH", "AUTOUPDATE", "LSP_DOWNLOAD", "DEFAULT_PLUGINS")
        return {"OPENCODE_CONFIG": str(file), **{f"OPENCODE_DISABLE_{name}": "1" for name in switches}}

    def command(self, cmd: str, *, escalate: bool = False, wait: float | None = None) -> Step:
        return call("bash", command=cmd, description="A command of the test.")

    def patch(
        self,
        *,
        add: Mapping[str, str] | None = None,
        update: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        delete: Sequence[str] = (),
    ) -> Sequence[Step]:
        steps = [call("write", filePath=str(self.workspace / name), content=text) for name, text in (add or {}).items()]
        for name, pairs in (update or {}).items():
            path = str(self.workspace / name)
            steps.append(call("read", filePath=path))
            steps += [call("edit", filePath=path, oldString=old, newString=new) for old, new in pairs]
        return steps


class GeminiAgent(RealAgent):
    """Gemini CLI, with tools `run_shell_command`, `write_file` and `replace` that ask.

    Its clock is a quick one, so that no case waits for a minute to be over before a session is opened again;
    `test_real_agents` has a case of that wait.
    """

    name = "gemini"
    backend_type = Gemini
    traits: ClassVar[frozenset[Trait]] = frozenset({"process", "edits", "thinking"})
    modes: ClassVar[Mapping[PermissionMode, Mapping[Action, Verdict]]] = {
        "default": {"edit in cwd": "asks", "writing command": "asks", "escalated command": "asks"},
        "accept_edits": {"edit in cwd": "runs", "writing command": "asks"},
        "plan": {},
        "bypass": {"edit in cwd": "runs", "writing command": "runs"},
    }
    differs: ClassVar[Mapping[str, str]] = {
        **APART,
        **OTHER_WORDS,
        "test_limits.test_tokens_are_limited": AT_THE_END,
        "test_backend.test_the_usage_of_a_session_sums_its_turns": NO_CACHE,
        "test_speech.test_text_streams_as_deltas_and_comes_whole": NO_CACHE,
        f"{_STATUS}[404-InvalidRequestError-invalid_request-False]": "it takes a 404 of its provider for a failure of "
        "its own",
        "test_speech.test_thoughts_stream_as_deltas_and_come_whole": "it writes thoughts anew, each below a heading",
        "test_capabilities.test_an_agent_that_asks_about_some_calls_only_runs_the_others_unseen": NO_OUTPUT,
        "test_policy.test_what_the_policy_allows_runs_and_nobody_is_asked": BY_TITLE,
        "test_policy.test_an_allow_lifts_nothing_that_it_does_not_name": BY_TITLE,
        "test_updates.test_a_rule_that_an_answer_adds_for_the_session_is_not_asked_about_again": BY_TITLE,
        "test_resume.test_a_session_that_is_open_in_another_process_is_busy": OPEN_TWICE,
        "test_resume.test_the_history_in_a_new_process_equals_what_was_watched": "it tells a command that it loads by "
        "the word Shell alone, and files by their paths in its folder",
        "test_approvals.test_an_edit_outside_the_workspace_says_that_it_leaves_it": AUTO_EDIT,
        "test_escalations.test_an_edit_outside_of_the_folders_lifts_a_path_and_names_it": AUTO_EDIT,
        "test_escalations.test_a_rule_that_names_a_place_outside_lifts_that_path_and_one_without_does_not": AUTO_EDIT,
        "test_commands.test_a_command_that_succeeds_has_its_output_as_result": NO_OUTPUT,
        "test_commands.test_what_a_command_says_on_stderr_is_in_its_result": NO_OUTPUT,
        "test_commands.test_a_command_that_fails_is_an_error_with_its_exit_code_and_the_turn_goes_on": NO_OUTPUT,
        "test_commands.test_commands_called_together_each_get_their_own_result": NO_OUTPUT,
        "test_options.test_a_session_without_a_folder_works_in_the_current_one": NO_OUTPUT,
        "test_commands.test_a_long_output_is_whole_in_the_result_or_says_that_it_is_not": NO_OUTPUT,
    }
    left_out: ClassVar[Mapping[str, str]] = NOT_RUN
    failures: ClassVar[Mapping[Failure, Step]] = FAILURES
    other_models = ("gemini-3-flash-preview", "gemini-3.8-flash")
    titles_commands = True

    def images_of(self, request: ModelRequest) -> int:
        return request.body.count(b'"inlineData"')

    def real_command(self) -> list[str]:
        return installing.gemini()

    def mcp_tool(self, server: str, name: str, /, **arguments: object) -> Step | Acting:
        return call(f"mcp_{server}_{name}", cast("Mapping[str, JsonValue]", arguments))

    def settings(self) -> dict[str, str]:
        folder = self.home / ".gemini"
        folder.mkdir()
        settings = {
            "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
            "privacy": {"usageStatisticsEnabled": False},
            "telemetry": {"enabled": False},
            # Else it may take a session that is opened while it still starts for a broken one, and delete it.
            "general": {"disableAutoUpdate": True, "enableAutoUpdate": False, "sessionRetention": {"enabled": False}},
            "model": {"disableLoopDetection": True},
        }
        (folder / "settings.json").write_text(json.dumps(settings))
        return {
            "GEMINI_API_KEY": "none",
            "GOOGLE_GEMINI_BASE_URL": self.model.url,
            "NODE_OPTIONS": f"--require={QUICK_CLOCK}",
            "QUICK_CLOCK_SINCE": str(round(time.time() * 1000)),
        }

    async def forget(self, backend: AgentBackend, session_id: str) -> None:
        del backend
        for file in (self.home / ".gemini" / "tmp").glob(f"*/chats/session-*-{session_id[:8]}.jsonl"):
            file.unlink()

    def command(self, cmd: str, *, escalate: bool = False, wait: float | None = None) -> Step:
        # What only reads runs unasked; of this it cannot tell what it does.
        command = f"eval {shlex.quote(cmd)}" if escalate and ">" not in cmd else cmd
        return call("run_shell_command", command=command, description="A command of the test.")

    def patch(
        self,
        *,
        add: Mapping[str, str] | None = None,
        update: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        delete: Sequence[str] = (),
    ) -> Sequence[Step]:
        steps = [
            call("write_file", file_path=str(self.workspace / name), content=text) for name, text in (add or {}).items()
        ]
        for name, pairs in (update or {}).items():
            path = str(self.workspace / name)
            steps += [
                call("replace", file_path=path, old_string=old, new_string=new, instruction="As the test wants.")
                for old, new in pairs
            ]
        return steps
