"""The table of hooks: what it takes, what it refuses, and which hooks are called for what."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytest

from agent_sdk_core import (
    Block,
    Hook,
    Hooks,
    InvalidRequestError,
    PreToolUseEvent,
    SessionOptions,
    UnsupportedOptionError,
)


async def check(event: Any) -> Block | None:
    return None


def plain(event: Any) -> None:
    return None


AnyHook: Any = Hook
AnyHooks: Any = Hooks


class Checks:
    async def __call__(self, event: Any) -> None:
        return None


GIVEN = [check, Hook(check), [check], (Hook(check), check), iter([check]), Checks(), partial(check)]


@pytest.mark.parametrize("given", GIVEN)
def test_a_function_a_hook_or_several_will_do(given: Any) -> None:
    hooks = Hooks(pre_tool_use=given)
    assert hooks.names == ("pre_tool_use",)
    assert all(isinstance(hook, Hook) for hook in hooks.of("pre_tool_use"))
    assert hooks.of("stop") == ()


def test_several_hooks_take_their_seconds_together() -> None:
    hooks = Hooks(pre_tool_use=[Hook(check, timeout=2), Hook(check, timeout=3.5)])
    assert hooks.seconds("pre_tool_use") == 5.5
    assert hooks.seconds("stop") == 0
    assert Hooks().names == ()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: AnyHook(plain), "async def"),
        (lambda: AnyHook(check, matcher="("), "regular expression"),
        (lambda: AnyHook(check, timeout=0), "seconds"),
        (lambda: AnyHook(check, timeout=float("inf")), "seconds"),
        (lambda: AnyHooks(pre_tool_use=5), "not int"),
        (lambda: AnyHooks(pre_tool_use=["check"]), "not str"),
        (lambda: AnyHooks(pre_tool_use="check"), "not str"),
        (lambda: AnyHooks(stop=Hook(check, matcher="Bash")), "nothing to match"),
        (lambda: AnyHooks(pre_tool_use=[plain]), "async def"),
    ],
)
def test_what_cannot_be_called_is_refused_when_it_is_made(make: Any, why: str) -> None:
    with pytest.raises(InvalidRequestError, match=why):
        make()


@pytest.mark.parametrize(
    ("matcher", "matches"),
    [
        (None, True),
        ("", True),
        ("*", True),
        ("Bash", True),
        ("Read|Bash", True),
        ("B.*", True),
        ("Ba", False),
        ("bash", False),
    ],
)
def test_a_matcher_is_held_against_the_whole_name(matcher: str | None, matches: bool) -> None:
    assert Hook(check, matcher=matcher).matches(["Bash"]) is matches
    assert Hook(check, matcher=matcher).matches(["Edit", "Bash"]) is matches


def test_hooks_that_a_backend_does_not_have_are_refused_by_name() -> None:
    hooks = Hooks(stop=check, pre_skill_command=check)
    hooks.require("any", {"stop", "pre_skill_command"})
    with pytest.raises(UnsupportedOptionError, match=r"pre_skill_command.*it has stop") as caught:
        hooks.require("any", {"stop"})
    assert caught.value.details == {"option": "hooks", "hook": "pre_skill_command"}
    with pytest.raises(UnsupportedOptionError, match="it has none"):
        hooks.require("any", ())


def test_options_take_hooks_alone() -> None:
    assert SessionOptions(hooks=None).hooks is None
    with pytest.raises(InvalidRequestError, match=r"Hook\(check, matcher='Bash'\)"):
        SessionOptions.model_validate({"hooks": {"PreToolUse": []}})


def test_an_event_of_a_test_needs_no_more_than_it_tells() -> None:
    event = PreToolUseEvent("Bash", {"command": "ls"})
    assert (event.name, event.subject, event.session_id) == ("pre_tool_use", "Bash", "")


def test_a_hook_of_three_arguments_is_told_that_it_gets_one() -> None:
    async def official(input_data: object, tool_use_id: object, context: object) -> None:
        del input_data, tool_use_id, context

    with pytest.raises(InvalidRequestError, match=r"Hook\(official\): a hook takes one argument, the event"):
        Hook(cast("Any", official))
