"""Which agents the suite runs on: those that the command line names, else those of the configuration."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, cast

import pytest

from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import OPTIONS, TRAITS


def agents_under_test(config: pytest.Config) -> list[type[Agent]]:
    """Return the classes of the agents, in the order in which they are named.

    Raises:
        pytest.UsageError: None is named, or a name does not lead to an agent; says which.
    """
    names = cast("Sequence[str]", config.getoption("contract_agent") or config.getini("contract_agents"))
    if not names:
        raise pytest.UsageError(
            "The contract suite needs an agent to run on: --contract-agent MODULE:CLASS, or contract_agents in the "
            "configuration of pytest."
        )
    agents = [_load(name) for name in names]
    if len({agent.name for agent in agents}) < len(agents):
        raise pytest.UsageError(f"Two of the agents under test have the same name: {', '.join(names)}.")
    return agents


def _load(name: str) -> type[Agent]:
    module, _, attribute = name.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise pytest.UsageError(f"The agent under test {name!r} (MODULE:CLASS) cannot be loaded: {error}.") from error
    if not (isinstance(found, type) and issubclass(found, Agent)):
        raise pytest.UsageError(f"The agent under test {name!r} is no subclass of {Agent.__module__}.Agent.")
    for what, declared, known in (
        ("traits", found.traits, TRAITS),
        ("unsupported_options", found.unsupported_options, OPTIONS),
    ):
        if unknown := sorted(set(declared) - set(known)):
            raise pytest.UsageError(f"{name}.{what} has what does not exist: {', '.join(unknown)}.")
    return found
