"""Calls that Codex makes without calling a hook: a refusal of one switches its tool off, or is no session. Pure.

The provider of the model searches the web, opens pages and draws by itself (0.163), so that nobody can be asked about a
single search; what the model writes to a program that runs already has no hook either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from agent_sdk_core.errors import UnsupportedOptionError
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.policy.rules import Rule, subject_of
from agent_sdk_core.wire.reading import Json
from codex_sdk.process.config_keys import merged

_SWITCHES: Final[Mapping[str, tuple[str, Json]]] = {
    "WebSearch": ("tools.web_search", {"web_search": "disabled"}),
    "WebFetch": ("tools.web_search", {"web_search": "disabled"}),
    "ImageGeneration": ("features.image_generation", {"features": {"image_generation": False}}),
}
"""How each tool is switched off, and the dotted key that would have a word in it."""


def refused_unseen(config: Json, options: SessionOptions) -> Json:
    """Return the configuration of a thread without the tools that its policy refuses and no hook would see.

    Raises:
        UnsupportedOptionError: A rule is about such a tool alone, and it cannot be switched off.
    """
    for rule in _refusals(options):
        if _is_of_input(rule):
            raise UnsupportedOptionError(
                "The codex backend sees no single input that is written to a program which runs already, so that the "
                f"rule {rule.text!r} of SessionOptions.policy would not bind: refuse the command that starts the "
                'program, or pass policy_scope="asked_only" to accept that.',
                backend="codex",
                details={"option": "policy", "rule": rule.text},
            )
        for name, (dotted, switch) in _SWITCHES.items():
            if _is_of(rule, name):
                config = merged({key: value for key, value in config.items() if key != dotted}, switch)
    return config


def is_unseen(rule: Rule) -> bool:
    """Tell whether a refusal is about what no hook sees, which a session that is open cannot be refused."""
    return _is_of_input(rule) or any(_is_of(rule, name) for name in _SWITCHES)


def _is_of_input(rule: Rule) -> bool:
    return rule.covers("WriteStdin") and not rule.covers("Bash")


def _is_of(rule: Rule, name: str) -> bool:
    return rule.covers(name) and (rule.pattern is None or rule.subject == subject_of(name))


def _refusals(options: SessionOptions) -> Iterator[Rule]:
    if options.policy is not None and options.policy_scope != "asked_only":
        yield from (rule for rule in options.policy.rules if rule.verdict != "allow")
