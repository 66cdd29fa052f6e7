"""The `policy` commands: what a policy says about one tool call, and whether its files can be used."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from agent_chat.exits import ExitCode
from agent_chat.settings import UsageError, working_folder
from agent_sdk_core.config.files import Document, read
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import nearest
from agent_sdk_core.policy.guard import PolicyDecision, PolicyGuard
from agent_sdk_core.policy.limits import PolicyLimits
from agent_sdk_core.policy.rules import Rule, parse_rules, problem

EXITS: Final = {"allow": 0, "ask": 10, "deny": 11}
"""What `policy explain` exits with."""

_VERDICTS: Final = ("deny", "ask", "allow")
_SCOPES: Final = ("every_call", "asked_only")


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
    if (reason := problem(tool, "deny")) is not None or ":" in tool or "(" in tool:
        raise UsageError(f"{tool!r} is no name of a tool, such as Bash ({reason or 'that is a rule'})")
    guard, _ = _guard(policy, folder)
    decision = guard.judge(tool, _input(tool, text), cwd=folder)
    found = {"verdict": decision.verdict, "rule": _rule(decision.rule), "why": decision.why}
    sys.stdout.write(f"{json.dumps(found, ensure_ascii=as_json, indent=None if as_json else 2)}\n")
    return _exit(decision)


def check(*, policy: str | None, cwd: str | None, as_json: bool) -> int:
    """Print the rules that apply, or what is wrong with the files that hold them, and return the exit code.

    A rule that may cover nothing is warned about, and is no failure: an agent may have a tool that is not known here.

    Raises:
        UsageError: A rule cannot be used, or a file not be read.
    """
    folder = str(working_folder(cwd))
    guard, files = _guard(policy, folder)
    limits = [(name, most) for name, most in guard.limits if most is not None]
    warnings = guard.warnings()
    if as_json:
        rules = [{"verdict": rule.verdict, "rule": rule.text, "source": rule.source or None} for rule in guard.rules]
        found = {"files": files, "rules": rules, "limits": dict(limits), "warnings": warnings}
        sys.stdout.write(f"{json.dumps(found)}\n")
        return ExitCode.OK
    for rule in guard.rules:
        sys.stdout.write(f"{rule.verdict:<6}{rule.text}{f'    ({rule.source})' if rule.source else ''}\n")
    for name, most in limits:
        sys.stdout.write(f"limit {name} {most:g}\n")
    for sentence in warnings:
        sys.stderr.write(f"warning: {sentence}\n")
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
    except (ValueError, RecursionError) as error:
        value = error
    if isinstance(value, dict):
        return cast("dict[str, object]", value)
    if tool == "Bash":
        return {"command": text}
    reason = str(value) if isinstance(value, Exception) else f"it is no object: {text}"
    raise UsageError(f'the input of {tool} has to be a JSON object, such as \'{{"file_path": "a.txt"}}\' ({reason})')


def _guard(policy: str | None, folder: str) -> tuple[PolicyGuard, list[str]]:
    try:
        if policy is not None:
            return _from_file(Path(os.path.expanduser(policy))), [policy]
        config = RuntimeConfig.load(cwd=folder)
    except InvalidRequestError as error:
        raise UsageError(error.message) from None
    return config.policy_guard() or PolicyGuard(), [str(file.path) for file in config.files if file.exists]


def policy_table(path: Path) -> tuple[Document, tuple[str, ...], Mapping[str, object]]:
    """Return a policy file, the names that lead to its table, and the table: `[policy]`, or the file itself.

    Raises:
        InvalidRequestError: The file cannot be read, or has something else there.
    """
    document = read("user", path, required=True)
    data: Any = document.data
    prefix: tuple[str, ...] = ()
    if "policy" in data:
        prefix, data = ("policy",), data["policy"]
    if not isinstance(data, Mapping):
        raise InvalidRequestError(f"{path}: policy has to be a table.")
    return document, prefix, cast("Mapping[str, object]", data)


def _from_file(path: Path) -> PolicyGuard:
    """Read a policy of its own: a table `[policy]`, or its lists alone."""
    document, prefix, data = policy_table(path)
    rules: list[Rule] = []
    limits = PolicyLimits()
    for name, texts in data.items():
        place = str(document.source((*prefix, name)))
        if name == "limits":
            limits = _limits(texts, place)
            continue
        if name == "scope":
            if texts not in _SCOPES:
                raise InvalidRequestError(f"{place}: scope is {' or '.join(map(repr, _SCOPES))}, not {texts!r}.")
            continue  # It says which calls are judged, not how.
        if name not in _VERDICTS:
            meant = nearest(name, (*_VERDICTS, "limits"))
            hint = f"did you mean {meant!r}?" if meant else f"there are: {', '.join(_VERDICTS)}, limits."
            raise InvalidRequestError(f"{place}: there is no list {name!r} in a policy; {hint}")
        if not isinstance(texts, list):
            raise InvalidRequestError(f"{place}: {name} has to be a list of rules.")
        rules += parse_rules(cast("list[str]", texts), name, place)
    return PolicyGuard.of(rules, limits)


def _limits(table: object, place: str) -> PolicyLimits:
    try:
        return PolicyLimits.model_validate(table)
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{place}: {error.message}") from None
