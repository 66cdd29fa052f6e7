"""Updates that come with an answer: what of them a session can keep, and what it keeps of them until it ends.

Rules of the session are held against what the agent does like those of its policy, which they can tighten and never
loosen: the strictest verdict of both holds. Whoever is told to keep more than can be kept hears it before anything is
sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from agent_sdk_core.asking.permissions import Allow, PermissionMode, PermissionOption, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest
from agent_sdk_core.asking.updates import PermissionUpdate
from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import existing_folder, off_the_loop
from agent_sdk_core.runtime.asking.policing import Police
from agent_sdk_core.runtime.driver import SessionDriver

if TYPE_CHECKING:
    from agent_sdk_core.policy.rules import Rule

_RULES: Final = frozenset({"add_rules", "replace_rules", "remove_rules"})
_DIRECTORIES: Final = frozenset({"add_directories", "remove_directories"})


class Updating(Protocol):
    """A session, as far as answers change it."""

    options: SessionOptions
    police: Police | None

    def need_police(self) -> Police:
        """Return what holds rules against what the agent does, made if there is none."""
        ...

    async def set_permission_mode(self, mode: PermissionMode | None) -> None:
        """Use this mode from the next turn."""

    def note_mode(self, mode: PermissionMode) -> None:
        """Note that the agent was told a mode with an answer."""


class SessionUpdates:
    """What answers changed for one session.

    Args:
        session: The session.
        driver: The agent's side.
        can: Returns what the backend can do.

    Attributes:
        rules: The rules that hold until the session ends.
        directories: The folders in which it works beside its own.
    """

    def __init__(self, session: Updating, driver: SessionDriver, can: Callable[[], BackendCapabilities]) -> None:
        self._session = session
        self._driver = driver
        self._can = can
        self.rules: tuple[Rule, ...] = ()
        self.directories: tuple[str, ...] = ()

    def fitted(self, request: AgentRequest, answer: AgentAnswer) -> AgentAnswer:
        """Return an answer as the agent is told it: with the option that stands for what is kept beyond the session.

        Raises:
            InvalidRequestError: A rule cannot be read, or would not do what it says.
            UnsupportedOptionError: An update cannot be kept.
        """
        if not isinstance(answer, Allow) or not answer.updates or not isinstance(request, PermissionRequest):
            return answer
        for update in answer.updates:
            rules = rules_of(update)
            if self._driver.updates == "ours":
                self._require_kept(request, update, rules)
        lasting = tuple(update for update in answer.updates if update.destination != "session")
        if self._driver.updates != "ours" or not lasting:
            return answer
        option = self._option_for(request, lasting)
        if answer.option not in (None, option.id):
            raise InvalidRequestError(
                f"An answer stands for one option, and this one for {answer.option!r} and, by its updates, for "
                f"{option.id!r}; leave one of them out.",
                backend=self._driver.name,
            )
        return replace(answer, option=option.id)

    async def look(self, request: AgentRequest, answer: AgentAnswer) -> None:
        """Refuse folders that are not there, off the event loop, and what whoever gets the answer would not take.

        Raises:
            AgentError: Says why.
        """
        if self._driver.updates == "passed":
            await self._driver.look_at(request, answer)
            return
        for update in answer.updates if isinstance(answer, Allow) else ():
            if update.type == "add_directories":
                for folder in update.directories:
                    await off_the_loop(_require_folder, folder, self._driver.name)

    async def take(self, request: AgentRequest, answer: AgentAnswer | None) -> None:
        """Have what an answer changes hold from now on; called before the agent hears of it."""
        if not isinstance(answer, Allow) or not isinstance(request, PermissionRequest):
            return
        if self._driver.updates == "sent":
            for update in (*_chosen(request, answer), *answer.updates):
                if update.mode is not None:
                    self._session.note_mode(update.mode)
        if not answer.updates or self._driver.updates == "passed":
            return
        for update in answer.updates:
            if update.destination == "session":
                self._note(update)
            if update.type == "set_mode" and self._driver.updates == "ours":
                await self._session.set_permission_mode(update.mode)
        if self.rules or self._session.police is not None:
            self._session.need_police().added = self.rules
        await self._driver.take_updates(self.rules, self.directories)

    def _note(self, update: PermissionUpdate) -> None:
        rules = rules_of(update)
        match update.type:
            case "add_rules":
                self.rules = tuple(dict.fromkeys((*self.rules, *rules)))
            case "replace_rules":
                self.rules = (*(rule for rule in self.rules if rule.verdict != update.behavior), *rules)
            case "remove_rules":
                self.rules = tuple(rule for rule in self.rules if rule not in rules)
            case "add_directories":
                self.directories = tuple(dict.fromkeys((*self.directories, *update.directories)))
            case "remove_directories":
                self.directories = tuple(one for one in self.directories if one not in update.directories)
            case "set_mode":
                pass

    def _require_kept(self, request: PermissionRequest, update: PermissionUpdate, rules: Sequence[Rule]) -> None:
        """Refuse an update of the session that we cannot keep for the agent."""
        if update.type == "set_mode" and update.mode not in self._can().permission_modes:
            raise self._unsupported(f"has no mode {update.mode!r}")
        if update.destination != "session":
            return
        if update.type in _DIRECTORIES:
            self._require_directories(update)
        if update.type in ("add_rules", "replace_rules"):
            for rule in rules:
                self._require_binding(rule)
                self._require_lifting(request, rule)
        elif update.type == "remove_rules" and (missing := [rule.text for rule in rules if rule not in self.rules]):
            raise InvalidRequestError(
                f"No answer added {', '.join(map(repr, missing))} to {update.behavior} in this session; rules of a "
                "policy stay as they are.",
                backend=self._driver.name,
            )

    def _require_directories(self, update: PermissionUpdate) -> None:
        if not self._driver.changes_directories:
            raise self._unsupported("cannot change the folders of a session; open another with SessionOptions.add_dirs")
        missing = [folder for folder in update.directories if folder not in self.directories]
        if update.type == "remove_directories" and missing:
            raise InvalidRequestError(
                f"No answer added {', '.join(map(repr, missing))} to the folders of this session.",
                backend=self._driver.name,
            )

    def _require_binding(self, rule: Rule) -> None:
        options = self._session.options
        if rule.verdict != "allow" and options.policy_scope != "asked_only":
            way = "every_call" if self._can().policy_scope == "every_call" else "asked_only"
            if way != "every_call" or not options.binds_every_call:
                accept = ", which accepts that" if way == "asked_only" else ""
                raise self._unsupported(
                    f"asks about some calls alone, and the rule {rule.text!r} ({rule.verdict}) would not bind the "
                    f'others; open the session with SessionOptions(policy_scope="{way}"){accept}'
                )
            if (instead := self._driver.unseen(rule)) is not None:
                raise self._unsupported(f"sees no single call that {rule.text!r} is about; {instead}")
        if rule.verdict == "allow" and rule.is_relative and options.cwd is None and options.resume is not None:
            raise InvalidRequestError(
                f"What the rule {rule.text!r} counts from is not known: the session was resumed without "
                "SessionOptions.cwd. Write an absolute path.",
                backend=self._driver.name,
            )

    def _require_lifting(self, request: PermissionRequest, rule: Rule) -> None:
        """Refuse an allow by which the very call that it comes with would be asked about again."""
        missing = sorted(request.escalates - rule.lifts)
        if rule.verdict == "allow" and missing and rule.covers(request.tool_name):
            lifted = " ".join(f"+{name}" for name in sorted(request.escalates | rule.lifts))
            bare = rule.text.partition(" +")[0] if rule.lifts else rule.text
            raise InvalidRequestError(
                f"The rule {rule.text!r} does not lift what this request lifts ({', '.join(missing)}), and it would be "
                f"asked about again; write {f'{bare} {lifted}'!r}.",
                backend=self._driver.name,
            )

    def _option_for(self, request: PermissionRequest, lasting: tuple[PermissionUpdate, ...]) -> PermissionOption:
        """Return the option of a request that keeps exactly this, for the agent keeps nothing else."""
        offered = [option for option in request.options if option.updates and isinstance(option.answer, Allow)]
        wanted = _kept(lasting)
        for option in offered:
            if _kept(option.updates) == wanted:
                return option
        texts = [repr(update) for option in offered for update in option.updates]
        raise self._unsupported(
            f"keeps beyond the session, with this request, {' or '.join(texts)} alone"
            if texts
            else "keeps nothing beyond the session with this request; leave the destination out"
        )

    def _unsupported(self, why: str) -> UnsupportedOptionError:
        name = self._driver.name
        return UnsupportedOptionError(
            f"Allow.updates: the {name} backend {why}.", backend=name, details={"option": "updates"}
        )


def rules_of(update: PermissionUpdate) -> tuple[Rule, ...]:
    """Return the rules of an update.

    Raises:
        InvalidRequestError: One cannot be read.
    """
    if update.type not in _RULES or update.behavior is None:
        return ()
    from agent_sdk_core.policy.rules import parse_rules

    return parse_rules(update.rules, update.behavior)


def _chosen(request: PermissionRequest, answer: Allow) -> Sequence[PermissionUpdate]:
    """Return what the option changes that an answer stands for, where it names it or says all of it."""
    for option in request.options:
        if option.id == answer.option or (answer.option is None and option.answer == replace(answer, updates=())):
            return option.updates
    return ()


def _kept(updates: Iterable[PermissionUpdate]) -> frozenset[object]:
    """Return what updates keep beyond the session, whatever way their rules are written."""
    return frozenset(
        (update.type, update.destination, update.mode, update.directories, rule and replace(rule, text=""))
        for update in updates
        for rule in (rules_of(update) or (None,))
    )


def _require_folder(folder: str, backend: str) -> None:
    existing_folder("updates", folder, backend=backend, owner="Allow")
