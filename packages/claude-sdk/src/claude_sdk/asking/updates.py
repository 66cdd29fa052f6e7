"""Permission updates in Claude's words, and its own in ours. Pure.

Shape: `PermissionUpdate` (2.1.329). Two slashes begin an absolute path in a rule of Claude's, and one of ours begins
with one; its rules lift nothing, so that what an allow of ours names stays with us.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from agent_sdk_core.asking.updates import PermissionUpdate
from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.wire.reading import Json, filled_text, records_of, texts_of
from claude_sdk.modes import MODES

if TYPE_CHECKING:
    from agent_sdk_core.policy.rules import Rule

_TYPES: Final = {
    "add_rules": "addRules",
    "replace_rules": "replaceRules",
    "remove_rules": "removeRules",
    "set_mode": "setMode",
    "add_directories": "addDirectories",
    "remove_directories": "removeDirectories",
}
_DESTINATIONS: Final = {
    "session": "session",
    "local": "localSettings",
    "project": "projectSettings",
    "user": "userSettings",
}
_MODES_BACK: Final = {theirs: ours for ours, theirs in MODES.items()}


def updates_to_claude(updates: Iterable[PermissionUpdate], sources: Collection[str]) -> list[Json]:
    """Return updates as `updatedPermissions` takes them.

    Args:
        updates: The updates.
        sources: Whose settings the session reads.

    Raises:
        UnsupportedOptionError: Claude cannot keep one.
    """
    return [_to_claude(update, sources) for update in updates]


def rule_to_claude(rule: Rule) -> tuple[str, str | None]:
    """Return the tool and the pattern of a rule as Claude writes them.

    Raises:
        UnsupportedOptionError: It has no such rules.
    """
    if rule.kind is not None:
        raise _unsupported(f"has no rules for a kind of tools: name the tools instead of {rule.text!r}")
    if "*" in rule.tool.removesuffix("__*") or "[" in rule.tool or "?" in rule.tool:
        raise _unsupported(f"has no rules with wildcards in a tool's name, such as {rule.text!r}")
    pattern = rule.pattern
    if pattern is not None and rule.subject == "path":
        if "{" in pattern:
            raise _unsupported(f"has no braces in the paths of its rules: write several instead of {rule.text!r}")
        pattern = f"/{pattern}" if pattern.startswith("/") and not pattern.startswith("//") else pattern
    return rule.tool, pattern


def updates_of(suggested: Iterable[Json]) -> tuple[PermissionUpdate, ...]:
    """Return Claude's own updates in our words; nothing where one cannot be said in them."""
    with suppress(InvalidRequestError):
        return tuple(_of_claude(update) for update in suggested)
    return ()


def _to_claude(update: PermissionUpdate, sources: Collection[str]) -> Json:
    place = update.destination
    if place != "session" and place not in sources:
        raise _unsupported(
            f"would keep it in the {place}'s settings, which this session does not read: add {place!r} to "
            'SessionOptions.setting_sources, or take the destination "session"'
        )
    body: Json = {"type": _TYPES[update.type], "destination": _DESTINATIONS[place]}
    match update.type:
        case "set_mode" if update.mode is not None:
            if update.mode == "bypass":
                raise _unsupported(
                    'switches to the mode "bypass" at its start alone: SessionOptions(permission_mode=…)'
                )
            body["mode"] = MODES[update.mode]
        case "add_directories" | "remove_directories":
            body["directories"] = list(update.directories)
        case _:
            body["behavior"] = update.behavior
            body["rules"] = [_rule(*rule_to_claude(rule)) for rule in _rules_of(update)]
    return body


def _rule(tool: str, pattern: str | None) -> Json:
    return {"toolName": tool, **({} if pattern is None else {"ruleContent": pattern})}


def _of_claude(update: Json) -> PermissionUpdate:
    names = {theirs: ours for ours, theirs in _TYPES.items()}
    rules = [_text(rule) for rule in records_of(update.get("rules"))]
    fields: Json = {
        "rules": rules,
        "behavior": update.get("behavior") if rules else None,
        "mode": _MODES_BACK.get(str(update.get("mode"))),
        "directories": texts_of(update.get("directories")),
        "destination": update.get("destination"),
    }
    made = PermissionUpdate(names.get(str(update.get("type")), "unknown"), **fields)  # type: ignore[arg-type]  # it refuses
    _rules_of(made)  # It refuses what is none of ours.
    return made


def _rules_of(update: PermissionUpdate) -> tuple[Rule, ...]:
    from agent_sdk_core.policy.rules import parse_rules  # Only where an answer has updates.

    return parse_rules(update.rules, update.behavior or "allow")


def _text(rule: Json) -> Json:
    content = filled_text(rule.get("ruleContent"))
    return {"toolName": rule.get("toolName"), **({} if content is None else {"ruleContent": content})}


def rule_texts(rules: Iterable[Rule]) -> Iterator[tuple[str, str]]:
    """Return rules as Claude's settings have them, each with its list; those that it cannot have are left out."""
    for rule in rules:
        with suppress(UnsupportedOptionError):
            tool, pattern = rule_to_claude(rule)
            yield rule.verdict, tool if pattern is None else f"{tool}({pattern})"


def _unsupported(why: str) -> UnsupportedOptionError:
    return UnsupportedOptionError(
        f"Allow.updates: the claude backend {why}.", backend="claude", details={"option": "updates"}
    )
