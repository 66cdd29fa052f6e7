"""The `policy` commands: what a policy says about one tool call, and whether its files can be used."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from agent_chat.exits import ExitCode
from agent_chat.settings import UsageError, working_folder
from agent_sdk_core.config.files import read
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import nearest
from agent_sdk_core.policy.guard import PolicyDecision, PolicyGuard
from agent_sdk_core.policy.rules import Rule, parse_rules

EXITS: Final = {"allow": 0, "ask": 10, "deny": 11}
"""What `policy explain` exits with."""

_VERDICTS: Final = ("deny", "ask", "allow")


def explain(tool: str, text: str, *, policy: str | None, cwd: str | None, as_json: bool) -> int:
    """Print what the policy says about a tool call, and return the exit code.

    Args:
        tool: The tool's name, such as "Bash".
        text: Its input in JSON; for "Bash" the command itself will do.
        policy: A policy file; None: what is configured.
        cwd: The folder that the tool would run in; None: the current one.
        as_json: Print the object without line breaks.

    Raises:
        UsageError: The input, the folder or the policy cannot be used.
    """
    folder = str(working_folder(cwd))
    guard, _ = _guard(policy, folder)
    decision = guard.judge(tool, _input(tool, text), cwd=folder)
    found = {"verdict": decision.verdict, "rule": _rule(decision.rule), "why": decision.why}
    sys.stdout.write(f"{json.dumps(found, ensure_ascii=False, indent=None if as_json else 2)}\n")
    return _exit(decision)


def check(*, policy: str | None, cwd: str | None, as_json: bool) -> int:
    """Print the rules that apply, or what is wrong with the files that hold them, and return the exit code."""
    folder = str(working_folder(cwd))
    guard, files = _guard(policy, folder)
    if as_json:
        rules = [{"verdict": rule.verdict, "rule": rule.text, "source": rule.source or None} for rule in guard.rules]
        sys.stdout.write(f"{json.dumps({'files': files, 'rules': rules}, ensure_ascii=False)}\n")
        return ExitCode.OK
    for rule in guard.rules:
        sys.stdout.write(f"{rule.verdict:<6}{rule.text}{f'    ({rule.source})' if rule.source else ''}\n")
    total = len(guard.rules)
    sys.stdout.write(
        f"{total} {'rule' if total == 1 else 'rules'} in {', '.join(files) or 'no file'}: all can be used.\n"
    )
    return ExitCode.OK


def _exit(decision: PolicyDecision) -> int:
    return EXITS[decision.verdict]


def _rule(rule: Rule | None) -> str | None:
    return None if rule is None else rule.text


def _input(tool: str, text: str) -> Mapping[str, object]:
    try:
        value: object = json.loads(text)
    except ValueError as error:
        value = error
    if isinstance(value, dict):
        return cast("dict[str, object]", value)
    if tool == "Bash":
        return {"command": text}
    reason = str(value) if isinstance(value, ValueError) else f"it is no object: {text}"
    raise UsageError(f'the input of {tool} has to be a JSON object, such as \'{{"file_path": "a.txt"}}\' ({reason})')


def _guard(policy: str | None, folder: str) -> tuple[PolicyGuard, list[str]]:
    try:
        if policy is not None:
            return _from_file(Path(policy).expanduser()), [policy]
        config = RuntimeConfig.load(cwd=folder)
    except InvalidRequestError as error:
        raise UsageError(error.message) from None
    return config.policy_guard() or PolicyGuard(), [str(file.path) for file in config.files if file.exists]


def _from_file(path: Path) -> PolicyGuard:
    """Read a policy of its own: a table `[policy]`, or its lists alone."""
    document = read("user", path, required=True)
    data: Any = document.data
    prefix: tuple[str, ...] = ()
    if "policy" in data:
        prefix, data = ("policy",), data["policy"]
    if not isinstance(data, Mapping):
        raise InvalidRequestError(f"{path}: policy has to be a table.")
    rules: list[Rule] = []
    for name, texts in cast("Mapping[str, object]", data).items():
        place = str(document.source((*prefix, name)))
        if name not in _VERDICTS:
            meant = nearest(name, _VERDICTS)
            hint = f"did you mean {meant!r}?" if meant else f"there are: {', '.join(_VERDICTS)}."
            raise InvalidRequestError(f"{place}: there is no list {name!r} in a policy; {hint}")
        if not isinstance(texts, list):
            raise InvalidRequestError(f"{place}: {name} has to be a list of rules.")
        rules += parse_rules(cast("list[str]", texts), name, place)
    return PolicyGuard.of(rules)
