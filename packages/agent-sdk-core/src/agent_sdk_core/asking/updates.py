"""`PermissionUpdate`: what an answer changes of the permissions from then on, in our words and in the official ones.

The official ones are the class of this name in claude-agent-sdk, and its dictionaries as the protocol has them. Pure.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, Literal, cast, get_args

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.asking.mode_names import PermissionMode, parse_mode
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import nearest
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.forms import WireForm

UpdateType = Literal["add_rules", "replace_rules", "remove_rules", "set_mode", "add_directories", "remove_directories"]
"""What an update does."""

RuleBehavior = Literal["allow", "deny", "ask"]

UpdateDestination = Literal["session", "local", "project", "user"]
"""Where an update is kept: in the session, in the user's file for this project, in the project's, in the user's."""

_TYPES: Final[tuple[UpdateType, ...]] = get_args(UpdateType)
_DESTINATIONS: Final[tuple[UpdateDestination, ...]] = get_args(UpdateDestination)
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(_TYPES[:3], ("rules", "behavior")),
    "set_mode": ("mode",),
    **dict.fromkeys(_TYPES[4:], ("directories",)),
}
"""The fields that each type needs; it takes no others."""

_OFFICIAL_RULE: Final = ("toolName", "ruleContent")
_PATH_TOOLS: Final = frozenset(
    {"Read", "Edit", "Write", "MultiEdit", "NotebookEdit", "NotebookRead", "Glob", "Grep", "LS"}
)


@checked_class("type", "rules", "behavior", "mode", "directories", "destination")
@dataclass(frozen=True, slots=True, repr=False)
class PermissionUpdate(WireForm):
    """What an answer changes from then on, for `Allow(updates=[…])`.

    Example:
        ```python
        Allow(updates=[PermissionUpdate("add_rules", ["Bash(git push *)"], "deny")])
        ```

    Attributes:
        type: "add_rules", "replace_rules" (all of one behaviour at one place), "remove_rules", "set_mode",
            "add_directories" or "remove_directories".
        rules: For rules: each as a policy has it, `Tool(pattern)`. An allow lifts no more than it names, as in
            `Bash(make *) +sandbox`.
        behavior: For rules: "allow", "deny" or "ask".
        mode: For `set_mode`.
        directories: For directories: absolute paths.
        destination: "session", which is kept until the session ends; "local", "project" and "user" are files, which
            not every agent has.

    Raises:
        InvalidRequestError: It lacks what its type needs, has what that does not take, or names what there is not.
    """

    type: UpdateType
    rules: Sequence[str] = ()
    behavior: RuleBehavior | None = None
    mode: PermissionMode | None = None
    directories: Sequence[str] = ()
    destination: UpdateDestination = "session"

    def __post_init__(self) -> None:
        """Read every spelling as ours, and refuse what does not go together."""
        given: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        kind = given["type"] = _one_of("type", _snake(given["type"]), _TYPES)
        given["destination"] = _destination(given["destination"])
        needed = _FIELDS[kind]
        for name in ("rules", "behavior", "mode", "directories"):
            if name in needed and not given[name] and (name, kind) != ("rules", "replace_rules"):
                raise _wrong(f"{kind} needs {name}")
            if name not in needed and given[name] not in (None, (), []):
                raise _wrong(f"{kind} takes no {name}; it takes {' and '.join(needed)}")
        given["rules"] = tuple(_rule(rule) for rule in _entries("rules", given["rules"]))
        given["directories"] = tuple(_directory(path) for path in _entries("directories", given["directories"]))
        if given["behavior"] is not None:
            given["behavior"] = _one_of("behavior", given["behavior"], get_args(RuleBehavior))
        if given["mode"] is not None:
            if not isinstance(given["mode"], str):
                raise _wrong(f"mode must be text, not {type(given['mode']).__name__}")
            given["mode"] = parse_mode(given["mode"])
        for name, value in given.items():
            object.__setattr__(self, name, value)


def read_updates(given: object) -> tuple[PermissionUpdate, ...]:
    """Return updates in whichever spelling they are.

    Raises:
        InvalidRequestError: They are none.
    """
    if isinstance(given, PermissionUpdate | Mapping | str) or not isinstance(given, Iterable):
        what = "one alone" if isinstance(given, PermissionUpdate | Mapping) else type(cast("object", given)).__name__
        raise InvalidRequestError(
            f"Allow: updates must be a list of PermissionUpdate, not {what}.", details={"option": "updates"}
        )
    return tuple(_update(each) for each in cast("Iterable[object]", given))


def _update(given: object) -> PermissionUpdate:
    if isinstance(given, PermissionUpdate):
        return given
    names = [each.name for each in fields(PermissionUpdate)]
    if isinstance(given, Mapping):
        told = cast("Mapping[object, object]", given)
        for name in told:
            if name not in names:
                meant = nearest(str(name), names)
                hint = f"did you mean {meant!r}?" if meant else f"it takes {', '.join(names)}."
                raise InvalidRequestError(
                    f"A PermissionUpdate takes no {name!r}; {hint}", details={"option": "updates"}
                )
        values = {str(name): value for name, value in told.items()}
    elif hasattr(given, "type") and hasattr(given, "behavior") and hasattr(given, "destination"):
        values = {name: getattr(given, name, None) for name in names}
    else:
        raise InvalidRequestError(
            f"Allow: updates must be a list of PermissionUpdate, and one is of type {type(given).__name__}.",
            details={"option": "updates"},
        )
    if "type" not in values:
        raise _wrong(f"it needs a type, one of {', '.join(_TYPES)}")
    kept: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    return PermissionUpdate(**kept)


def _rule(given: object) -> str:
    """Return a rule as text: what the official packages split in two, and write paths in otherwise, in one."""
    if isinstance(given, str):
        if not given.strip():
            raise _wrong("a rule is blank")
        return given.strip()
    if isinstance(given, Mapping):
        told = cast("Mapping[str, object]", given)
        tool, content = (told.get(name, told.get(_snake(name))) for name in _OFFICIAL_RULE)
    else:
        tool, content = getattr(given, "tool_name", None), getattr(given, "rule_content", None)
    if not isinstance(tool, str) or not tool.strip() or not (content is None or isinstance(content, str)):
        raise _wrong(f"a rule is a text such as 'Bash(git push *)', not {given!r}")
    if not content:
        return tool
    if tool in _PATH_TOOLS and content.startswith("/"):
        if not content.startswith("//"):
            raise _wrong(
                f"{content!r} of {tool} counts from where the rule is kept; write it as text: '{tool}({content})' "
                f"is absolute, and '{tool}({content.lstrip('/')})' counts from the workspace"
            )
        content = content[1:]
    return f"{tool}({content})"


def _directory(given: object) -> str:
    if not isinstance(given, str | os.PathLike):
        raise _wrong(f"directories must be a list of paths, and one is of type {type(given).__name__}")
    path = os.fspath(cast("str | os.PathLike[str]", given))
    if "\0" in path:
        raise _wrong(f"{path!r} is no path")
    path = os.path.expanduser(path)
    if not path.startswith("/"):
        raise _wrong(f"the directory {path!r} is relative; write an absolute path")
    return os.path.normpath(path)


def _entries(name: str, given: object) -> Iterable[object]:
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise _wrong(f"{name} must be a list, not {type(cast('object', given)).__name__}")
    return cast("Iterable[object]", given)


def _destination(given: object) -> str:
    """Return a destination: ours, or an official one such as "userSettings"; None is the session."""
    if given is None:
        return "session"
    text = given.removesuffix("Settings") if isinstance(given, str) else given
    return _one_of("destination", text, _DESTINATIONS)


def _one_of(what: str, given: object, known: tuple[str, ...]) -> Any:
    if given in known:
        return given
    meant = nearest(str(given), known)
    hint = f"did you mean {meant!r}?" if meant else f"there are: {', '.join(known)}"
    raise _wrong(f"there is no {what} {given!r}; {hint}")


def _snake(name: object) -> Any:
    return re.sub(r"(?<=[a-z])[A-Z]", lambda found: f"_{found[0].lower()}", name) if isinstance(name, str) else name


def _wrong(reason: str) -> InvalidRequestError:
    end = "" if reason.endswith("?") else "."
    return InvalidRequestError(f"PermissionUpdate: {reason}{end}", details={"option": "updates"})
