"""The lasting grants that Claude suggests with a permission request, cut to what was asked about and put into words.

Pure but for one look at what a path is. Shape: `PermissionUpdate`. What suggestions do was measured on 2.1.329: for a
command its rules alone keep it from being asked again, though it comes with folders and a mode as well, which would
allow far more. For one that writes by redirection even all of them do not, and for one that touches a path outside of
the session's folders the rules do not: there a rule for editing that very file does, beside them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Final

from agent_sdk_core.asking.escalations import is_within
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.policy.command_rules import command_parts, cover_each_part
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, filled_text, records_of, texts_of
from claude_sdk.asking.envelope import Envelope

IN_PROCESS: Final = "in this Claude process, until the session ends"

_FILES: Final = {
    "userSettings": "in your user settings, for every project",
    "projectSettings": "in .claude/settings.json of this project",
    "localSettings": "in .claude/settings.local.json of this project",
}
_SOURCES: Final = {"userSettings": "user", "projectSettings": "project", "localSettings": "local"}
_MODES: Final = {"acceptEdits": "accept edits", "auto": "let Claude decide what to ask"}
"""The modes that a suggestion may switch to. Bypassing all permissions is not among them: it is chosen at launch."""

_REDIRECTION: Final = re.compile(r"""(?<![<>&0-9-])[0-9&]?>>?\|?\s*("[^"$`\\]+"|'[^']+'|[^\s"'$`\\|&;<>()]+)""")
_NO_FILE_WRITTEN: Final = re.compile(r"\b(mkdir|cp|mv)\b")
"""Commands that make folders, or are asked about a file that they only read."""
_PATTERN: Final = frozenset("*?[]{}()!\\")
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission updates, each with the place where it is kept.

    Attributes:
        updates: As `updatedPermissions` takes them.
    """

    updates: tuple[Json, ...]

    @property
    def stored(self) -> str:
        """Where it is kept, in words; "" if in no file."""
        places = dict.fromkeys(update.get("destination") for update in self.updates)
        return " and ".join(_FILES[place] for place in places if place in _FILES)

    def for_session(self) -> Grant:
        """Return the same grant kept in the process alone."""
        return Grant(tuple({**update, "destination": "session"} for update in self.updates))

    def kept(self, *, in_files: bool = True) -> Grant:
        """Return the part that is kept in files, or the one that is not."""
        return Grant(tuple(update for update in self.updates if (update.get("destination") in _FILES) is in_files))

    def keeps(self, envelope: Envelope) -> bool:
        """Tell whether the same call is not asked about in another session: a command's every part needs a rule."""
        command = envelope.input.get("command")
        if envelope.tool_name != "Bash" or not isinstance(command, str) or len(command_parts(command)) <= 1:
            return True
        rules = [rule for update in self.kept().updates for rule in records_of(update.get("rules"))]
        contents = [rule.get("ruleContent") for rule in rules if rule.get("toolName") == "Bash"]
        return None in contents or cover_each_part([one for one in contents if isinstance(one, str)], command)

    def describe(self) -> str:
        """Say what it allows, such as "allow `git push *`"; "" if nothing."""
        allowed: list[str] = []
        others: list[str] = []
        for update in self.updates:
            match update["type"]:
                case "addRules":
                    allowed.extend(_rule(rule) for rule in records_of(update.get("rules")))
                case "addDirectories":
                    allowed.extend(f"work in {_shown(folder)}" for folder in texts_of(update.get("directories")))
                case _:
                    others.append(_MODES[update["mode"]])
        return " and ".join([*others, *([f"allow {', '.join(dict.fromkeys(allowed))}"] if allowed else [])])


def suggested_grant(envelope: Envelope) -> Grant | None:
    """Return the narrowest grant by which the tool would not be asked about again; None if none may be offered."""
    if envelope.requires_person or envelope.params.get("suppress_always_allow_rule") is True:
        return None
    updates = [update for update in records_of(envelope.params.get("permission_suggestions")) if _is_grant(update)]
    rules = [update for update in updates if update["type"] == "addRules"]
    if (path := _blocked_by(envelope, rules)) is not None:
        if _is_one_file(path, envelope):
            rules.append({**rules[0], "rules": [{"toolName": "Edit", "ruleContent": f"/{path}"}]})
        elif not is_within(path, envelope.cwd, envelope.add_dirs):
            return None
    chosen = rules or updates
    return Grant(tuple({**update, "destination": _kept_at(envelope, update)} for update in chosen)) if chosen else None


def _kept_at(envelope: Envelope, update: Json) -> object:
    """Return where a grant is kept: where Claude suggests it if the session reads that, else with what it does read."""
    destination = update.get("destination")
    source = _SOURCES.get(destination) if isinstance(destination, str) else None
    if source is None or source in envelope.sources:
        return destination
    return "userSettings" if "user" in envelope.sources else "session"


def _is_grant(update: Json) -> bool:
    match update.get("type"):
        case "addRules":
            rules = records_of(update.get("rules"))
            named = all(isinstance(rule.get("toolName"), str) for rule in rules)
            return update.get("behavior") == "allow" and bool(rules) and named
        case "addDirectories":
            return bool(texts_of(update.get("directories")))
        case "setMode":
            return update.get("mode") in _MODES
        case _:
            return False


def _blocked_by(envelope: Envelope, rules: list[Json]) -> str | None:
    """Return the path that a command is asked about, where only rules for commands are suggested for it."""
    path = filled_text(envelope.params.get("blocked_path"))
    tools = {rule["toolName"] for update in rules for rule in records_of(update.get("rules"))}
    known = path is not None and path.startswith("/") and envelope.cwd is not None
    return path if known and envelope.tool_name == "Bash" and tools == {"Bash"} else None


def _is_one_file(path: str, envelope: Envelope) -> bool:
    """Tell whether a rule for a path covers what the command does there and no more, as one for a folder would."""
    command = envelope.input.get("command")
    if not isinstance(command, str) or _PATTERN.intersection(path) or os.path.isdir(path):  # noqa: PTH112  # Path's raises where it may not look
        return False
    targets = (match[1].strip("\"'") for match in _REDIRECTION.finditer(command))
    # Path.resolve would follow links.
    if path in {os.path.normpath(os.path.join(envelope.cwd or "", target)) for target in targets}:
        return True
    return _NO_FILE_WRITTEN.search(command) is None and not is_within(path, envelope.cwd, envelope.add_dirs)


def _rule(rule: Json) -> str:
    tool, content = str(rule["toolName"]), rule.get("ruleContent")
    if not isinstance(content, str):
        return f"every use of {_shown(tool)}"
    match tool:
        case "Bash":
            return f"`{_shown(content)}`"
        case "Read":
            return f"reading {_shown(_path(content))}"
        case "Edit" | "Write":
            return f"editing {_shown(_path(content))}"
        case _:
            return f"{_shown(tool)}({_shown(content)})"


def _path(content: str) -> str:
    """Return a rule's path as others write it: two slashes begin an absolute one."""
    return content.removeprefix("/") if content.startswith("//") else content


def _shown(text: str) -> str:
    """Return text for one line of a label: nothing in it can move the cursor, hide a part or fill the screen."""
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(text.split()))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


_ASKS: Final = frozenset({"Bash", "Edit", "MultiEdit", "NotebookEdit", "Read", "WebFetch", "WebSearch", "Write"})
"""The tools of claude's own about which somebody may be asked (2.1.329)."""


_PLAN: Final = "ExitPlanMode"
"""What asks whether to carry out a plan, whatever is allowed."""


def never_asked(options: SessionOptions, tools: Iterable[str]) -> tuple[str, ...]:
    """Return, as a sentence, that a callback is never called, or for plans alone: what would ask is allowed as a whole.

    Args:
        options: The session's options.
        tools: Names of the tools that the session has.
    """
    everything = "*" in options.allowed_tools  # That is told when the session is opened.
    if options.can_use_tool is None or everything or options.asks_always:
        return ()
    whole = {rule.removesuffix("(*)").removesuffix("__*") for rule in options.allowed_tools}
    whole |= {name for registry in options.registries for name in registry.unasked}
    asking = [tool for tool in tools if tool in _ASKS or tool == _PLAN or tool.startswith("mcp__")]
    covered = [tool in whole or tool == _PLAN or "__".join(tool.split("__")[:2]) in whole for tool in asking]
    if not asking or not all(covered):
        return ()
    called = "called for plans alone" if _PLAN in asking and _PLAN not in whole else "never called"
    return (f"SessionOptions.can_use_tool is {called}: allowed_tools allows every other tool that claude asks about.",)
