"""What there is to know of an installed claude before it is used: starts one, and reads its greeting."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from anyio import to_thread

from agent_sdk_core.errors import AgentError, UnsupportedVersionError
from agent_sdk_core.interfaces.diagnosis import Diagnosis, Problem, located
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.link import look_through
from agent_sdk_core.transport.process.executable import parse_version
from agent_sdk_core.wire.reading import Json, filled_text, record_of
from claude_sdk.account import read_account
from claude_sdk.process.alone import plan_alone
from claude_sdk.process.claude_process import ClaudeProcess
from claude_sdk.process.executable import PATH_VARIABLE, check_version, find_executable, tested_versions
from claude_sdk.process.link import ClaudeLink
from claude_sdk.store import places

_INCOMPARABLE: Final = "claude does not describe its protocol; frames that this SDK does not know pass through"
_PROVIDERS: Final = {"bedrock": "Amazon Bedrock", "vertex": "Google Vertex AI", "foundry": "Microsoft Foundry"}


async def diagnose(executable: str | os.PathLike[str] | None, env: Mapping[str, str], *, timeout: float) -> Diagnosis:
    """Look at the claude that a backend with these arguments would start; what is wrong is part of the answer.

    Args:
        executable: What the caller of the backend named.
        env: The whole environment of the process.
        timeout: Seconds that it has to start and answer.
    """
    try:
        path = find_executable(executable, env)
    except AgentError as error:
        return located("claude", None, error, named=bool(executable or env.get(PATH_VARIABLE)))
    problems: list[Problem] = []
    greeting: Json = {}
    version: str | None = None
    within: bool | None = None
    try:
        greeting = await _greeting(path, env, timeout)
        version = filled_text(greeting.get("claude_code_version"))
        within = _is_tested(version or "", path, problems)
    except AgentError as error:
        if isinstance(error, UnsupportedVersionError):
            version, within = filled_text(error.details.get("version")), False
        problems.append(Problem.of(error, advice=f"Try `{shlex.quote(str(path))} --version` by hand."))
    login, logged_in = login_words(record_of(greeting.get("account")))
    if logged_in is False:
        advice = f"Log in with `{shlex.quote(str(path))} auth login`, or set ANTHROPIC_API_KEY."
        problems.append(Problem("Claude is not logged in.", advice, code="not_logged_in"))
    found = [await to_thread.run_sync(look, places.folder(env)) for look in (_unreadable_settings, _unwritable_store)]
    problems.extend(problem for problem in found if problem is not None)
    return Diagnosis(
        "claude", str(path), version, tested_versions(), within, login, logged_in, incomparable=_INCOMPARABLE
    ).with_problems(*problems)


def login_words(told: Json) -> tuple[str, bool | None]:
    """Return who is logged in, in words and without a name, and whether that is enough, from claude's greeting."""
    account = read_account(told)
    plan = "" if account.plan is None else f", {account.plan} plan"
    match account.kind:
        case "none":
            return ("not logged in", False) if told else ("", None)
        case "provider":
            return _PROVIDERS.get(account.source or "", account.source or ""), True
        case "api_key":
            return f"API key ({account.source})", True
        case _:
            of = f"{account.source or 'claude.ai'}{plan}"
            return f"Claude account ({of})", True


async def _greeting(path: Path, env: Mapping[str, str], timeout: float) -> Json:
    """Return what claude answers to `initialize`; nothing of it is left.

    Raises:
        AgentError: It does not start, or it is too old.
    """
    launch = await plan_alone(env)

    async def greeting(process: ClaudeProcess) -> Json:
        return process.greeting

    def link(host: Host) -> ClaudeLink:
        return ClaudeLink(host, path, launch, seconds=timeout)

    return await look_through(link, "the look at claude", greeting, backend="claude")


def _is_tested(version: str, path: Path, problems: list[Problem]) -> bool | None:
    """Return whether a version that can be used is one of those that are tested, and say so where it is not."""
    parsed = parse_version(version)
    warning = None if parsed is None else check_version(parsed, path)
    if warning is not None:
        advice = "Should something not work, install a tested version."
        problems.append(Problem(f"{warning.partition(':')[0]}.", advice, "warning", "untested_version"))
    return None if parsed is None else warning is None


def _unwritable_store(folder: Path) -> Problem | None:
    """Return why no session will be stored, of which claude says no word."""
    if (reason := places.unwritable(folder)) is None:
        return None
    what = f"Claude cannot store sessions in {folder}, and goes on without: {reason}."
    advice = "Make it a folder that can be written to, or set CLAUDE_CONFIG_DIR to one."
    return Problem(what, advice, "warning", "storage_unwritable")


def _unreadable_settings(folder: Path) -> Problem | None:
    """Return what is wrong with the user's settings, which claude ignores without a word when it cannot read them."""
    file = folder / "settings.json"
    try:
        settings: object = json.loads(file.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        what = f"Claude ignores {file}, permission rules included, for it cannot be read: {reason}."
        return Problem(what, "Correct the file, or remove it.", "warning", "settings_invalid")
    if not isinstance(settings, dict):
        what = f"Claude ignores {file}: it is no JSON object."
        return Problem(what, "Correct the file, or remove it.", "warning", "settings_invalid")
    return None
