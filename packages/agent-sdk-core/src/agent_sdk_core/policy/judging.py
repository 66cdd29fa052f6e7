"""Judging: one tool call held against rules, each refusal as widely and each allow as narrowly as it may be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property

from agent_sdk_core.policy import targets
from agent_sdk_core.policy.command_rules import covers_loosely, covers_strictly, may_cover, may_cover_text, mentions
from agent_sdk_core.policy.path_patterns import (
    NamedPath,
    covers,
    is_absolute,
    is_named,
    is_shared,
    lies_below,
    named_path,
)
from agent_sdk_core.policy.programs import READERS, reads_commands
from agent_sdk_core.policy.rules import Rule, subject_of
from agent_sdk_core.policy.shell_calls import ShellCall


class Call:
    """One tool call.

    Args:
        tool_name: The tool, in Claude's vocabulary.
        tool_input: Its arguments.
        cwd: Absolute folder in which it would run.
        workspace: Absolute folder that relative patterns count from.
        escalates: What an allow would lift.
    """

    def __init__(
        self, tool_name: str, tool_input: Mapping[str, object], cwd: str, workspace: str, escalates: frozenset[str]
    ) -> None:
        self.tool_name = tool_name
        self.tool_input = tool_input
        self.cwd = cwd
        self.workspace = workspace
        self.escalates = escalates

    @cached_property
    def shell(self) -> ShellCall | None:
        """The command line, for a tool that runs one."""
        command = targets.command_of(self.tool_input)
        runs = subject_of(self.tool_name) == "command" or self.tool_name == "WriteStdin"
        return ShellCall(command, self.cwd) if runs and command is not None else None

    @cached_property
    def paths(self) -> tuple[NamedPath, ...]:
        """The paths that it reads or changes."""
        return tuple(named_path(path, self.cwd) for path in targets.paths_of(self.tool_name, self.tool_input))

    def refused_by(self, rule: Rule) -> str | None:
        """Return why a rule refuses this call, None where it does not."""
        if rule.covers(self.tool_name):
            if rule.pattern is None:
                return f"{rule} covers every use of {self.tool_name}"
            return self._refused_target(rule, rule.pattern)
        return self._refused_in_shell(rule) if self.shell is not None else None

    def perhaps_refused_by(self, rule: Rule) -> str | None:
        """Return why a rule may refuse this call, where its text does not tell; None where there is no doubt."""
        if rule.pattern is None:
            return None
        if self.shell is None:
            return self._doubtful_target(rule, rule.pattern) if rule.covers(self.tool_name) else None
        if rule.subject == "command" and rule.covers(self.tool_name):
            for line in self.shell.lines:
                for command in line.commands:
                    if may_cover(rule.pattern, command):
                        return f"{command.shown!r} may run what {rule} covers"
                    if not line.inputs and reads_commands([word.text for word in command.words]):
                        return f"{command.shown!r} runs what it reads, which may be what {rule} covers"
                reads = all(command.name in READERS for command in line.commands)
                if not reads and any(may_cover_text(rule.pattern, text) for text in line.inputs):
                    return f"a program is given a text that {rule} covers"
        if rule.subject == "path" and _writes(rule):
            for path in self.shell.touched:
                if self._loosely(rule.pattern, path):
                    return f"the command may change {path.text!r}, which {rule} covers"
            return self._emptied(rule, rule.pattern, self.shell) or _second_name(rule, self.shell.written)
        return None

    def allowed_by(self, rules: Sequence[Rule], refusals: Sequence[Rule]) -> tuple[Rule | None, str]:
        """Return the rule that allows this call with the reason, or None with what is missing.

        Args:
            rules: The rules that allow.
            refusals: The others; where they could look at what this call hides, it is not allowed by a general rule.
        """
        covering = [rule for rule in rules if rule.covers(self.tool_name)]
        if not covering:
            return None, f"no rule is about {self.tool_name}"
        lifting = [rule for rule in covering if self.escalates <= rule.lifts | _implied(rule)]
        if not lifting:
            missing = sorted(self.escalates - covering[0].lifts)
            names = " ".join(f"+{name}" for name in missing)
            return None, f"it lifts {', '.join(missing)}, which no rule that covers it names ({covering[0]} {names})"
        if self.shell is not None:
            return self._allowed_command(self.shell, lifting, rules, refusals)
        general = next((rule for rule in lifting if rule.pattern is None), None)
        if general is None:
            return self._allowed_target(lifting)
        looked_for = [rule for rule in refusals if rule.pattern is not None and rule.covers(self.tool_name)]
        if looked_for and not self._has_target:
            return None, f"its input does not tell whether {looked_for[0]} covers it"
        return general, f"{general} covers every use of {self.tool_name}"

    @property
    def _has_target(self) -> bool:
        """Whether the input tells what the tool is used on."""
        match subject_of(self.tool_name):
            case "path":
                return bool(self.paths)
            case "domain":
                return targets.host_of(self.tool_input) is not None
            case "name":
                return targets.name_of(self.tool_input) is not None
            case _:
                return False

    def _doubtful_target(self, rule: Rule, pattern: str) -> str | None:
        if rule.subject != "path":
            return None
        for path in self.paths:
            if path.doubt:
                return f"{path.text!r}: {path.doubt}"
        if _writes(rule) and (why := _second_name(rule, self.paths)) is not None:
            return why
        found = targets.searched_name(self.tool_name, self.tool_input)
        if found is not None and is_named(pattern, found):
            return f"it searches {found!r}, which {rule} may cover"
        return None

    def _refused_target(self, rule: Rule, pattern: str) -> str | None:
        match rule.subject:
            case "command":
                return None if self.shell is None else self._refused_command(self.shell, rule)
            case "path":
                for path in self.paths:
                    if self._loosely(pattern, path):
                        return f"{rule} covers {path.text!r}{_led(path)}"
            case "domain":
                host = targets.host_of(self.tool_input)
                if host is not None and _is_host(pattern, host, below=True):
                    return f"{rule} covers {host}"
            case _:
                name = targets.name_of(self.tool_input)
                if name is not None and fnmatchcase(name.casefold(), pattern.casefold()):
                    return f"{rule} covers {name!r}"
        return None

    def _refused_command(self, shell: ShellCall, rule: Rule) -> str | None:
        for line in shell.lines:
            if line.unreadable and mentions(rule.pattern, shell.text):
                return f"the command cannot be read, and names what {rule} refuses"
            for command in line.commands:
                if covers_loosely(rule.pattern, command):
                    return f"{rule} covers {command.shown!r}"
        return None

    def _refused_in_shell(self, rule: Rule) -> str | None:
        assert self.shell is not None
        match rule.subject:
            case "path":
                written = self.shell.written if _writes(rule) else ()
                read = self.shell.read if _reads(rule) and rule.pattern is not None else ()
                for path in (*written, *read):
                    if rule.pattern is None or self._loosely(rule.pattern, path):
                        return f"the command uses {path.text!r}{_led(path)}, which {rule} covers"
            case "domain":
                for host in self.shell.hosts if rule.pattern is not None else ():
                    if _is_host(str(rule.pattern), host, below=True):
                        return f"the command names {host}, which {rule} covers"
            case _:
                pass
        return None

    def _allowed_target(self, rules: Iterable[Rule]) -> tuple[Rule | None, str]:
        used: Rule | None = None
        match subject_of(self.tool_name):
            case "path":
                if not self.paths:
                    return None, "its input names no path that can be judged"
                for path in self.paths:
                    used = next((rule for rule in rules if self._strictly(rule, path)), None)
                    if used is None:
                        return None, self._uncovered(path)
                return used, f"{used} covers {', '.join(path.text for path in self.paths)}"
            case "domain":
                host = targets.host_of(self.tool_input, surely=True)
                used = next((rule for rule in rules if host and _is_host(str(rule.pattern), host, below=False)), None)
                return (
                    used,
                    f"{used} covers {host}" if used else f"no rule covers {host or 'a call that names no host'}",
                )
            case _:
                name = targets.name_of(self.tool_input)
                used = next((rule for rule in rules if name and fnmatchcase(name, str(rule.pattern))), None)
                return used, f"{used} covers {name!r}" if used else f"no rule covers {name!r}"

    def _allowed_command(
        self, shell: ShellCall, rules: Sequence[Rule], allows: Sequence[Rule], refusals: Sequence[Rule]
    ) -> tuple[Rule | None, str]:
        general = next((rule for rule in rules if rule.pattern is None), None)
        hidden = shell.doubts
        if general is not None:
            looked_for = any(rule.subject in ("command", "path", "domain") for rule in refusals)
            if not looked_for:
                return general, f"{general} covers every command"
            paths_matter = any(rule.subject in ("path", "domain") for rule in refusals)
            hidden = [*hidden, *shell.blind_spots(arguments=paths_matter)]
        if hidden:
            return None, f"what runs cannot be told: {hidden[0]}"
        if general is not None:
            return general, f"{general} covers every command"
        used: Rule | None = None
        for line in shell.outer:
            for command in line.commands:
                used = next((rule for rule in rules if covers_strictly(rule.pattern, command)), None)
                if used is None:
                    return None, f"no rule covers {command.shown!r}"
        for path in shell.redirected:
            if not any(_writes(rule) and self._strictly(rule, path) for rule in allows):
                return None, f"no rule allows it to write {path.text!r}"
        return used, f"{used} covers it" if used else "it runs nothing that a rule could cover"

    def _emptied(self, rule: Rule, pattern: str, shell: ShellCall) -> str | None:
        """Return why a command that takes a whole folder away may take what a rule refuses."""
        folder = next((path for path in shell.emptied if lies_below(pattern, path, self.workspace)), None)
        if folder is None:
            return None
        return f"the command may change all that is in {folder.text!r}, and with it what {rule} covers"

    def _loosely(self, pattern: str, path: NamedPath) -> bool:
        return covers(pattern, path, self.workspace, loosely=True)

    def _strictly(self, rule: Rule, path: NamedPath) -> bool:
        if _writes(rule) and is_shared(path):
            return False
        return rule.pattern is None or covers(rule.pattern, path, self.workspace, loosely=False)

    def _uncovered(self, path: NamedPath) -> str:
        if path.doubt:
            return f"{path.text!r}: {path.doubt}"
        if is_shared(path):
            return f"{path.text!r} has a second name elsewhere (a hard link)"
        return f"no rule covers {path.text!r}{_led(path)}"


def _second_name(rule: Rule, paths: Iterable[NamedPath]) -> str | None:
    """Return why a change of one of these files may be one that a rule refuses."""
    shared = next((path for path in paths if is_shared(path)), None)
    return None if shared is None else f"{shared.text!r} has a second name (a hard link), which {rule} may cover"


def _writes(rule: Rule) -> bool:
    return rule.covers("Write") or rule.covers("Edit")


def _reads(rule: Rule) -> bool:
    return rule.covers("Read") or rule.covers("Grep")


def _implied(rule: Rule) -> frozenset[str]:
    """What a rule names by its pattern: a place outside of the workspace, a host."""
    if rule.subject == "path" and rule.pattern is not None and is_absolute(rule.pattern):
        return frozenset({"path"})
    return frozenset({"network"}) if rule.subject == "domain" and rule.pattern is not None else frozenset()


def _is_host(pattern: str, host: str, *, below: bool) -> bool:
    wanted = targets.ascii_host(pattern.removeprefix("domain:").strip())
    return fnmatchcase(host, wanted) or (below and host.endswith(f".{wanted}"))


def _led(path: NamedPath) -> str:
    return f", which leads to {path.forms[0]!r}" if len(path.forms) > 1 else ""
