"""Rules as people write them: `Tool(pattern)`, a verdict, and what an allow may lift."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final, Literal, cast, get_args

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.asking.permissions import Escalation
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.messages.kinds import ToolKind, tool_kind
from agent_sdk_core.names import nearest
from agent_sdk_core.policy.tool_names import slip
from agent_sdk_core.records import dataclass

Verdict = Literal["allow", "ask", "deny"]
Subject = Literal["command", "path", "domain", "name", "nothing"]
"""What the pattern of a rule is about; nothing: the rule's tool takes none."""

_FAMILIES: Final = {
    "Bash": frozenset({"Bash", "Monitor"}),
    "Edit": frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit", "Delete", "Move"}),
    "Read": frozenset({"Read", "NotebookRead", "Glob", "Grep", "LS"}),
    "Agent": frozenset({"Agent", "Task"}),
    "Task": frozenset({"Agent", "Task"}),
}
"""What a name covers beside itself."""

_SUBJECTS: Final[dict[str, Subject]] = {
    **dict.fromkeys(_FAMILIES["Bash"], "command"),
    **dict.fromkeys([*_FAMILIES["Edit"], *_FAMILIES["Read"]], "path"),
    "WebFetch": "domain",
    "WebSearch": "domain",
    **dict.fromkeys(["Agent", "Task", "Skill"], "name"),
}
_KIND_SUBJECTS: Final[dict[str, Subject]] = {
    "execute": "command",
    **dict.fromkeys(["read", "search", "edit", "delete", "move"], "path"),
    "fetch": "domain",
}
_OTHERS: Final = ("BashOutput", "KillShell", "WriteStdin", "RequestPermissions", "TodoWrite", "ExitPlanMode")

_SHAPE: Final = re.compile(r"\s*(kind:)?([^\s()+]+)\s*(?:\((.*)\))?\s*((?:\+\w+\s*)*)\Z", re.DOTALL)


@checked_class()
@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        text: As it was written.
        verdict: What it decides.
        tool: Name of the tool, which may hold `*`; "" where a kind is meant.
        kind: The kind of tools that is meant.
        pattern: What the tool is used on; None: on anything.
        lifts: What an allow may lift beside: it never lifts what it does not name.
        source: Where it stands, such as a file with the line; "" for a program's own.
    """

    text: str
    verdict: Verdict
    tool: str
    kind: ToolKind | None
    pattern: str | None
    lifts: frozenset[Escalation] = frozenset()
    source: str = ""

    @property
    def subject(self) -> Subject:
        """What its pattern is about."""
        return subject_of(self.tool) if self.kind is None else _KIND_SUBJECTS.get(self.kind, "nothing")

    @property
    def is_relative(self) -> bool:
        """Whether its pattern is a path that counts from the workspace."""
        return self.subject == "path" and self.pattern is not None and not self.pattern.startswith(("/", "~"))

    def covers(self, tool_name: str) -> bool:
        """Tell whether it is about this tool; case counts for an allow alone."""
        if self.kind is not None:
            return tool_kind(tool_name) == self.kind
        if tool_name in _FAMILIES.get(self.tool, ()):
            return True
        if self.verdict == "allow":
            of_server = self.tool.startswith("mcp__") and self.tool.count("__") == 1
            return fnmatchcase(tool_name, self.tool) or (of_server and tool_name.startswith(f"{self.tool}__"))
        name, tool = tool_name.casefold(), self.tool.casefold()
        if fnmatchcase(name, tool):
            return True
        # Of a server whose own name holds "__", and of one whose name an agent spells with "_" for other characters.
        spelt = _spelt(tool)
        return tool.startswith("mcp__") and (
            name.startswith((f"{tool}__", f"{spelt}__")) or fnmatchcase(_spelt(name), spelt)
        )

    def __str__(self) -> str:
        return self.text


def _spelt(name: str) -> str:
    return re.sub(r"[^\w*?\[\]-]", "_", name)


def subject_of(tool_name: str) -> Subject:
    """Return what a pattern for this tool is about."""
    return _SUBJECTS.get(tool_name, "nothing")


def parse_rules(texts: Iterable[str], verdict: Verdict, source: str = "") -> tuple[Rule, ...]:
    """Read rules of one verdict, see `parse_rule`."""
    if isinstance(texts, str):
        raise InvalidRequestError(f"A policy's {verdict} takes a list of rules, not {texts!r}.", code="invalid_policy")
    return tuple(parse_rule(text, verdict, source) for text in texts)


def parse_rule(text: str, verdict: Verdict, source: str = "") -> Rule:
    """Read one rule.

    Args:
        text: `Tool`, `Tool(pattern)`, `kind:execute`, `mcp__server__tool`; for an allow ` +sandbox`, ` +network` and
            so on behind it name what it may lift.
        verdict: What it decides.
        source: Where it stands, for messages.

    Raises:
        InvalidRequestError: It cannot be read, names a kind that there is not, misspells a tool, or has a pattern
            that its tool does not take. `code` is "invalid_policy".
    """
    try:
        return _read(text, verdict, source)
    except _RuleError as error:
        reason = str(error)
    place = f"{source}: " if source else ""
    raise InvalidRequestError(
        f"{place}the policy's rule {text!r} cannot be used: {reason if reason.endswith('?') else f'{reason}.'}",
        code="invalid_policy",
        details={"rule": text} | ({"file": source} if source else {}),
    )


def problem(text: str, verdict: str) -> str | None:
    """Return why a rule cannot be used, None where it can."""
    try:
        _read(text, cast("Verdict", verdict), "")
    except _RuleError as error:
        return str(error)
    return None


class _RuleError(Exception):
    """Why a rule cannot be read."""


def _read(text: object, verdict: Verdict, source: str) -> Rule:
    if not isinstance(text, str):
        raise _RuleError("a rule is a text")
    shape = _SHAPE.match(text)
    if shape is None:
        raise _RuleError("write Tool, Tool(pattern) or kind:KIND, such as Bash(git push *)")
    is_kind, name, pattern, lifted = shape.groups()
    rule = Rule(
        text=text.strip(),
        verdict=verdict,
        tool="" if is_kind else name,
        kind=_kind(name) if is_kind else None,
        pattern=None if pattern is None or pattern.strip() in ("", "*") else pattern.strip(),
        lifts=_lifts(lifted, verdict),
        source=source,
    )
    if not is_kind:
        _refuse_misspelt(rule, has_brackets=pattern is not None)
    if rule.pattern is not None:
        _refuse_pattern(rule)
    return rule


def _kind(name: str) -> ToolKind:
    for kind in get_args(ToolKind):
        if kind == name:
            return kind
    raise _RuleError(f"there is no kind {name!r}; {_meant(name, get_args(ToolKind))}")


def _lifts(written: str, verdict: Verdict) -> frozenset[Escalation]:
    names = [name.strip() for name in written.split("+") if name.strip()]
    known = get_args(Escalation)
    for name in names:
        if name not in known:
            raise _RuleError(f"nothing is lifted by +{name}; {_meant(name, known)}")
    if names and verdict != "allow":
        raise _RuleError("only an allow lifts something")
    return frozenset(escalation for escalation in known if escalation in names)


def _refuse_misspelt(rule: Rule, *, has_brackets: bool) -> None:
    known = (*_SUBJECTS, *_OTHERS)
    # What would cover nothing, and as a refusal look as if it did.
    if rule.tool.startswith("kind:"):
        raise _RuleError(f"write a kind behind it, such as {', '.join(get_args(ToolKind)[:3])}")
    if rule.tool == "mcp__":
        raise _RuleError("write the server behind it, such as mcp__github")
    if not rule.tool.isascii() and not rule.tool.startswith("mcp__"):
        raise _RuleError(f"no tool is called {rule.tool!a}; {_meant(rule.tool, known)}")
    if rule.tool in known or "*" in rule.tool or rule.tool.startswith("mcp__"):
        return
    for name in known:
        if name.casefold() == rule.tool.casefold():
            raise _RuleError(f"the tool is spelt {name}")
    if rule.pattern is not None:
        raise _RuleError(f"no tool {rule.tool!r} takes a pattern; {_meant(rule.tool, known)}")
    # Who is refused nothing hears it too late; who is asked about what should be allowed hears it at once.
    if (rule.verdict != "allow" or has_brackets) and (meant := slip(rule.tool)) is not None:
        raise _RuleError(
            f"no agent has a tool {rule.tool!r}; did you mean {meant!r}? "
            f"Where yours has one of this name, write [{rule.tool[0]}]{rule.tool[1:]}"
        )


def _refuse_pattern(rule: Rule) -> None:
    match rule.subject:
        case "nothing":
            raise _RuleError("this tool takes no pattern; leave the brackets out")
        case "domain" if not str(rule.pattern).startswith("domain:") or not str(rule.pattern)[7:].strip():
            raise _RuleError("write the host as domain:example.com")
        case "domain" if "/" in str(rule.pattern):
            raise _RuleError("write the host alone, as domain:example.com")
        case "path" if "\0" in str(rule.pattern):
            raise _RuleError("no path holds a NUL character")
        case "path" if re.search(r"[*?\[{].*/\.\.(?:/|\Z)", str(rule.pattern)):
            raise _RuleError("'..' behind a wildcard leads nowhere")
        case _:
            pass


def _meant(name: str, known: Iterable[str]) -> str:
    names = tuple(known)
    meant = nearest(name, names)
    return f"did you mean {meant!r}?" if meant else f"there are: {', '.join(names)}"
